package pebblejournal

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"go.uber.org/zap"
)

// A store above its quota is reduced to quotaGoal eighths of it, because freeing
// space rewrites much of the store.
const quotaGoal = 6

// enforceQuota keeps the store below MaxBytes, with everything that is in it. While it
// is larger, the log is turned into tables, then there go: the keys of deleted entries,
// the oldest entries of all rooms with their keys, and at last the heads of empty
// rooms. How much space that frees is known only afterwards, so it goes step by step. Nothing
// goes for records beyond their part.
func (j *Journal) enforceQuota(ctx context.Context) error {
	quota := j.maxBytes.Load()
	if quota < 0 {
		j.bound.Remove()
		return nil
	}
	if err := j.limitFeed(ctx, uint64(quota)/feedShare); err != nil {
		return err
	}
	excess, err := j.boundRecords(ctx, quota)
	if err != nil {
		return err
	}
	size, err := j.usedBytes(ctx)
	if size -= excess; err != nil || size <= quota {
		return err
	}
	goal := quota / 8 * quotaGoal
	for _, free := range []func(context.Context, int64, int64) (more bool, err error){
		j.freeLog, j.freeKeys, j.freeOldest, j.freeHeads,
	} {
		for more := true; more && size > goal; {
			if more, err = free(ctx, size, goal); err != nil {
				return err
			}
			if size, err = j.usedBytes(ctx); err != nil {
				return err
			}
			size -= excess
		}
	}
	return nil
}

// Records may have one part in recordShare of MaxBytes. They are rewritten every
// recordCompaction at most to see how large they are, and less often while they have room.
const (
	recordShare      = 2
	recordCompaction = 10 * time.Second
)

// boundRecords looks how much records take, and refuses more of them beyond their part of the
// quota. It returns by how many bytes they exceed that: so much is left out of account where
// entries are deleted.
func (j *Journal) boundRecords(ctx context.Context, quota int64) (excess int64, err error) {
	h, err := j.store.Use(ctx)
	if err != nil {
		return 0, err
	}
	defer h.Release()
	most := quota / recordShare
	size := h.RecordBytes()
	if since := j.opt.now().Sub(j.recordsCompacted); size > most && since >= recordCompaction || size > most/4*3 && since >= 60*recordCompaction {
		j.recordsCompacted = j.opt.now()
		if err := h.CompactRecords(ctx); err != nil {
			return 0, err
		}
		size = h.RecordBytes()
	}
	var full error
	if size > most {
		full = disk.Unavailable(fmt.Errorf("records, as those of members and reactions, have %d bytes, and may have %d: half of max_size; make that greater", size, most))
	}
	if j.bound.Set(full, most-size) && full != nil {
		j.opt.Logger.Error("chat journal: no more records are kept, but for mutes and bans", zap.String("dir", j.opt.Dir), zap.Error(full))
	}
	return max(0, size-most), nil
}

// freeLog turns the log into tables.
func (j *Journal) freeLog(ctx context.Context, _, _ int64) (more bool, err error) {
	return false, j.store.Aside(ctx, func(ctx context.Context, h *disk.Handle) error { return h.Flush(ctx) })
}

// freeKeys deletes the keys of deleted entries, though they are younger than commit.KeyLife.
func (j *Journal) freeKeys(ctx context.Context, _, _ int64) (more bool, err error) {
	if err := j.expireKeys(ctx, math.MaxInt64, 0); err != nil {
		return false, err
	}
	return false, j.Compact(ctx)
}

// freeOldest deletes about as much of the store as is above the goal, the oldest
// entries first. It returns false if nothing is left. Rooms that have less than half of what
// rooms have on average lose nothing while others have anything that old: so one who fills
// the store does not push out what the many say who say little.
func (j *Journal) freeOldest(ctx context.Context, size, goal int64) (more bool, err error) {
	j.opt.Logger.Warn("chat journal: store is over its bound, its oldest entries go",
		zap.Int64("bytes", size), zap.Int64("bound", j.maxBytes.Load()))
	t := j.figures.Totals()
	part := float64(size-goal) / float64(size)
	kept := t.Bytes - min(t.DeletedBytes, t.Bytes)
	bytes := uint64(part*float64(kept)) + 1
	mark, more, err := j.findMark(ctx, bytes)
	if err != nil {
		return false, err
	}
	if !more { // what is left was said within one step of the timeline
		mark.At = math.MaxInt64
	}
	rooms, deleted := uint64(1), false // rather one too many
	err = j.eachRoom(ctx, 0, func(found []foundRoom) error {
		rooms += uint64(len(found))
		return nil
	})
	if err == nil {
		deleted, err = j.deleteOlder(ctx, mark.At, kept/rooms/2)
	}
	if err == nil && !more && !deleted {
		_, err = j.deleteOlder(ctx, mark.At, 0)
	}
	if err == nil {
		err = j.change(ctx, true, func(g *commit.Group) error { return g.ForgetTimeline(mark.Bytes) })
	}
	if err != nil {
		return false, err
	}
	return more || deleted, j.Compact(ctx)
}

// deleteOlder deletes the entries from before a time of rooms that have more than so many bytes,
// and reports whether there were such rooms.
func (j *Journal) deleteOlder(ctx context.Context, than int64, spared uint64) (some bool, err error) {
	err = j.eachRoom(ctx, 0, func(rooms []foundRoom) error {
		var list []commit.Excess
		for _, r := range rooms {
			if s := &r.state; s.FirstAt == 0 || s.FirstAt >= than {
				continue
			}
			over, err := j.findExcess(ctx, r.name, journal.Retention{}, than)
			if err != nil {
				return err
			}
			if over.Size > spared { // what is written of the room may be older
				list = append(list, over)
			}
		}
		some = some || len(list) > 0
		return j.delete(ctx, commit.DropKeys, list...)
	})
	return some, err
}

// freeHeads forgets all rooms that are empty.
func (j *Journal) freeHeads(ctx context.Context, _, _ int64) (more bool, err error) {
	err = j.eachRoom(ctx, 0, func(rooms []foundRoom) error { return j.endEmpty(ctx, rooms, math.MaxInt64) })
	if err != nil {
		return false, err
	}
	return false, j.Compact(ctx)
}

// findMark returns the mark that is so many bytes after the first one, or the last
// one if there is none. It returns false if there are fewer than two marks.
func (j *Journal) findMark(ctx context.Context, bytes uint64) (m rows.Mark, ok bool, err error) {
	h, err := j.store.Use(ctx)
	if err != nil {
		return rows.Mark{}, false, err
	}
	defer h.Release()
	var first rows.Mark
	err = rows.EachMark(h.Durable, func(mark rows.Mark) (goOn bool) {
		if m = mark; first.At == 0 {
			first = mark
		}
		return m.Bytes < first.Bytes+bytes
	})
	return m, m.Bytes > first.Bytes, err
}

// usedBytes returns what the store takes on disk, with its log.
func (j *Journal) usedBytes(ctx context.Context) (int64, error) {
	return disk.Within(ctx, j.store, func(h *disk.Handle) (int64, error) { return h.UsedBytes(), nil })
}

// The feed keeps feedLife, and at most one part in feedShare of MaxBytes.
const (
	feedLife  = 72 * time.Hour
	feedShare = 10
)

// trimFeed forgets what the feed has kept for longer than feedLife.
func (j *Journal) trimFeed(ctx context.Context) error {
	young := j.opt.now().Add(-feedLife).UnixMilli()
	return j.forgetFeed(ctx, func(at int64, _ uint64) bool { return at < young })
}

// limitFeed forgets the oldest part of the feed while it is larger than limit, in bytes.
func (j *Journal) limitFeed(ctx context.Context, limit uint64) error {
	if t := j.figures.Totals(); t.FeedBytes <= limit {
		return nil
	}
	return j.forgetFeed(ctx, func(_ int64, left uint64) bool { return left > limit/8*quotaGoal })
}

// feedStep is how many commits of the feed are forgotten at a time.
const feedStep = 4096

// forgetFeed forgets the oldest commits of the feed for which old returns true, given
// when they were made and how many bytes the feed has with them.
func (j *Journal) forgetFeed(ctx context.Context, old func(at int64, left uint64) bool) error {
	for more := true; more; {
		var bytes uint64
		var last journal.Position // of what goes
		stays := false
		left := j.figures.Totals().FeedBytes
		next, err := j.scan(ctx, format.TableStart(format.Feed), format.TableEnd(format.Feed), feedStep, func(key, value []byte) error {
			at, runs, err := format.DecodeCommit(value)
			if stays = stays || err == nil && !old(at, left-bytes); stays {
				return nil
			}
			last = format.FeedPosition(key) // a damaged one goes, too
			for _, run := range runs {
				last += journal.Position(run.N)
			}
			last = max(last-1, format.FeedPosition(key))
			bytes += uint64(len(key) + len(value))
			return nil
		})
		if err != nil {
			return err
		}
		if bytes == 0 {
			return nil
		}
		if err := j.change(ctx, true, func(g *commit.Group) error { return g.ForgetFeed(last, bytes) }); err != nil {
			return err
		}
		more = !stays && next != nil
	}
	return nil
}
