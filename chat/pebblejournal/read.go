package pebblejournal

import (
	"context"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
)

// A page is at most so many entries, and stops growing beyond so many bytes.
const (
	pageMax      = 1000
	pageMaxBytes = 1 << 20
)

// Read returns a page of a room: at most 1000 entries, and not many when they
// are large. It shows nothing that isn't durable.
func (j *Journal) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return journal.Page{}, err
	}
	defer h.release()
	r, err := j.rooms.pin(q.Room, h.loadRoom)
	if err != nil {
		return journal.Page{}, err
	}
	defer j.rooms.unpin(r)
	keep := j.opt.retention(q.Room)
	// Retention may delete, between the look at the room and the look into
	// the store, what the page should begin with. It moves the beginning up
	// first, so that the next look is right.
	for range 3 {
		page, complete, err := j.readPage(h, r, q, keep)
		if complete || err != nil {
			return page, err
		}
	}
	return journal.Page{}, fmt.Errorf("read room: %w: entries are missing", errDamaged)
}

// readPage reads the page as the room stands now. It is not complete if some of
// it could not be found.
func (j *Journal) readPage(h *handle, r *room, q journal.Query, keep journal.Retention) (page journal.Page, complete bool, err error) {
	stand, recent := j.rooms.window(r, q, keep)
	at := keptOf(stand, keep)
	page = journal.Page{Epoch: j.epoch, First: at.first, Last: at.last, Entries: recent}
	from, to := span(q, at)
	if recent == nil && from < to {
		if page.Entries, complete, err = h.readEntries(q, from, to); err != nil || !complete {
			return page, false, err
		}
		if to == at.last+1 {
			j.rooms.remember(r, stand, page.Entries)
		}
	}
	if n := journal.Seq(len(page.Entries)); q.Backward {
		page.More = to-n > at.first
	} else {
		page.More = from+n <= at.last
	}
	return page, true, nil
}

// window returns how the room stands, and the entries asked for if memory has
// them all.
func (c *rooms) window(r *room, q journal.Query, keep journal.Retention) (stand head, entries []journal.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, to := span(q, keptOf(r.head, keep))
	if from < to && len(r.recent) > 0 && from >= r.recent[0].Seq {
		first := r.recent[0].Seq
		entries = slices.Clone(r.recent[from-first : to-first])
	}
	return r.head, entries
}

// keptOf is the room with only as many entries as are to be kept of it.
func keptOf(at head, keep journal.Retention) head {
	if n := journal.Seq(keep.Count); n > 0 && at.last > n {
		at.first = max(at.first, at.last-n+1)
	}
	return at
}

// span returns which entries a query asks for, as from ≤ seq < to.
func span(q journal.Query, at head) (from, to journal.Seq) {
	limit := journal.Seq(min(max(q.Limit, 0), pageMax))
	if q.Backward {
		to = at.last + 1
		if q.Before > 0 {
			to = max(min(q.Before, to), at.first)
		}
		return max(at.first, to-min(limit, to)), to
	}
	if q.After >= at.last {
		return at.last + 1, at.last + 1
	}
	from = max(q.After+1, at.first)
	return from, min(from+limit, at.last+1)
}

// readEntries reads the entries from ≤ seq < to, or, when they are too large
// for one page, those at the end where the query begins.
func (h *handle) readEntries(q journal.Query, from, to journal.Seq) (entries []journal.Entry, complete bool, err error) {
	iter, err := h.db.NewIter(&pebble.IterOptions{
		LowerBound: entryKey(q.Room, from),
		UpperBound: entryKey(q.Room, to),
	})
	if err != nil {
		return nil, false, err
	}
	defer iter.Close()
	entries = make([]journal.Entry, 0, to-from)
	step, at := iter.Next, iter.First()
	want := func(i journal.Seq) journal.Seq { return from + i }
	if q.Backward {
		step, at = iter.Prev, iter.Last()
		want = func(i journal.Seq) journal.Seq { return to - 1 - i }
	}
	size := 0
	for ; at && size < pageMaxBytes; at = step() {
		seq := entrySeq(iter.Key())
		if seq != want(journal.Seq(len(entries))) {
			return nil, false, nil
		}
		e, _, err := decodeEntry(iter.Value(), q.Room, seq)
		if err != nil {
			return nil, false, fmt.Errorf("read room: %w", err)
		}
		size += len(iter.Value())
		entries = append(entries, e)
	}
	if err := iter.Error(); err != nil {
		return nil, false, err
	}
	if q.Backward {
		slices.Reverse(entries)
	}
	return entries, at || journal.Seq(len(entries)) == to-from, nil
}

// loadRoom finds out how a room stands.
func (h *handle) loadRoom(name string) (head, error) {
	value, err := h.get(appendHeadKey(nil, name))
	if err != nil {
		return head{}, err
	}
	if value == nil {
		return head{first: 1}, nil
	}
	at, err := decodeHead(value)
	if err != nil {
		return head{}, err
	}
	return at, h.findLast(name, &at)
}

// findLast brings a head up to date, which is written only when the room's
// beginning moves.
func (h *handle) findLast(name string, at *head) error {
	iter, err := h.db.NewIter(&pebble.IterOptions{
		LowerBound: entryKey(name, at.first),
		UpperBound: entryKey(name, 1<<63),
	})
	if err != nil {
		return err
	}
	defer iter.Close()
	if iter.Last() {
		s, err := decodeStamp(iter.Value())
		if err != nil {
			return err
		}
		at.last, at.lastAt, at.end = entrySeq(iter.Key()), s.at, s.end
	}
	return iter.Error()
}

// stampOf reads the stamp of one entry.
func (h *handle) stampOf(room string, seq journal.Seq) (stamp, error) {
	value, err := h.get(entryKey(room, seq))
	if err != nil {
		return stamp{}, err
	}
	if value == nil {
		return stamp{}, fmt.Errorf("%w: an entry is missing", errDamaged)
	}
	return decodeStamp(value)
}
