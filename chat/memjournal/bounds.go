package memjournal

import (
	"fmt"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// keyLife is how long a key is remembered at least, whatever becomes of its
// entry, and how long the head of an empty room. Only MaxBytes removes them earlier.
const keyLife = 24 * time.Hour

// trimLocked removes the entries that the room's retention does not keep, and their
// keys once these are old enough.
func (s *store) trimLocked(r *room, keep journal.Retention, now int64) {
	r.keep = keep
	for r.entries.len() > 0 {
		if !(keep.Count > 0 && r.entries.len() > keep.Count ||
			keep.Age > 0 && since(r.entries.at(0).at, now) > keep.Age ||
			keep.Bytes > 0 && r.size > keep.Bytes) {
			break
		}
		s.dropEntryLocked(r)
	}
	for use, old := r.oldKey(); old && since(use.at, now) >= keyLife; use, old = r.oldKey() {
		s.dropKeyLocked(r)
	}
}

// expireLocked drops rooms that have been empty for as long as keys live. It drops few
// at once, since it is called for each entry.
func (s *store) expireLocked(now int64) {
	for range 2 {
		r := first(&s.empty)
		if r == nil || since(r.emptied, now) < keyLife {
			return
		}
		s.dropRoomLocked(r)
	}
}

// shrinkLocked keeps to MaxBytes, as Options says. It looks only at rooms that lose
// something. The room that speaks now stays; it may be nil.
func (s *store) shrinkLocked(speaks *room) {
	for s.allBytesLocked() > s.maxBytes {
		if r := first(&s.oldKeys); r != nil {
			s.dropKeyLocked(r)
			continue
		}
		talker, empty := first(&s.silent), first(&s.empty)
		if empty == speaks {
			empty = nil
		}
		switch {
		case empty != nil && (talker == nil || empty.spoke < talker.spoke):
			s.dropRoomLocked(empty)
		case talker != nil:
			s.dropEntryLocked(talker)
		default:
			return
		}
	}
}

func (s *store) growLocked(r *room, n int64) {
	r.size += n
	s.bytes += n
}

func (s *store) dropEntryLocked(r *room) {
	s.growLocked(r, -int64(r.entries.at(0).size))
	r.entries.drop()
	s.bytes -= entryExtra
	s.entries--
	if r.entries.len() == 0 || r.inOldKeys == nil && r.keyOrder.len() > 0 {
		s.listLocked(r)
	}
}

func (s *store) dropKeyLocked(r *room) {
	k := *r.keyOrder.at(0)
	r.keyOrder.drop()
	delete(r.keys, k)
	s.bytes -= k.cost()
	if r.keyOrder.len() == 0 {
		r.keys = nil
	}
	s.listLocked(r)
}

// clearLocked removes all entries and keys of a room.
func (s *store) clearLocked(r *room) {
	for r.entries.len() > 0 {
		s.dropEntryLocked(r)
	}
	for r.keyOrder.len() > 0 {
		s.dropKeyLocked(r)
	}
}

// dropRoomLocked removes a room, its head included. Numbers that it gave must not be
// given again in the same epoch: see nextEpochLocked. Nobody may follow the room.
func (s *store) dropRoomLocked(r *room) {
	s.clearLocked(r)
	if r.lasts {
		s.lasting -= r.life.cost()
	}
	enter(&s.empty, &r.inEmpty, r, false)
	s.bytes -= r.life.cost()
	delete(s.rooms, r.life.name)
	if r.last > 0 {
		s.dropped = true
	}
}

// checkSpaceLocked returns an error if records and the rooms that they belong to may not
// grow by n.
func (s *store) checkSpaceLocked(n int64) error { return s.checkBoundLocked(n, s.maxBytes/2, "half") }

// checkRecordLocked is checkSpaceLocked for one record. Those that are vital have a reserve.
func (s *store) checkRecordLocked(r *journal.Record) error {
	n := s.records.growth(r)
	if journal.IsVital(r.Key) {
		return s.checkBoundLocked(n, s.maxBytes/8*5, "five eighths")
	}
	return s.checkSpaceLocked(n)
}

func (s *store) checkBoundLocked(n, most int64, part string) error {
	if has := s.records.bytes + s.lasting; n > 0 && has+n > most {
		return fmt.Errorf("%w: records in memory and their rooms have %d bytes, and may have %d: %s of the journal's bound",
			journal.ErrUnavailable, has, most, part)
	}
	return nil
}
