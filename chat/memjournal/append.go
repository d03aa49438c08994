package memjournal

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Append implements journal.Journal. It never waits.
func (j *Journal) Append(_ context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	var receipt journal.Receipt
	var space [4]drainer
	due := space[:0]
	err := journal.CheckEntry(&e)
	if err == nil {
		receipt, due, err = j.append(&e, j.retention(e.Room), now(), due)
	}
	protect(j.log, func() { done(receipt, err) })
	drainAll(due)
}

func (j *Journal) append(e *journal.Entry, keep journal.Retention, now int64, due []drainer) (journal.Receipt, []drainer, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return journal.Receipt{}, due, journal.ErrClosed
	}
	r := j.rooms[e.Room]
	e.Seq, e.Count, e.Position, e.Edited, e.Recalled, e.Epoch = 0, 0, 0, 0, false, ""
	if e.Body == nil && e.Kind.Effect() == journal.Replace {
		e.Body = []byte{} // only one that is restored has none
	}
	if !e.Kind.Recorded() {
		due = j.passOnLocked(r, e, now, due)
		return journal.Receipt{At: e.At}, due, nil
	}
	if r != nil {
		j.trimLocked(r, keep, now) // what is too old is no target
	}
	if r != nil && e.Key != "" {
		if first, ok := r.used(e.From.ID, e.Key); ok {
			return first, due, nil
		}
	}
	if err := j.checkLocked(r, e); err != nil {
		return journal.Receipt{}, due, err
	}
	last := journal.Seq(0)
	if r != nil {
		last = r.last
	}
	var err error
	if e.Seq, err = journal.NextSeq(last); err != nil {
		return journal.Receipt{}, due, err
	}
	r = j.roomLocked(e.Room)
	r.at = max(r.at, now)
	e.At = r.at
	due = j.recordLocked(r, e, keep, now, due)
	return journal.Receipt{Epoch: r.life.epoch, Seq: e.Seq, At: e.At, Count: e.Count, Position: e.Position}, due, nil
}

// passOnLocked passes on a transient entry. It makes no room: nobody follows one that is
// not there.
func (s *store) passOnLocked(r *room, e *journal.Entry, now int64, due []drainer) []drainer {
	e.At = now
	if r == nil {
		return due
	}
	r.at = max(r.at, e.At)
	e.At = r.at
	if r.queue(e) {
		due = append(due, &r.outgoing)
	}
	return due
}
