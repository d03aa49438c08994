package pebblejournal

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// compactStep is how much of the store is written anew at a time: so much space
// it needs for a while.
const compactStep = 64 << 20

// Compact writes the store anew, without what was deleted, erased or written
// over: afterwards no file of it holds a recalled body. It goes on beside reads
// and appends, and takes as long as to copy the store.
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
	// The log goes with the entries that were only in it.
	if err := h.db.Flush(); err != nil {
		return err
	}
	cuts, err := h.cuts()
	if err != nil {
		return err
	}
	start := []byte{0}
	for _, cut := range cuts {
		if bytes.Compare(start, cut) >= 0 {
			continue
		}
		if err := h.db.Compact(ctx, start, cut, false); err != nil {
			return err
		}
		start = cut
	}
	return h.awaitRemovals(ctx)
}

// cuts returns keys between which there are some compactStep bytes, the last
// one beyond all.
func (h *handle) cuts() ([][]byte, error) {
	levels, err := h.db.SSTables()
	if err != nil {
		return nil, err
	}
	tables := slices.Concat(levels...)
	slices.SortFunc(tables, func(a, b pebble.SSTableInfo) int {
		return bytes.Compare(a.Largest.UserKey, b.Largest.UserKey)
	})
	var cuts [][]byte
	size := uint64(0)
	for _, t := range tables {
		if size += t.Size; size >= compactStep {
			cuts = append(cuts, t.Largest.UserKey)
			size = 0
		}
	}
	return append(cuts, []byte{0xff}), nil
}

// awaitRemovals waits until the files that are of no use any more are gone.
func (h *handle) awaitRemovals(ctx context.Context) error {
	for {
		m := h.db.Metrics()
		if m.Table.ObsoleteCount == 0 && m.Table.ZombieCount == 0 && m.WAL.ObsoleteFiles == 0 {
			return nil
		}
		if err := rest(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// backupMark is a file in a backup. A store with it was put back in place.
const backupMark = "BACKUP"

// Backup makes a copy of the journal in dir, which must not exist, while it goes
// on. A journal opened in the copy, or in a directory it was put back to, has
// the entries but another epoch: clients may have seen numbers that the copy
// will give again.
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

// renewEpoch begins a new epoch if the store was a backup.
func (h *handle) renewEpoch() error {
	mark := filepath.Join(h.store.opt.Dir, backupMark)
	if exists, err := h.db.Exists(mark); err != nil || !exists {
		return err
	}
	if err := h.db.Set(metaKey(metaEpoch), newEpoch(), pebble.Sync); err != nil {
		return err
	}
	if err := h.db.Failed(); err != nil {
		return err
	}
	return h.db.Remove(mark)
}
