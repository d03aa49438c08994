package pebblejournal

import (
	"context"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
)

// A page has at most pageMax entries, and gets no more entries once it has
// pageMaxBytes.
const (
	pageMax      = 1000
	pageMaxBytes = 1 << 20
)

// Read implements journal.Journal. A page has at most 1000 entries, and fewer if
// they are together larger than a megabyte. It has nothing that is not durable.
// While the store is being reopened after a failure, Read waits until ctx ends.
func (j *Journal) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return journal.Page{}, err
	}
	defer h.release()
	r, err := j.rooms.pin(q.Room, h)
	if err != nil {
		return journal.Page{}, err
	}
	defer j.rooms.unpin(r)
	keep := j.opt.retention(q.Room)
	// Between looking at the room's state and reading the store, retention may
	// delete the first entries of the page. It raises state.first before that, so
	// another attempt is right.
	for range 3 {
		page, complete, err := j.readPage(h, r, q, keep)
		if complete || err != nil {
			return page, err
		}
	}
	return journal.Page{}, fmt.Errorf("read room: %w: entries are missing", errDamaged)
}

// readPage reads the page by the present state of the room. It is not complete if
// some of the entries were not in the store.
func (j *Journal) readPage(h *handle, r *room, q journal.Query, keep journal.Retention) (page journal.Page, complete bool, err error) {
	state, cached := j.rooms.cachedPage(r, q, keep)
	kept := limitCount(state, keep)
	page = journal.Page{Epoch: j.epoch, First: kept.first, Last: kept.last, Entries: cached}
	from, to := seqRange(q, kept)
	if cached == nil && from < to {
		if page.Entries, complete, err = h.readEntries(q, from, to); err != nil || !complete {
			return page, false, err
		}
		if to == kept.last+1 {
			j.rooms.offerRecent(r, state, page.Entries)
		}
	}
	if n := journal.Seq(len(page.Entries)); q.Backward {
		page.More = to-n > kept.first
	} else {
		page.More = from+n <= kept.last
	}
	return page, true, nil
}

// cachedPage returns the state of a pinned room, and the entries that q asks for if
// the cache has all of them.
func (c *roomCache) cachedPage(r *room, q journal.Query, keep journal.Retention) (state roomState, entries []journal.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, to := seqRange(q, limitCount(r.state, keep))
	if from < to && len(r.recent) > 0 && from >= r.recent[0].Seq {
		first := r.recent[0].Seq
		entries = slices.Clone(r.recent[from-first : to-first])
	}
	return r.state, entries
}

// limitCount returns the state with no more entries than keep.Count.
func limitCount(state roomState, keep journal.Retention) roomState {
	if n := journal.Seq(keep.Count); n > 0 && state.last > n {
		state.first = max(state.first, state.last-n+1)
	}
	return state
}

// seqRange returns which entries q asks for: from ≤ seq < to.
func seqRange(q journal.Query, state roomState) (from, to journal.Seq) {
	limit := journal.Seq(min(max(q.Limit, 0), pageMax))
	if q.Backward {
		to = state.last + 1
		if q.Before > 0 {
			to = max(min(q.Before, to), state.first)
		}
		return max(state.first, to-min(limit, to)), to
	}
	if q.After >= state.last {
		return state.last + 1, state.last + 1
	}
	from = max(q.After+1, state.first)
	return from, min(from+limit, state.last+1)
}

// readEntries reads the entries from ≤ seq < to. If they are too large for one
// page, it reads those at the end at which q begins. It is not complete if one of
// them is missing.
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
	bytes := 0
	for ; at && bytes < pageMaxBytes; at = step() {
		seq := entrySeq(iter.Key())
		if seq != want(journal.Seq(len(entries))) {
			return nil, false, nil
		}
		e, _, err := decodeEntry(iter.Value(), q.Room, seq)
		if err != nil {
			return nil, false, fmt.Errorf("read room: %w", err)
		}
		bytes += len(iter.Value())
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
