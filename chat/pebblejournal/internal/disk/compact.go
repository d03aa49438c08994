package disk

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/cockroachdb/pebble/v2"
)

// compactStep is how much of the store is rewritten at a time, in bytes. A
// compaction needs that much free space.
const compactStep = 64 << 20

func (h *Handle) Compact(ctx context.Context) error {
	parts, err := h.compactParts()
	if err != nil {
		return err
	}
	if err := h.checkRoom(parts[0].size); err != nil {
		return err
	}
	// This removes the log, which also has what was erased.
	if err := h.Flush(ctx); err != nil {
		return err
	}
	if parts, err = h.compactParts(); err != nil {
		return err
	}
	start := []byte{0}
	for _, part := range parts {
		if bytes.Compare(start, part.end) >= 0 {
			continue
		}
		if err := h.checkRoom(part.size); err != nil {
			return err
		}
		if err := h.DB.Compact(ctx, start, part.end, false); err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		start = part.end
	}
	return h.awaitRemovals(ctx)
}

// UsedBytes is what the store takes on disk. Pebble counts the present log as it was when it was
// begun.
func (h *Handle) UsedBytes() int64 {
	m := h.DB.Metrics()
	n := m.DiskSpaceUsage()
	if m.WAL.Size > m.WAL.PhysicalSize {
		n += m.WAL.Size - m.WAL.PhysicalSize
	}
	return int64(n)
}

// RecordBytes is what the tables of records take. It does not count what is damaged.
func (h *Handle) RecordBytes() (n int64) {
	for _, table := range []byte{format.Stamped, format.OldRecord} {
		if size, err := h.DB.EstimateDiskUsage(format.TableStart(table), format.TableEnd(table)); err == nil {
			n += int64(size)
		}
	}
	return n
}

// CompactRecords is Compact for records.
func (h *Handle) CompactRecords(ctx context.Context) error {
	return h.DB.Compact(ctx, format.TableStart(format.Stamped), format.TableEnd(format.Stamped), false)
}

// Flush turns the log into tables, and waits for that until ctx ends or the disk fails.
func (h *Handle) Flush(ctx context.Context) error {
	ctx, stop := h.whileHealthy(ctx)
	defer stop()
	flushed, err := h.DB.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return h.DB.Failed()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// checkRoom returns an error if there is no room to rewrite so many bytes of tables and
// what is only in the log yet.
func (h *Handle) checkRoom(bytes uint64) error {
	need := bytes + h.DB.Metrics().MemTable.Size + 1<<20
	if err := h.store.CheckFree(int64(need)); err != nil {
		return Unavailable(err)
	}
	return nil
}

// compactPart is a part of the store that is rewritten at a time: the keys up to end.
type compactPart struct {
	end  []byte
	size uint64 // bytes
}

// compactParts divides the store into parts of about compactStep bytes. The last one
// ends above all keys.
func (h *Handle) compactParts() ([]compactPart, error) {
	levels, err := h.DB.SSTables()
	if err != nil {
		return nil, err
	}
	tables := slices.Concat(levels...)
	slices.SortFunc(tables, func(a, b pebble.SSTableInfo) int {
		return bytes.Compare(a.Largest.UserKey, b.Largest.UserKey)
	})
	var parts []compactPart
	size := uint64(0)
	for _, t := range tables {
		if size += t.Size; size >= compactStep {
			parts = append(parts, compactPart{t.Largest.UserKey, size})
			size = 0
		}
	}
	return append(parts, compactPart{[]byte{0xff}, size}), nil
}

// awaitRemovals waits until obsolete files are removed. Pebble offers nothing to
// wait for.
func (h *Handle) awaitRemovals(ctx context.Context) error {
	for {
		m := h.DB.Metrics()
		if m.Table.ObsoleteCount == 0 && m.Table.ZombieCount == 0 && m.WAL.ObsoleteFiles == 0 {
			return nil
		}
		if err := Pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}
