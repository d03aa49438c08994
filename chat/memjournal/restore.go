package memjournal

import (
	"bytes"
	"context"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Restore implements journal.Restorer. If the first entry of an empty room has a Count,
// the room goes on counting from it. Records and conditions of entries are ignored.
func (j *Journal) Restore(ctx context.Context, entries []journal.Entry) (recorded, known int, err error) {
	for _, e := range entries {
		isKnown, err := j.restore(ctx, e)
		switch {
		case err != nil:
			return recorded, known, err
		case isKnown:
			known++
		default:
			recorded++
		}
	}
	return recorded, known, nil
}

// RestoreRecords implements journal.Restorer.
func (j *Journal) RestoreRecords(ctx context.Context, list []journal.Record) (written int, err error) {
	for i := range list {
		if err := journal.CheckRecord(list[i].Key, list[i].Value); err != nil {
			return 0, err
		}
	}
	if err := j.lock(ctx); err != nil {
		return 0, err
	}
	var fresh []journal.Record
	grows := int64(0)
	for _, r := range list {
		if there := j.records.get(r.Key); there.Value != nil && there.Stamp.Seq >= r.Stamp.Seq {
			continue
		}
		r.Value, r.Stamp.Position = bytes.Clone(r.Value), 0
		grows += j.records.growth(&r)
		fresh = append(fresh, r)
	}
	if err := j.checkSpaceLocked(grows); err != nil {
		j.mu.Unlock()
		return 0, err
	}
	var due []drainer
	for _, r := range fresh {
		due = j.records.set(r, due)
	}
	j.shrinkLocked(nil)
	j.mu.Unlock()
	drainAll(due)
	return len(fresh), nil
}

func (j *Journal) restore(ctx context.Context, e journal.Entry) (known bool, err error) {
	e.With, e.Since = nil, 0
	if err := journal.CheckRestorable(&e); err != nil {
		return false, err
	}
	keep := j.retention(e.Room)
	if err := j.lock(ctx); err != nil {
		return false, err
	}
	known, due, err := j.restoreLocked(&e, keep)
	j.mu.Unlock()
	drainAll(due)
	return known, err
}

func (s *store) restoreLocked(e *journal.Entry, keep journal.Retention) (known bool, due []drainer, err error) {
	r := s.rooms[e.Room]
	if r != nil {
		s.trimLocked(r, keep, now()) // a key that is too old is free
		if known, err := r.checkRestore(e); known || err != nil {
			return known, nil, err
		}
	}
	if err := s.checkSpaceLocked(s.addsLocked(r, e)); err != nil {
		return false, nil, err
	}
	r = s.roomLocked(e.Room)
	if r.last == 0 && e.Count > 0 {
		r.count = e.Count
		if e.Counts() {
			r.count--
		}
	}
	r.at = max(r.at, e.At)
	return false, s.recordLocked(r, e, keep, now(), nil), nil
}

// checkRestore calls CheckRestore and CheckKnown for the room.
func (r *room) checkRestore(e *journal.Entry) (known bool, err error) {
	known, err = journal.CheckRestore(e, r.last, r.lastAt)
	if there := r.entry(e.Seq); known && there != nil {
		has := there.entry(r.life.name, e.Seq)
		err = journal.CheckKnown(e, &has)
	}
	return known && err == nil, err
}
