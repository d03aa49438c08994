package pebblejournal

import (
	"context"
	"encoding/binary"
	"sort"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// retentionSlack lets a busy room exceed its limits by one part in so many before
// its oldest entries are deleted.
const retentionSlack = 8

// enforceRetention enforces the retention of some rooms, with slack.
func (j *Journal) enforceRetention(ctx context.Context, rooms map[string]struct{}) error {
	for name := range rooms {
		keep := j.opt.retention(name)
		keep.Count += keep.Count / retentionSlack
		keep.Bytes += keep.Bytes / retentionSlack
		over, err := j.findExcess(ctx, name, keep, 0)
		if err != nil {
			return err
		}
		if over.to > over.from {
			err = j.trimRoom(ctx, name, j.opt.retention(name), 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enforceRetentionOfAll enforces the retention of every room of the store.
func (j *Journal) enforceRetentionOfAll(ctx context.Context, slowdown time.Duration) error {
	return j.eachRoom(ctx, slowdown, func(name string, state roomState) error {
		keep := j.opt.retention(name)
		if !j.mayExceed(state, keep) {
			return nil
		}
		return j.trimRoom(ctx, name, keep, 0)
	})
}

// mayExceed is a cheap test, by the state as it is written: if it returns false,
// the room has nothing to delete.
func (j *Journal) mayExceed(state roomState, keep journal.Retention) bool {
	return keep.Count > 0 || keep.Bytes > 0 ||
		keep.Age > 0 && state.firstAt > 0 && state.firstAt < j.opt.now().Add(-keep.Age).UnixMilli()
}

// excess are the entries of a room that are to be deleted: from ≤ seq < to.
type excess struct{ from, to journal.Seq }

// findExcess finds the entries of a room that exceed keep or are older than before,
// which is Unix milliseconds; 0 means no such limit.
func (j *Journal) findExcess(ctx context.Context, name string, keep journal.Retention, before int64) (excess, error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return excess{}, err
	}
	defer h.release()
	// A room that is not in the cache stays out of it: a pass over all rooms would
	// evict the busy ones.
	state, cached := j.rooms.cachedState(name)
	if !cached {
		if state, err = h.loadState(name); err != nil {
			return excess{}, err
		}
	}
	to := limitCount(state, keep).first
	if keep.Age > 0 {
		before = max(before, j.opt.now().Add(-keep.Age).UnixMilli())
	}
	if !state.empty() && state.firstAt < before {
		young, err := h.search(name, state, func(m entryMeta) bool { return m.at >= before })
		if err != nil {
			return excess{}, err
		}
		to = max(to, young)
	}
	if limit := uint64(keep.Bytes); limit > 0 && state.end-state.base > limit {
		last, err := h.search(name, state, func(m entryMeta) bool { return state.end-m.end <= limit })
		if err != nil {
			return excess{}, err
		}
		to = max(to, last+1) // without last, the rest is within the limit
	}
	return excess{state.first, to}, nil
}

// search returns the first entry of the room for which is returns true, or last+1.
// is must return true for all entries after such an entry.
func (h *handle) search(name string, state roomState, is func(entryMeta) bool) (journal.Seq, error) {
	var failed error
	n := sort.Search(int(state.last+1-state.first), func(i int) bool {
		m, err := h.readMeta(name, state.first+journal.Seq(i))
		if err != nil {
			failed = err
			return true
		}
		return is(m)
	})
	return state.first + journal.Seq(n), failed
}

// trimRoom deletes the entries of a room that exceed keep or are older than before.
func (j *Journal) trimRoom(ctx context.Context, name string, keep journal.Retention, before int64) error {
	over, err := j.findExcess(ctx, name, keep, before)
	for err == nil && over.from < over.to {
		var t trim
		if t, err = j.planTrim(ctx, name, over); err == nil {
			err = j.change(ctx, true, t.apply)
			over.from = t.to
		}
	}
	return err
}

// trimMax bounds the entries that one commit deletes.
const trimMax = 4096

// trim deletes the entries from ≤ seq < to of a room.
type trim struct {
	room     string
	from, to journal.Seq
	keys     []trimmedKey
}

// trimmedKey is the idempotency key of an entry that is deleted.
type trimmedKey struct {
	hash keyHash
	at   int64 // Unix milliseconds
}

// planTrim reads the entries that are deleted next, because their keys are needed.
func (j *Journal) planTrim(ctx context.Context, name string, over excess) (trim, error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return trim{}, err
	}
	defer h.release()
	t := trim{room: name, from: over.from, to: min(over.to, over.from+trimMax)}
	iter, err := h.db.NewIter(&pebble.IterOptions{
		LowerBound: entryKey(name, t.from),
		UpperBound: entryKey(name, t.to),
	})
	if err != nil {
		return trim{}, err
	}
	defer iter.Close()
	for at := iter.First(); at; at = iter.Next() {
		m, user, key, err := decodeKey(iter.Value())
		if err != nil {
			return trim{}, err
		}
		if key != "" {
			t.keys = append(t.keys, trimmedKey{hashKey(name, user, key), m.at})
		}
	}
	return t, iter.Error()
}

// apply adds the deletion to a group. Keys that have not expired yet stay, with a
// key in tableExpiry.
func (t *trim) apply(g *commitGroup) error {
	r, err := g.room(t.room)
	if err != nil {
		return err
	}
	if r.next.first != t.from || t.to > r.next.last+1 {
		return nil // the room was trimmed meanwhile
	}
	last, err := g.meta(r, t.to-1)
	if err != nil {
		return err
	}
	first, err := g.meta(r, t.to)
	if err != nil {
		return err
	}
	g.totals.deletedEntries += uint64(t.to - t.from)
	g.totals.deletedBytes += last.end - r.next.base
	r.next.first, r.next.firstAt, r.next.base = t.to, first.at, last.end
	if err := g.batch.DeleteRange(entryKey(t.room, t.from), entryKey(t.room, t.to), nil); err != nil {
		return err
	}
	r.stateChanged = true
	for _, k := range t.keys {
		if keyExpired(k.at, g.now) {
			g.deleteKey(t.room, k.hash)
		} else {
			_ = g.batch.Set(appendExpiryKey(nil, k.at, t.room, k.hash), nil, nil)
		}
	}
	// Readers must not look for these entries any more when they are deleted.
	g.rooms.setFirst(r, r.next)
	return nil
}

// A store above its quota is reduced to quotaGoal eighths of it, because freeing
// space rewrites much of the store.
const quotaGoal = 6

// enforceQuota deletes the oldest entries of all rooms while the store is larger
// than MaxBytes. How much space that frees is known only afterwards, so it goes
// step by step.
func (j *Journal) enforceQuota(ctx context.Context) error {
	quota := j.maxBytes.Load()
	if quota < 0 {
		return nil
	}
	goal := quota
	for {
		size, err := j.tableBytes(ctx)
		if err != nil || size <= goal {
			return err
		}
		goal = quota / 8 * quotaGoal
		j.opt.Logger.Warn("chat journal: store is over its bound, its oldest entries go",
			zap.Int64("bytes", size), zap.Int64("bound", quota))
		if more, err := j.deleteOldest(ctx, float64(size-goal)/float64(size)); err != nil || !more {
			return err
		}
	}
}

// deleteOldest deletes about the given part of the store, the oldest entries first,
// and frees their space. It returns false if nothing more can be deleted.
func (j *Journal) deleteOldest(ctx context.Context, part float64) (more bool, err error) {
	t := j.statistics.currentTotals()
	bytes := uint64(part*float64(t.bytes-t.deletedBytes)) + 1
	mark, more, err := j.findMark(ctx, bytes)
	if err != nil || !more {
		return false, err
	}
	err = j.eachRoom(ctx, 0, func(name string, state roomState) error {
		if state.firstAt == 0 || state.firstAt >= mark.at {
			return nil
		}
		return j.trimRoom(ctx, name, journal.Retention{}, mark.at)
	})
	if err != nil {
		return false, err
	}
	err = j.change(ctx, true, func(g *commitGroup) error {
		return g.batch.DeleteRange(tableStart(tableTimeline), appendTimelineKey(nil, mark.bytes), nil)
	})
	if err != nil {
		return false, err
	}
	return true, j.Compact(ctx)
}

// timelineMark says when the store had taken in so many bytes.
type timelineMark struct {
	bytes uint64
	at    int64 // Unix milliseconds
}

// findMark returns the mark that is so many bytes after the first one, or the last
// one if there is none. It returns false if there are fewer than two marks.
func (j *Journal) findMark(ctx context.Context, bytes uint64) (m timelineMark, ok bool, err error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return timelineMark{}, false, err
	}
	defer h.release()
	iter, err := h.db.NewIter(&pebble.IterOptions{LowerBound: tableStart(tableTimeline), UpperBound: tableEnd(tableTimeline)})
	if err != nil {
		return timelineMark{}, false, err
	}
	defer iter.Close()
	if !iter.First() {
		return timelineMark{}, false, iter.Error()
	}
	first := timelineBytes(iter.Key())
	if !iter.SeekGE(appendTimelineKey(nil, first+bytes)) && !iter.Last() {
		return timelineMark{}, false, iter.Error()
	}
	m.bytes = timelineBytes(iter.Key())
	at, n := binary.Uvarint(iter.Value())
	if n <= 0 {
		return timelineMark{}, false, errDamaged
	}
	m.at = int64(at)
	return m, m.bytes > first, nil
}

// tableBytes returns what the store takes on disk without its log, whose size goes
// up and down.
func (j *Journal) tableBytes(ctx context.Context) (int64, error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return 0, err
	}
	defer h.release()
	m := h.db.Metrics()
	return int64(m.DiskSpaceUsage() - m.WAL.PhysicalSize - m.WAL.ObsoletePhysicalSize), nil
}
