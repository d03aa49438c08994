package chat

import (
	"context"
	"time"
)

// Restore implements Restorer.
func (j *memoryJournal) Restore(_ context.Context, entries []Entry) (recorded, known int, err error) {
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

func (j *memoryJournal) restore(e Entry) (known bool, err error) {
	keep := j.retention(e.Room)
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return false, ErrJournalClosed
	}
	r := j.roomLocked(e.Room)
	if known, err = r.checkRestore(&e); known || err != nil {
		j.mu.Unlock()
		return known, err
	}
	if e.Kind == Recall {
		j.eraseLocked(r, e.Target)
	}
	r.last, r.at = e.Seq, max(r.at, e.At)
	j.recordLocked(r, e, Receipt{Epoch: r.epoch, Seq: e.Seq, At: e.At}, keep, time.Now().UnixMilli())
	idle := len(r.followers) > 0 && r.box.put(delivery{entry: e, to: r.followers})
	j.mu.Unlock()
	if idle {
		r.deliverAll()
	}
	return false, nil
}

// checkRestore is CheckRestore and CheckKnown for the room.
func (r *memoryRoom) checkRestore(e *Entry) (known bool, err error) {
	var at int64
	if n := len(r.entries); n > 0 {
		at = r.entries[n-1].At
	}
	known, err = CheckRestore(e, r.last, at)
	if known && e.Seq >= r.firstSeq() {
		err = CheckKnown(e, &r.entries[e.Seq-r.firstSeq()])
	}
	return known && err == nil, err
}
