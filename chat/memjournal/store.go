package memjournal

import (
	"container/list"
	"crypto/rand"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// keyLife is how long a key is remembered at least, whatever becomes of its
// entry. Only MaxBytes removes it earlier.
const keyLife = 24 * time.Hour

// What a room and a key count for where bytes are bounded.
const (
	roomCost = 512
	keyCost  = 128
)

// store is all rooms. mu guards it, and is held by the callers of its methods.
type store struct {
	mu        sync.Mutex // guards the rest and the rooms; a room's mailbox is a leaf below it
	rooms     map[string]*room
	bySilence *list.List // of *room; the one that has been silent longest is first
	bytes     int64      // of all rooms
	entries   uint64     // of all rooms
	maxBytes  int64
	epoch     string // of rooms that begin now
	closed    bool
}

func newEpoch() string { return rand.Text()[:8] }

func (s *store) growLocked(r *room, n int64) {
	r.size += n
	s.bytes += n
}

// trimLocked removes the entries that the room's retention does not keep.
func (s *store) trimLocked(r *room, keep journal.Retention, now int64) {
	for len(r.entries) > 0 {
		age := time.Duration(now-r.entries[0].At) * time.Millisecond
		if !(keep.Count > 0 && len(r.entries) > keep.Count ||
			keep.Age > 0 && age > keep.Age ||
			keep.Bytes > 0 && r.size > keep.Bytes) {
			return
		}
		s.dropEntryLocked(r)
	}
}

// trimKeysLocked removes keys that are old enough and whose entries are gone.
func (s *store) trimKeysLocked(r *room, now int64) {
	for len(r.keyOrder) > 0 {
		oldest := r.keys[r.keyOrder[0]]
		if oldest.Seq >= r.first() || time.Duration(now-oldest.At)*time.Millisecond < keyLife {
			return
		}
		s.dropKeyLocked(r)
	}
}

// shrinkLocked keeps to MaxBytes. The rooms that have been silent longest lose
// their oldest entries, then their keys. A room that has neither, and no
// followers, is removed. The room that speaks now is never removed.
func (s *store) shrinkLocked() {
	for element := s.bySilence.Front(); element != nil && s.bytes > s.maxBytes; {
		r := element.Value.(*room)
		switch {
		case len(r.entries) > 0:
			s.dropEntryLocked(r)
		case len(r.keyOrder) > 0:
			s.dropKeyLocked(r)
		default:
			element = element.Next()
			if len(r.followers) == 0 && element != nil {
				s.dropRoomLocked(r)
			}
		}
	}
}

func (s *store) dropEntryLocked(r *room) {
	s.growLocked(r, -int64(r.entries[0].Size()))
	s.entries--
	r.entries[0] = journal.Entry{}
	r.entries = r.entries[1:]
}

func (s *store) dropKeyLocked(r *room) {
	delete(r.keys, r.keyOrder[0])
	r.keyOrder = r.keyOrder[1:]
	s.bytes -= keyCost
}

// dropRoomLocked removes a room. If it gave numbers, they must not be given again
// in the same epoch: every room that begins from now on has a new epoch.
func (s *store) dropRoomLocked(r *room) {
	s.bySilence.Remove(r.element)
	delete(s.rooms, r.name)
	s.bytes -= roomCost
	if r.last > 0 {
		s.epoch = newEpoch()
	}
}
