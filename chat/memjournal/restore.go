package memjournal

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Restore implements journal.Restorer.
func (j *Journal) Restore(_ context.Context, entries []journal.Entry) (recorded, known int, err error) {
	for _, e := range entries {
		isKnown, err := j.restore(e)
		if err != nil {
			return recorded, known, err
		}
		if isKnown {
			known++
		} else {
			recorded++
		}
	}
	return recorded, known, nil
}

func (j *Journal) restore(e journal.Entry) (known bool, err error) {
	keep := j.retention(e.Room)
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return false, journal.ErrClosed
	}
	r := j.roomLocked(e.Room)
	if known, err = r.checkRestore(&e); known || err != nil {
		j.mu.Unlock()
		return known, err
	}
	r.at = max(r.at, e.At)
	j.recordLocked(r, e, keep, time.Now().UnixMilli())
	idle := r.queue(e)
	j.mu.Unlock()
	if idle {
		r.deliverAll()
	}
	return false, nil
}

// checkRestore calls CheckRestore and CheckKnown for the room.
func (r *room) checkRestore(e *journal.Entry) (known bool, err error) {
	var at int64
	if n := len(r.entries); n > 0 {
		at = r.entries[n-1].At
	}
	known, err = journal.CheckRestore(e, r.last, at)
	if there := r.entry(e.Seq); known && there != nil {
		err = journal.CheckKnown(e, there)
	}
	return known && err == nil, err
}
