package pebblejournal

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Stats returns the journal's figures. Entries counts those that retention has not
// deleted yet; Bytes is what the store takes on disk. It is cheap enough to be
// called every second.
func (j *Journal) Stats() journal.Stats {
	s := j.statistics.snapshot()
	s.Unavailable = j.queue.refused() != nil
	if h, _, _ := j.store.tryUse(); h != nil {
		s.Bytes = int64(h.db.Metrics().DiskSpaceUsage())
		h.release()
	}
	return s
}

// Unavailable returns why nothing can be recorded now, or nil. The error wraps
// journal.ErrUnavailable.
func (j *Journal) Unavailable() error { return j.queue.refused() }

// SetMaxBytes changes Options.MaxBytes, with the same meaning of 0 and of negative
// values. It takes effect within a second or so.
func (j *Journal) SetMaxBytes(n int64) {
	if n == 0 {
		n = defaultMaxBytes
	}
	j.maxBytes.Store(n)
}

// compactStep is how much of the store is rewritten at a time, in bytes. A
// compaction needs that much free space.
const compactStep = 64 << 20

// Compact rewrites the store without what was deleted, erased or overwritten.
// Afterwards no file of it has a recalled body. Reads and appends go on meanwhile.
// It takes as long as copying the store; if ctx ends, it stops and returns an
// error.
func (j *Journal) Compact(ctx context.Context) error {
	h, err := j.store.use(ctx)
	if err != nil {
		return err
	}
	defer h.release()
	if err := h.compact(ctx); err != nil {
		return fmt.Errorf("compact journal: %w", err)
	}
	return nil
}

func (h *handle) compact(ctx context.Context) error {
	// This removes the log, which also has what was erased.
	if err := h.db.Flush(); err != nil {
		return err
	}
	ends, err := h.compactEnds()
	if err != nil {
		return err
	}
	start := []byte{0}
	for _, end := range ends {
		if bytes.Compare(start, end) >= 0 {
			continue
		}
		if err := h.db.Compact(ctx, start, end, false); err != nil {
			return err
		}
		start = end
	}
	return h.awaitRemovals(ctx)
}

// compactEnds returns keys that divide the store into parts of about compactStep
// bytes. The last one is above all keys.
func (h *handle) compactEnds() ([][]byte, error) {
	levels, err := h.db.SSTables()
	if err != nil {
		return nil, err
	}
	tables := slices.Concat(levels...)
	slices.SortFunc(tables, func(a, b pebble.SSTableInfo) int {
		return bytes.Compare(a.Largest.UserKey, b.Largest.UserKey)
	})
	var ends [][]byte
	size := uint64(0)
	for _, t := range tables {
		if size += t.Size; size >= compactStep {
			ends = append(ends, t.Largest.UserKey)
			size = 0
		}
	}
	return append(ends, []byte{0xff}), nil
}

// awaitRemovals waits until obsolete files are removed. Pebble offers nothing to
// wait for.
func (h *handle) awaitRemovals(ctx context.Context) error {
	for {
		m := h.db.Metrics()
		if m.Table.ObsoleteCount == 0 && m.Table.ZombieCount == 0 && m.WAL.ObsoleteFiles == 0 {
			return nil
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// backupMark is a file in every backup. Open gives a store that has it a new epoch.
const backupMark = "BACKUP"

// Backup copies the journal to the directory dir, which must not exist, while the
// journal is in use. A journal that is opened in the copy, or in a directory to
// which the copy was moved, has the same entries and another epoch: clients may
// have seen numbers that the copy will give again.
//
// The error wraps journal.ErrUnavailable while the disk is full or fails.
func (j *Journal) Backup(dir string) error {
	h, err := j.store.use(context.Background())
	if err != nil {
		return err
	}
	defer h.release()
	if err := j.store.check(); err != nil {
		return fmt.Errorf("back up journal to %q: %w", dir, unavailable(err))
	}
	if err := j.store.backup(h, dir); err != nil {
		return fmt.Errorf("back up journal to %q: %w", dir, err)
	}
	return nil
}

func (s *store) backup(h *handle, dir string) error {
	if err := h.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return err
	}
	f, err := s.opt.fs.Create(filepath.Join(dir, backupMark), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
