package pebblejournal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
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
		err := g.CheckRecord(key, value)
		if err == nil {
			g.ChangeRecord(key, value, journal.Stamp{})
		}
		return err
	})
}

// Update implements journal.Records. The committer calls f, at most once.
func (r records) Update(ctx context.Context, key string, f func(old []byte) ([]byte, error)) error {
	if err := journal.CheckRecord(key, nil); err != nil {
		return err
	}
	var u update
	defer u.abandon()
	return r.journal.change(ctx, false, func(g *commit.Group) error {
		old, err := g.LookUp(key)
		if err != nil {
			return err
		}
		value, err := u.call(r.journal.opt.Logger, f, old.Value)
		if err == nil {
			err = cmp.Or(journal.CheckRecord(key, value), g.CheckRecord(key, value))
		}
		if err != nil {
			return err
		}
		g.ChangeRecord(key, slices.Clone(value), journal.Stamp{Position: g.Updated()})
		return nil
	})
}

// RestoreRecords implements journal.Restorer.
func (j *Journal) RestoreRecords(ctx context.Context, list []journal.Record) (written int, err error) {
	list = slices.Clone(list)
	for i := range list {
		r := &list[i]
		if err := journal.CheckRecord(r.Key, r.Value); err != nil {
			return 0, err
		}
		r.Value, r.Stamp.Position = slices.Clone(r.Value), 0
	}
	n := 0 // not the result: the committer may count after ctx has ended
	err = j.change(ctx, false, func(g *commit.Group) error {
		for _, r := range list {
			there, err := g.LookUp(r.Key)
			if err != nil {
				return err
			}
			if there.Value == nil || there.Stamp.Seq < r.Stamp.Seq {
				g.ChangeRecord(r.Key, r.Value, r.Stamp)
				n++
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// update is one call of Update. Once that has returned, its function is not called.
type update struct {
	mu        sync.Mutex // held while the function is called; guards abandoned
	abandoned bool
}

func (u *update) abandon() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.abandoned = true
}

// call calls a function of somebody else. Its panic is an error.
func (u *update) call(log *zap.Logger, f func([]byte) ([]byte, error), old []byte) (value []byte, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.abandoned {
		return nil, context.Canceled // nobody waits for it
	}
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
		at, done := h.Durable.View()
		defer done()
		find, err := rows.NewFinder(at, h.OldRecords)
		if err != nil {
			return nil, err
		}
		defer find.Close()
		list = make([]journal.Record, len(keys))
		for i, key := range keys {
			list[i], err = find.Record(key)
			if rows.IsDamage(err) {
				r.journal.noteDamagedRecord(err)
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

// scanBatch is how many bytes of records a scan reads ahead of its caller, about: what is
// handed over wakes a thread, which costs as much as reading a hundred records.
const (
	scanBatch  = 128 << 10
	recordSize = 64 // of a record without its texts, about
)

// Scan implements journal.Records.
func (r records) Scan(ctx context.Context, prefix string, each func(journal.Record) error) error {
	return r.ScanMany(ctx, []string{prefix}, func(_ int, rec journal.Record) error { return each(rec) })
}

// ScanMany implements journal.Records. It reads on a goroutine of its own, so that it ends
// with ctx although the disk does not answer, and with the store although each does not
// return.
func (r records) ScanMany(ctx context.Context, prefixes []string, each func(int, journal.Record) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := newRecordScan(prefixes)
	go func() {
		_, err := disk.Within(ctx, r.journal.store, func(h *disk.Handle) (struct{}, error) {
			at, done := h.Durable.View()
			defer done()
			return struct{}{}, r.journal.sendRecords(ctx, h, at, s)
		})
		s.ended <- err
	}()
	return s.receive(ctx, each)
}

// recordScan is what a goroutine that reads records and the one that calls back for them
// have in common.
type recordScan struct {
	prefixes []string
	batches  chan recordBatch
	ended    chan error
}

// recordBatch are records of one prefix.
type recordBatch struct {
	prefix int // its index
	list   []journal.Record
}

func newRecordScan(prefixes []string) *recordScan {
	return &recordScan{prefixes, make(chan recordBatch), make(chan error, 1)}
}

// receive calls each for what is read.
func (s *recordScan) receive(ctx context.Context, each func(int, journal.Record) error) error {
	for {
		select {
		case batch := <-s.batches:
			for _, rec := range batch.list {
				if err := each(batch.prefix, rec); err != nil {
					return err
				}
				if err := ctx.Err(); err != nil {
					return context.Cause(ctx)
				}
			}
		case err := <-s.ended:
			return err
		}
	}
}

// sendRecords sends the records of a moment to a scan, until ctx ends or the store must be
// let go of.
func (j *Journal) sendRecords(ctx context.Context, h *disk.Handle, at *pebble.Snapshot, s *recordScan) error {
	var batch recordBatch
	size := 0
	send := func() error {
		select {
		case s.batches <- batch:
			batch.list, size = nil, 0
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-h.Leaving():
			return j.whyLeaving()
		}
	}
	scan := rows.NewScan(h.ReaderAt(ctx, at), h.OldRecords, j.noteDamagedRecord)
	defer scan.Close()
	for n, prefix := range s.prefixes {
		batch.prefix = n
		err := scan.Each(prefix, func(rec journal.Record) error {
			batch.list = append(batch.list, rec)
			if size += recordSize + len(rec.Key) + len(rec.Value); size < scanBatch {
				return nil
			}
			full := len(batch.list)
			err := send()
			batch.list = make([]journal.Record, 0, full) // there may be as many again
			return err
		})
		if err == nil && len(batch.list) > 0 {
			err = send()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// whyLeaving returns why the store is about to be closed.
func (j *Journal) whyLeaving() error {
	if j.background.Err() != nil {
		return journal.ErrClosed
	}
	return disk.Unavailable(errReopening)
}

// Watch implements journal.Records. It calls each for the records that are there before it
// returns; afterwards the goroutine that calls the followers of rooms does. It waits for
// the disk for 5 seconds at most.
func (r records) Watch(prefix string, each func(journal.Record)) (stop func(), err error) {
	j := r.journal
	ctx, cancel := context.WithTimeout(j.background, followTimeout)
	defer cancel()
	h, err := j.store.Use(ctx)
	if err != nil {
		return nil, j.whyGivenUp(err)
	}
	w := &watching{journal: j, handle: h, watcher: &watcher{prefix: prefix, each: each, behind: true}, begun: make(chan error, 1)}
	if err := w.await(ctx); err != nil {
		return nil, j.whyGivenUp(err)
	}
	if err := w.catchUp(ctx); err != nil {
		w.listener.Drop()
		return nil, j.whyGivenUp(err)
	}
	return w.listener.Remove, nil
}

// watching is a Watch that begins.
type watching struct {
	// Fixed.
	journal *Journal
	handle  *disk.Handle // held until catchUp, or until await has failed
	watcher *watcher
	begun   chan error // gets one error, or nil

	mu   sync.Mutex       // guards the next three
	at   *pebble.Snapshot // the store without this group
	done func()           // lets go of it; nil before mark
	over bool             // nothing must be marked any more

	listener *watchListener // set by the dispatcher, before begun gets nil

	settled atomic.Bool // set by whoever comes first: Watch, which waits no longer, or the dispatcher
}

// await waits until a moment is marked, and what changes after it is held for the watcher.
// After an error nothing is held.
func (w *watching) await(ctx context.Context) error {
	it := commit.Item{Change: w.mark, Then: w.begin, Done: func(_ journal.Receipt, err error) {
		if err != nil {
			w.settle(err)
		}
	}}
	it.Maintenance = true // it is accepted while nothing can be recorded
	if err := w.journal.queue.put(ctx, it); err != nil {
		w.settle(err)
	}
	select {
	case err := <-w.begun:
		return err
	case <-ctx.Done():
		if w.settled.Swap(true) {
			return <-w.begun
		}
		return context.Cause(ctx) // the dispatcher will let go of the rest
	}
}

// mark is called by the committer, between two groups: changes that are not in the
// snapshot are dispatched after begin.
func (w *watching) mark(g *commit.Group) error {
	if g.DB() != w.handle.DB {
		return disk.Unavailable(errReopening)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over { // Close has given up
		return journal.ErrClosed
	}
	w.at, w.done = w.handle.Durable.View()
	return nil
}

// begin is called by the dispatcher.
func (w *watching) begin() {
	w.listener = w.journal.listeners.watchers.Add(struct{}{}, w.watcher)
	if w.listener == nil {
		w.settle(journal.ErrClosed)
		return
	}
	w.settle(nil)
}

// settle tells Watch how it has begun. If that is without success, or nobody waits for it
// any more, it lets go of everything.
func (w *watching) settle(err error) {
	abandoned := w.settled.Swap(true)
	if abandoned && w.listener != nil {
		w.listener.Drop()
	}
	if abandoned || err != nil {
		w.release()
		w.handle.Release()
	}
	w.begun <- err
}

// release lets go of the moment.
func (w *watching) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.done != nil {
		w.done()
	}
}

// catchUp calls the watcher for what was there, and then for what has changed meanwhile.
func (w *watching) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := newRecordScan([]string{w.watcher.prefix})
	var begun atomic.Bool // set by whoever comes first: the reader, or what gives it up
	go func() {
		_, err := disk.With(ctx, w.handle, func(h *disk.Handle) (struct{}, error) {
			if begun.Swap(true) {
				return struct{}{}, ctx.Err()
			}
			defer w.release()
			return struct{}{}, w.journal.sendRecords(ctx, h, w.at, s)
		})
		if err != nil && !begun.Swap(true) {
			w.release()
		}
		s.ended <- err
	}()
	err := s.receive(ctx, func(_ int, rec journal.Record) error {
		w.journal.callWatcher(w.listener, rec)
		return nil
	})
	for err == nil {
		var held []journal.Record
		if held, err = w.watcher.next(); len(held) == 0 {
			break
		}
		for _, rec := range held {
			w.journal.callWatcher(w.listener, rec)
		}
	}
	return err
}
