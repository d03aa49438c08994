package pebblejournal

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// Records returns the small values that are kept beside the entries.
func (j *Journal) Records() journal.Records { return records{j} }

// records implements journal.Records.
type records struct{ journal *Journal }

// Put implements journal.Records.
func (r records) Put(ctx context.Context, key string, value []byte) error {
	if err := journal.CheckRecord(key, value); err != nil {
		return err
	}
	value = slices.Clone(value)
	return r.journal.change(ctx, false, func(g *commit.Group) error {
		g.ChangeRecord(key, value, journal.Stamp{})
		return nil
	})
}

// Update implements journal.Records. The committer calls f, once.
func (r records) Update(ctx context.Context, key string, f func(old []byte) ([]byte, error)) error {
	if err := journal.CheckRecord(key, nil); err != nil {
		return err
	}
	return r.journal.change(ctx, false, func(g *commit.Group) error {
		old, err := g.LookUp(key)
		if err != nil {
			return err
		}
		value, err := callUpdate(r.journal.opt.Logger, f, old.Value)
		if err == nil {
			err = journal.CheckRecord(key, value)
		}
		if err != nil {
			return err
		}
		g.ChangeRecord(key, slices.Clone(value), journal.Stamp{Position: g.Updated()})
		return nil
	})
}

// callUpdate calls a function of somebody else. Its panic is an error.
func callUpdate(log *zap.Logger, f func([]byte) ([]byte, error), old []byte) (value []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("chat journal: callback panicked", zap.Any("cause", cause), zap.Stack("stack"))
			err = fmt.Errorf("update of a record panicked: %v", cause)
		}
	}()
	return f(old)
}

// Get implements journal.Records.
func (r records) Get(ctx context.Context, key string) (journal.Record, error) {
	list, err := r.GetMany(ctx, []string{key})
	if err != nil {
		return journal.Record{}, err
	}
	return list[0], nil
}

// GetMany implements journal.Records.
func (r records) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	return disk.Within(ctx, r.journal.store, func(h *disk.Handle) (list []journal.Record, err error) {
		list = make([]journal.Record, len(keys))
		for i, key := range keys {
			list[i], err = rows.Record(h.Durable, h.OldRecords, key)
			if r.journal.spare(err) {
				list[i] = journal.Record{Key: key}
			} else if err != nil {
				return nil, err
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		return list, nil
	})
}

// scanBatch is how many records a scan reads ahead of its caller.
const scanBatch = 128

// Scan implements journal.Records. It reads on a goroutine of its own, so that it ends
// with ctx although the disk does not answer.
func (r records) Scan(ctx context.Context, prefix string, each func(journal.Record) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan []journal.Record)
	ended := make(chan error, 1)
	go func() {
		_, err := disk.Within(ctx, r.journal.store, func(h *disk.Handle) (struct{}, error) {
			return struct{}{}, r.journal.scanRecords(ctx, h, prefix, batches)
		})
		ended <- err
	}()
	for {
		select {
		case batch := <-batches:
			for _, rec := range batch {
				if err := each(rec); err != nil {
					return err
				}
				if err := ctx.Err(); err != nil {
					return err
				}
			}
		case err := <-ended:
			return err
		}
	}
}

// scanRecords sends the records of a moment in batches.
func (j *Journal) scanRecords(ctx context.Context, h *disk.Handle, prefix string, to chan<- []journal.Record) error {
	snapshot, done := h.Durable.View()
	defer done()
	var batch []journal.Record
	send := func() error {
		select {
		case to <- batch:
			batch = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := rows.ScanRecords(snapshot, h.OldRecords, prefix, func(error) { j.noteDamage(1) }, func(rec journal.Record) error {
		if batch = append(batch, rec); len(batch) < scanBatch {
			return nil
		}
		return send()
	})
	if err == nil && len(batch) > 0 {
		err = send()
	}
	return err
}

// Watch implements journal.Records. The goroutine that calls the followers of rooms
// calls each, also for the records that are there when Watch is called: Watch returns
// after that.
func (r records) Watch(prefix string, each func(journal.Record)) (stop func(), err error) {
	j := r.journal
	ctx, cancel := context.WithTimeout(j.background, followTimeout)
	defer cancel()
	h, err := j.store.Use(ctx)
	if err != nil {
		return nil, err
	}
	w := &watching{journal: j, handle: h, watcher: &watcher{prefix, each}, begun: make(chan error, 1)}
	it := commit.Item{Change: w.mark, Then: w.begin, Done: func(_ journal.Receipt, err error) {
		if err != nil {
			w.finish(err)
		}
	}}
	it.Maintenance = true // it is accepted while nothing can be recorded
	if err := j.queue.put(ctx, it); err != nil {
		w.finish(err)
	}
	select {
	case err = <-w.begun:
	case <-ctx.Done():
		if !w.givenUp.Swap(true) {
			return nil, disk.Unavailable(ctx.Err()) // begin or finish will release the rest
		}
		err = <-w.begun
	}
	if err != nil {
		return nil, err
	}
	return w.listener.Remove, nil
}

// watching is a Watch that begins.
type watching struct {
	// Fixed.
	journal *Journal
	handle  *disk.Handle // held until finish
	watcher *watcher
	begun   chan error // gets one error, or nil

	// Owned by the committer, then by the dispatcher.
	at   *pebble.Snapshot // the store without this group
	done func()           // lets go of it; nil before mark

	listener *watchListener // set before begun gets nil
	givenUp  atomic.Bool    // by whoever sets it first: Watch, which waits no longer, or begin
}

// mark is called by the committer, between two groups: changes that are not in the
// snapshot are dispatched after begin.
func (w *watching) mark(g *commit.Group) error {
	if g.DB() != w.handle.DB {
		return errReopening
	}
	w.at, w.done = w.handle.Durable.View()
	return nil
}

// begin is called by the dispatcher.
func (w *watching) begin() {
	if w.givenUp.Swap(true) {
		w.finish(nil)
		return
	}
	j := w.journal
	if w.listener = j.listeners.watchers.Add(struct{}{}, w.watcher); w.listener == nil {
		w.finish(journal.ErrClosed)
		return
	}
	damaged := func(error) { j.noteDamage(1) }
	err := rows.ScanRecords(w.at, w.handle.OldRecords, w.watcher.prefix, damaged, func(rec journal.Record) error {
		j.callWatcher(w.listener, rec)
		return nil
	})
	if err != nil {
		w.listener.Drop()
	}
	w.finish(err)
}

func (w *watching) finish(err error) {
	if w.done != nil {
		w.done()
	}
	w.handle.Release()
	w.begun <- err
}
