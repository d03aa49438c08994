package pebblejournal

import (
	"context"
	"encoding/binary"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// Once the store is over its bound it is brought to so many eighths of it, since
// to take back space is to write much of the store anew.
const shrinkTo = 6

// SetMaxBytes changes Options.MaxBytes, from the keeper's next round on.
func (j *Journal) SetMaxBytes(n int64) {
	if n == 0 {
		n = defaultMaxBytes
	}
	j.maxBytes.Store(n)
}

// shrink keeps the whole store to its bound: the oldest entries of all rooms go.
// How much space that gives is only known afterwards, so it goes by steps.
func (j *Journal) shrink(ctx context.Context) error {
	bound := j.maxBytes.Load()
	if bound < 0 {
		return nil
	}
	goal := bound
	for {
		size, err := j.tableBytes(ctx)
		if err != nil || size <= goal {
			return err
		}
		goal = bound / 8 * shrinkTo
		j.opt.Logger.Warn("chat journal: store is over its bound, its oldest entries go",
			zap.Int64("bytes", size), zap.Int64("bound", bound))
		if more, err := j.dropOldest(ctx, float64(size-goal)/float64(size)); err != nil || !more {
			return err
		}
	}
}

// dropOldest deletes about that part of the store which is oldest, and takes
// back its space. It returns false if there is nothing more to delete.
func (j *Journal) dropOldest(ctx context.Context, part float64) (more bool, err error) {
	tally := j.meter.total()
	bytes := uint64(part*float64(tally.bytes-tally.deletedBytes)) + 1
	mark, more, err := j.ticked(ctx, bytes)
	if err != nil || !more {
		return false, err
	}
	err = j.eachRoom(ctx, 0, func(name string, at head) error {
		if at.firstAt == 0 || at.firstAt >= mark.at {
			return nil
		}
		return j.trimRoom(ctx, name, journal.Retention{}, mark.at)
	})
	if err != nil {
		return false, err
	}
	err = j.change(ctx, true, func(g *group) error {
		return g.batch.DeleteRange(tableStart(tableClock), appendClockKey(nil, mark.bytes), nil)
	})
	if err != nil {
		return false, err
	}
	return true, j.Compact(ctx)
}

// tick is a mark of the store's clock: when it had taken in so many bytes.
type tick struct {
	bytes uint64
	at    int64
}

// ticked returns the mark so many bytes after the first one, or the last one
// there is. It returns false if there are not two.
func (j *Journal) ticked(ctx context.Context, bytes uint64) (t tick, ok bool, err error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return tick{}, false, err
	}
	defer h.release()
	iter, err := h.db.NewIter(&pebble.IterOptions{LowerBound: tableStart(tableClock), UpperBound: tableEnd(tableClock)})
	if err != nil {
		return tick{}, false, err
	}
	defer iter.Close()
	if !iter.First() {
		return tick{}, false, iter.Error()
	}
	first := binary.BigEndian.Uint64(iter.Key()[1:])
	if !iter.SeekGE(appendClockKey(nil, first+bytes)) && !iter.Last() {
		return tick{}, false, iter.Error()
	}
	t.bytes = binary.BigEndian.Uint64(iter.Key()[1:])
	at, n := binary.Uvarint(iter.Value())
	if n <= 0 {
		return tick{}, false, errDamaged
	}
	t.at = int64(at)
	return t, t.bytes > first, nil
}

// tableBytes is what the store takes on disk, but for its log, which comes and
// goes.
func (j *Journal) tableBytes(ctx context.Context) (int64, error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return 0, err
	}
	defer h.release()
	m := h.db.Metrics()
	return int64(m.DiskSpaceUsage() - m.WAL.PhysicalSize - m.WAL.ObsoletePhysicalSize), nil
}
