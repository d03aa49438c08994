package memjournal

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Read implements journal.Reader. Reading makes no room.
func (j *Journal) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	keep := j.retention(q.Room)
	if err := j.lock(ctx); err != nil {
		return journal.Page{}, err
	}
	defer j.mu.Unlock()
	r := j.rooms[q.Room]
	if r == nil {
		return journal.Page{Epoch: j.nextEpochLocked(), First: 1}, nil
	}
	j.trimLocked(r, keep, now())
	return r.page(q), nil
}

// Pages implements journal.Reader.
func (j *Journal) Pages(ctx context.Context, queries []journal.Query, bytes int) ([]journal.Page, error) {
	pages := make([]journal.Page, len(queries))
	left := bytes
	for i, q := range queries {
		switch {
		case bytes <= 0:
		case left <= 0:
			q.Limit = 0
		case q.Bytes <= 0 || q.Bytes > left:
			q.Bytes = left
		}
		var err error
		if pages[i], err = j.Read(ctx, q); err != nil {
			return nil, err
		}
		for n := range pages[i].Entries {
			left -= pages[i].Entries[n].Size()
		}
	}
	return pages, nil
}

// headsAtOnce is how many heads are read under one lock.
const headsAtOnce = 256

// Heads implements journal.Reader.
func (j *Journal) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	heads := make([]journal.Head, len(rooms))
	next := 0
	keeps := make([]journal.Retention, 0, min(len(rooms), headsAtOnce))
	for names := range slices.Chunk(rooms, headsAtOnce) {
		keeps = keeps[:0]
		for _, name := range names {
			keeps = append(keeps, j.retention(name))
		}
		if err := j.lock(ctx); err != nil {
			return nil, err
		}
		now := now()
		for i, name := range names {
			if r := j.rooms[name]; r != nil && r.last > 0 {
				j.trimLocked(r, keeps[i], now)
				r.head(&heads[next])
			}
			next++
		}
		j.mu.Unlock()
	}
	return heads, nil
}

// Find implements journal.Reader.
func (j *Journal) Find(ctx context.Context, room, user, key string) (journal.Receipt, error) {
	keep := j.retention(room)
	if err := j.lock(ctx); err != nil {
		return journal.Receipt{}, err
	}
	defer j.mu.Unlock()
	r := j.rooms[room]
	if r == nil {
		return journal.Receipt{}, nil
	}
	j.trimLocked(r, keep, now())
	receipt, _ := r.used(user, key)
	return receipt, nil
}

// Trim implements journal.Journal.
func (j *Journal) Trim(ctx context.Context, name string, below journal.Seq) error {
	if err := j.lock(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	r := j.rooms[name]
	switch {
	case r == nil:
	case below == journal.All && len(r.followers) == 0:
		j.dropRoomLocked(r)
	case below == journal.All:
		j.clearLocked(r)
	default:
		for r.entries.len() > 0 && r.first() < below {
			j.dropEntryLocked(r)
		}
	}
	return nil
}

// Redact implements journal.Redactor.
func (j *Journal) Redact(ctx context.Context, name string, seqs []journal.Seq, change func(*journal.Entry) bool) error {
	if err := j.lock(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	r := j.rooms[name]
	if r == nil {
		return nil
	}
	for _, seq := range seqs {
		k := r.entry(seq)
		if k == nil {
			continue
		}
		if e := k.entry(name, seq); change(&e) {
			k.redact(&e)
			j.growLocked(r, int64(e.Size())-int64(k.size))
			k.size = uint32(e.Size())
		}
	}
	return nil
}

// Rooms implements journal.Lister. The names are in order.
func (j *Journal) Rooms(ctx context.Context, each func(room string) error) error {
	if err := j.lock(ctx); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(j.rooms))
	names = slices.DeleteFunc(names, func(name string) bool { return j.rooms[name].last == 0 })
	j.mu.Unlock()
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(name); err != nil {
			return err
		}
	}
	return nil
}

// Stats implements journal.Reporter. The figures are those of the store.
func (j *Journal) Stats() journal.Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return journal.Stats{Entries: j.entries, Bytes: j.allBytesLocked(), Commits: j.recorded, Recorded: j.recorded}
}

// RecordSpace implements journal.Bounded.
func (j *Journal) RecordSpace() (left int64, bounded bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return max(0, j.maxBytes/2-j.records.bytes-j.lasting), true
}

// Unavailable implements journal.Reporter. Memory can always record an entry that
// brings no records.
func (j *Journal) Unavailable() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return journal.ErrClosed
	}
	return nil
}

// Warnings implements journal.Reporter.
func (j *Journal) Warnings() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.checkSpaceLocked(j.maxBytes / 20); err == nil {
		return nil
	}
	return []string{fmt.Sprintf("records in memory and their rooms have %d bytes, and may have %d: beyond that, bans and read marks are refused; raise the journal's bound",
		j.records.bytes+j.lasting, j.maxBytes/2)}
}
