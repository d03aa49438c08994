package pebblejournal

import (
	"context"
	"errors"
	"sort"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
)

// retentionSlack lets a busy room exceed its limits by one part in so many before
// its oldest entries are deleted.
const retentionSlack = 8

// enforceRetention enforces the retention of some rooms, with slack.
func (j *Journal) enforceRetention(ctx context.Context, rooms map[string]struct{}) error {
	var list []commit.Excess
	for name := range rooms {
		keep := j.opt.retention(name)
		loose := keep
		loose.Count += keep.Count / retentionSlack
		loose.Bytes += keep.Bytes / retentionSlack
		over, err := j.findExcess(ctx, name, loose, 0)
		if err == nil && over.To > over.From {
			over, err = j.findExcess(ctx, name, keep, 0)
		}
		if err != nil {
			return err
		}
		list = append(list, over)
	}
	return j.delete(ctx, commit.KeepYoungKeys, list...)
}

// enforceRetentionOfAll enforces the retention of every room of the store, and forgets
// rooms that have been empty for as long as keys are kept.
func (j *Journal) enforceRetentionOfAll(ctx context.Context, slowdown time.Duration) error {
	return j.eachRoom(ctx, slowdown, func(rooms []foundRoom) error {
		var list []commit.Excess
		for _, r := range rooms {
			keep := j.opt.retention(r.name)
			if !j.mayExceed(r.state, keep) {
				continue
			}
			over, err := j.findExcess(ctx, r.name, keep, 0)
			if err != nil {
				return err
			}
			list = append(list, over)
		}
		if err := j.delete(ctx, commit.KeepYoungKeys, list...); err != nil {
			return err
		}
		return j.endEmpty(ctx, rooms, j.opt.now().Add(-commit.KeyLife).UnixMilli())
	})
}

// endEmpty removes the heads of those rooms that have no entries, whose newest one was
// said before a time in Unix milliseconds, and in which nothing governs.
func (j *Journal) endEmpty(ctx context.Context, rooms []foundRoom, before int64) error {
	var names []string
	for _, r := range rooms {
		if s := &r.state; s.Empty() && s.Last > 0 && s.LastAt < before && s.Governing == 0 {
			names = append(names, r.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return j.change(ctx, true, func(g *commit.Group) error {
		for _, name := range names {
			if err := g.EndRoom(name); err != nil && !errors.Is(err, commit.ErrNotEmpty) {
				return err
			}
		}
		return nil
	})
}

// mayExceed is a cheap test, by the state as it is written: if it returns false,
// the room has nothing to delete.
func (j *Journal) mayExceed(state format.RoomState, keep journal.Retention) bool {
	return keep.Count > 0 || keep.Bytes > 0 ||
		keep.Age > 0 && state.FirstAt > 0 && state.FirstAt < j.opt.now().Add(-keep.Age).UnixMilli()
}

// findExcess finds the entries of a room that exceed keep or are older than before,
// which is Unix milliseconds; 0 means no such limit.
func (j *Journal) findExcess(ctx context.Context, name string, keep journal.Retention, before int64) (commit.Excess, error) {
	h, err := j.store.Use(ctx)
	if err != nil {
		return commit.Excess{}, err
	}
	defer h.Release()
	// A room that is not in the cache stays out of it: a pass over all rooms would
	// evict the busy ones.
	state, cached := j.rooms.CachedState(name)
	if !cached {
		if state, err = j.loadState(h.Durable, name); err != nil {
			return commit.Excess{}, err
		}
	}
	to := commit.LimitCount(state, keep).First
	if keep.Age > 0 {
		before = max(before, j.opt.now().Add(-keep.Age).UnixMilli())
	}
	if !state.Empty() && state.FirstAt < before {
		young, err := search(h, name, state, func(m format.EntryMeta) bool { return m.At >= before })
		if err != nil {
			return commit.Excess{}, err
		}
		to = max(to, young)
	}
	if limit := uint64(keep.Bytes); limit > 0 && state.End-state.Base > limit {
		last, err := search(h, name, state, func(m format.EntryMeta) bool { return state.End-m.End <= limit })
		if err != nil {
			return commit.Excess{}, err
		}
		to = max(to, last+1) // without last, the rest is within the limit
	}
	return commit.Excess{Room: name, Born: state.Born, From: state.First, To: to, Size: state.End - state.Base}, nil
}

// search returns the first entry of the room for which is returns true, or last+1.
// is must return true for all entries after such an entry.
func search(h *disk.Handle, name string, state format.RoomState, is func(format.EntryMeta) bool) (journal.Seq, error) {
	var failed error
	n := sort.Search(int(state.Last+1-state.First), func(i int) bool {
		m, err := rows.MetaFrom(h.Durable, name, &state, state.First+journal.Seq(i))
		if err != nil {
			failed = err
			return true
		}
		return is(m)
	})
	return state.First + journal.Seq(n), failed
}
