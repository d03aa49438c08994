package pebblejournal

import (
	"cmp"
	"context"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
)

// Stats returns the journal's figures. Entries counts those that retention has not
// deleted yet; Bytes is what the store takes on disk. It is cheap enough to be
// called every second.
func (j *Journal) Stats() journal.Stats {
	s := j.figures.Stats()
	s.Unavailable = j.queue.refused() != nil
	s.Lost = j.store.Lost()
	if h, _, _ := j.store.TryUse(); h != nil {
		s.Bytes = h.UsedBytes()
		h.Release()
	}
	return s
}

// Unavailable returns why nothing can be recorded now, or nil. The error wraps
// journal.ErrUnavailable, or is journal.ErrClosed.
func (j *Journal) Unavailable() error { return j.queue.unavailable() }

// Warnings returns what an operator should look at, in words: what is missing, what is
// damaged, what others can read. It is empty if all is well.
func (j *Journal) Warnings() []string {
	list := append(j.store.Warnings(), j.figures.Warnings()...)
	if full := j.bound.Why(); full != nil {
		list = append(list, full.Error())
	}
	return list
}

// SetMaxBytes changes Options.MaxBytes, with the same meaning of 0 and of negative
// values. It takes effect within a second or so.
func (j *Journal) SetMaxBytes(n int64) {
	j.maxBytes.Store(cmp.Or(n, defaultMaxBytes))
}

// RecordSpace implements journal.Bounded.
func (j *Journal) RecordSpace() (left int64, bounded bool) { return j.bound.Space() }

// untilClosed returns a context that ends with ctx and with the journal.
func (j *Journal) untilClosed(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(j.background, func() { cancel(journal.ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// Compact rewrites the store without what was deleted, erased or overwritten.
// Afterwards no file of it has a recalled body. Reads and appends go on meanwhile.
// It takes as long as copying the store. It ends with ctx and with the journal; what it
// has rewritten stays so. It needs free space for a part of the store at a time, some
// 64 MiB, and looks for it first.
func (j *Journal) Compact(ctx context.Context) error {
	ctx, stop := j.untilClosed(ctx)
	defer stop()
	err := j.store.Aside(ctx, func(ctx context.Context, h *disk.Handle) error { return h.Compact(ctx) })
	if err != nil {
		return fmt.Errorf("compact journal: %w", err)
	}
	return nil
}

// Backup copies the journal to the directory dir, which must not exist, while the
// journal is in use. A journal that is opened in the copy, or in a directory to
// which the copy was moved, has the same entries and another epoch: clients may
// have seen numbers that the copy will give again.
//
// On the disk of the journal a backup shares the journal's tables and needs room for
// its log; elsewhere it needs as much as the journal. It looks for that first. It ends
// with ctx and with the journal. A backup that fails is removed.
//
// The error wraps journal.ErrUnavailable while the disk is full or fails.
func (j *Journal) Backup(ctx context.Context, dir string) error {
	ctx, stop := j.untilClosed(ctx)
	defer stop()
	if err := j.store.Backup(ctx, dir); err != nil {
		return fmt.Errorf("back up journal to %q: %w", dir, err)
	}
	return nil
}
