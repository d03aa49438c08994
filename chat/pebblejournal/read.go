package pebblejournal

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
)

// pageMaxBytes bounds the entries of a page.
const pageMaxBytes = 1 << 20

// Read implements journal.Journal. A page has at most 1000 entries, and fewer if
// they are together larger than a megabyte. It has nothing that is not durable.
// While the store is being reopened after a failure, Read waits until ctx ends.
func (j *Journal) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	if page, ok := j.readCached(ctx, q); ok {
		return page, nil
	}
	return disk.Within(ctx, j.store, func(h *disk.Handle) (journal.Page, error) { return j.read(ctx, h, q) })
}

// readCached reads a page if memory has all of it: then nothing waits for a disk, and no
// goroutine is needed, which would double the cost.
func (j *Journal) readCached(ctx context.Context, q journal.Query) (page journal.Page, ok bool) {
	if ctx.Err() != nil {
		return page, false
	}
	h, _, _ := j.store.TryUse()
	if h == nil {
		return page, false
	}
	defer h.Release()
	if q.Bytes <= 0 || q.Bytes > pageMaxBytes {
		q.Bytes = pageMaxBytes
	}
	keep := j.opt.retention(q.Room)
	state, entries, ok := j.rooms.Known(q, keep)
	kept := commit.LimitCount(state, keep)
	if !ok || kept.First > state.First { // what is below First would have to be looked up
		return page, false
	}
	for i := range entries {
		if entries[i].Kind.Effect() == journal.Replace {
			return page, false
		}
	}
	epoch, _ := j.shown.get()
	page = journal.Page{
		Epoch: format.RoomEpoch(epoch, state.Born), First: kept.First, Last: kept.Last,
		Count: kept.Count, Dropped: kept.Dropped, Entries: entries,
	}
	from, to := commit.SeqRange(q, kept)
	page.More = commit.HasMore(q, kept, from, to, len(entries))
	return page, true
}

// Pages implements journal.Journal.
func (j *Journal) Pages(ctx context.Context, queries []journal.Query, bytes int) ([]journal.Page, error) {
	return disk.Within(ctx, j.store, func(h *disk.Handle) ([]journal.Page, error) { return j.readAll(ctx, h, queries, bytes) })
}

func (j *Journal) readAll(ctx context.Context, h *disk.Handle, queries []journal.Query, bytes int) (pages []journal.Page, err error) {
	pages, left := make([]journal.Page, len(queries)), bytes
	for i, q := range queries {
		switch {
		case bytes > 0 && left <= 0:
			q.Limit = 0
		case bytes > 0 && (q.Bytes <= 0 || q.Bytes > left):
			q.Bytes = left
		}
		if pages[i], err = j.read(ctx, h, q); err != nil {
			return nil, err
		}
		for k := range pages[i].Entries {
			left -= pages[i].Entries[k].Size()
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

func (j *Journal) read(ctx context.Context, h *disk.Handle, q journal.Query) (journal.Page, error) {
	r, err := j.rooms.Pin(q.Room, h.Durable)
	if err != nil {
		return journal.Page{}, err
	}
	defer j.rooms.Unpin(r)
	if q.Bytes <= 0 || q.Bytes > pageMaxBytes {
		q.Bytes = pageMaxBytes
	}
	keep, db := j.opt.retention(q.Room), h.Reader(ctx)
	// Between looking at the room's state and reading the store, retention may
	// delete the first entries of the page. It raises state.First before that, so
	// another attempt is right.
	for range 3 {
		page, complete, err := j.readPage(db, r, q, keep)
		if rows.IsDamage(err) {
			break
		}
		if complete || err != nil {
			return page, err
		}
	}
	return j.salvagePage(db, r, q, keep)
}

// salvagePage reads a page of a room of which something cannot be read: it goes on with
// the next entry that can.
func (j *Journal) salvagePage(db *salvage.Reader, r *commit.Room, q journal.Query, keep journal.Retention) (journal.Page, error) {
	state := j.rooms.StateOf(r)
	kept := commit.LimitCount(state, keep)
	epoch, _ := j.shown.get()
	page := journal.Page{Epoch: format.RoomEpoch(epoch, state.Born), First: kept.First, Last: kept.Last, Count: kept.Count}
	dropped, _, err := rows.CountBefore(db, r.Name(), &state, kept.First)
	if err != nil && !rows.IsDamage(err) {
		return journal.Page{}, err
	}
	page.Dropped = max(dropped, state.Dropped)
	limit := min(max(q.Limit, 0), commit.PageMax)
	from, to := kept.First, kept.Last+1
	if !q.Backward {
		from = min(max(q.After+1, from), to)
	} else if q.Before > 0 {
		to = max(min(q.Before, to), from)
	}
	if limit == 0 {
		page.More = from < to
		return page, nil
	}
	found, err := rows.Salvage(db, q, &kept, from, to, limit)
	if err != nil {
		return journal.Page{}, err
	}
	page.Entries, page.Damaged = found.Entries, found.Missing
	j.noteDamage(page.Damaged)
	if _, err := rows.FillEdits(db, page.Entries, &kept); err != nil {
		return journal.Page{}, err
	}
	page.More = found.To < to
	if q.Backward {
		page.More = found.From > from
	}
	return page, nil
}

// readPage reads the page by the present state of the room. It is not complete if
// some of the entries were not in the store.
func (j *Journal) readPage(db *salvage.Reader, r *commit.Room, q journal.Query, keep journal.Retention) (page journal.Page, complete bool, err error) {
	state, cached := j.rooms.Page(r, q, keep)
	kept := commit.LimitCount(state, keep)
	epoch, _ := j.shown.get()
	page = journal.Page{Epoch: format.RoomEpoch(epoch, state.Born), First: kept.First, Last: kept.Last, Count: kept.Count, Entries: cached}
	if page.Dropped, complete, err = rows.CountBefore(db, r.Name(), &state, kept.First); err != nil || !complete {
		return page, false, err
	}
	from, to := commit.SeqRange(q, kept)
	if cached == nil && from < to {
		if page.Entries, complete, err = rows.Entries(db, q, from, to); err != nil || !complete {
			return page, false, err
		}
		if to == kept.Last+1 {
			j.rooms.Offer(r, state, page.Entries)
		}
	}
	edits, err := rows.FillEdits(db, page.Entries, &kept)
	if err != nil {
		return page, false, err
	}
	if edits {
		page.Entries = commit.Fitting(page.Entries, q)
	}
	page.More = commit.HasMore(q, kept, from, to, len(page.Entries))
	return page, true, nil
}
