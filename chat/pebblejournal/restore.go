package pebblejournal

import (
	"context"
	"errors"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
)

var _ journal.Restorer = (*Journal)(nil)

// run is entries that are restored together: they are of one group, and one that
// fails ends it.
type run struct {
	failed   bool           // owned by the committer
	answered sync.WaitGroup // one for each of them
}

// errAfterFailure is the answer to the entries of a run behind one that failed.
var errAfterFailure = errors.New("an entry before it could not be restored")

// Restore implements journal.Restorer. The entries are written at once: some
// hundreds of them, a megabyte or so, are a good measure. It waits even when ctx
// ends: the disk is about to answer.
func (j *Journal) Restore(ctx context.Context, entries []journal.Entry) (recorded, known int, err error) {
	if err := ctx.Err(); err != nil || len(entries) == 0 {
		return 0, 0, err
	}
	type answer struct {
		receipt journal.Receipt
		err     error
	}
	r := new(run)
	answers := make([]answer, len(entries))
	items := make([]item, len(entries))
	size := 0
	for i, e := range entries {
		it := &items[i]
		*it = item{entry: e, run: r}
		it.done = func(receipt journal.Receipt, err error) {
			answers[i] = answer{receipt, err}
			r.answered.Done()
		}
		if e.Key != "" {
			it.claim = claimOf(e.Room, e.From.ID, e.Key)
		}
		size += it.size()
	}
	r.answered.Add(len(items))
	if err := j.queue.putAll(true, size, items...); err != nil {
		return 0, 0, err
	}
	r.answered.Wait()
	for _, a := range answers {
		switch {
		case a.err != nil:
			return recorded, known, a.err
		case a.receipt.Duplicate:
			known++
		default:
			recorded++
		}
	}
	return recorded, known, nil
}

// restore adds an entry that has its number to the batch, unless it is known.
func (g *group) restore(it *item) error {
	if it.run.failed {
		return errAfterFailure
	}
	r, err := g.room(it.entry.Room)
	if err == nil {
		it.receipt.Duplicate, err = g.checkRestore(&it.entry, r)
	}
	if err == nil && !it.receipt.Duplicate {
		err = g.enter(it, r)
	}
	it.run.failed = err != nil
	return err
}

// checkRestore is journal.CheckRestore and journal.CheckKnown for the room.
func (g *group) checkRestore(e *journal.Entry, r *room) (known bool, err error) {
	at := r.next.lastAt
	if e.At < at && e.Seq == r.next.last+1 {
		// What passed since has a time, too. It does not count here.
		if at, err = g.newestAt(r); err != nil {
			return false, err
		}
	}
	known, err = journal.CheckRestore(e, r.next.last, at)
	if !known || err != nil || e.Seq < r.next.first {
		return known, err
	}
	there, err := g.entry(r, e.Seq)
	if err != nil {
		return false, err
	}
	return true, journal.CheckKnown(e, &there)
}

// newestAt is the time of the room's newest entry; 0 where it is not kept.
func (g *group) newestAt(r *room) (int64, error) {
	if r.next.empty() {
		return 0, nil
	}
	e, err := g.entry(r, r.next.last)
	return e.At, err
}

// entry returns an entry that the room has, with the group so far.
func (g *group) entry(r *room, seq journal.Seq) (journal.Entry, error) {
	if old := r.next.last - journal.Seq(len(r.fresh)); seq > old {
		return r.fresh[seq-old-1].Entry, nil
	}
	value, err := g.handle.get(entryKey(r.name, seq))
	if err == nil && value == nil {
		err = pebble.ErrNotFound
	}
	if err != nil {
		return journal.Entry{}, err
	}
	e, _, err := decodeEntry(value, r.name, seq)
	return e, err
}
