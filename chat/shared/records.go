package shared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared/internal/bus"
)

// records implements journal.Records.
type records struct {
	*core
	bus      *bus.Bus                  // fixed
	updating *keyedmutex.Mutex[string] // those of this node do not disturb each other

	queued  sync.Mutex // guards what is to be committed
	queue   []*swap
	closing bool
	work    chan struct{} // capacity 1

	seen   sync.Mutex // guards newest and begun; a leaf
	newest uint64     // revision that was acknowledged or told here
	begun  uint64     // how many epochs have begun

	again    atomic.Bool   // another epoch has begun: watchers are told of all there is
	telling  chan struct{} // capacity 1: full while watchers are called, so that each gets one order
	revision uint64        // the newest that watchers were told; guarded by telling
	watchers []*watcher    // guarded by telling, replaced and never changed
	wake     chan struct{}
}

// swap is a change that waits to be committed, and its answer.
type swap struct {
	change Change
	answer Swapped
	err    error
	done   chan struct{}
}

// watcher is somebody who watches the keys that begin with prefix.
type watcher struct {
	caller
	prefix string
	each   func(journal.Record)
	after  uint64          // changes up to this revision it knows
	keys   map[string]bool // of records that it was told are there; guarded by records.telling
}

func newRecords(c *core, b *bus.Bus) *records {
	return &records{core: c, bus: b, updating: &keyedmutex.Mutex[string]{}, work: make(chan struct{}, 1), telling: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
}

// Bounds of a commit of records.
const (
	swapsAtOnce = 128
	swapsQueued = 4096 // each waits for its answer, so this bounds callers
)

// commitAll commits changes until the journal is closed and none waits.
func (rs *records) commitAll() {
	for {
		list := rs.take()
		if len(list) == 0 {
			return
		}
		changes := make([]Change, len(list))
		for i, s := range list {
			changes[i] = s.change
		}
		_, begun := rs.standing()
		answers, err := rs.engine.Swap(changes)
		if err != nil && !errors.Is(err, journal.ErrUnavailable) {
			err = errors.Join(journal.ErrUncertain, err)
		}
		told := false
		for i, s := range list {
			if s.err = err; err == nil {
				s.answer = answers[i]
				rs.saw(s.answer.Revision, begun)
				told = told || s.answer.Revision > 0
			}
			close(s.done)
		}
		if told {
			signal(rs.wake)
			rs.bus.Send([]byte{hintRecords})
		}
	}
}

// take waits for changes, of each key the first. It returns none when the journal is closed and none waits.
func (rs *records) take() (list []*swap) {
	for {
		rs.queued.Lock()
		keys := map[string]bool{}
		var rest []*swap
		for _, s := range rs.queue {
			if keys[s.change.Key] || len(list) == swapsAtOnce {
				rest = append(rest, s)
				continue
			}
			keys[s.change.Key] = true
			list = append(list, s)
		}
		rs.queue = rest
		closing := rs.closing
		rs.queued.Unlock()
		if len(list) > 0 || closing {
			return list
		}
		<-rs.work
	}
}

func (rs *records) close() {
	rs.queued.Lock()
	rs.closing = true
	rs.queued.Unlock()
	signal(rs.work)
}

// change commits a change.
func (rs *records) change(ctx context.Context, c Change) (Swapped, error) {
	s := &swap{change: c, done: make(chan struct{})}
	rs.queued.Lock()
	if rs.closing {
		rs.queued.Unlock()
		return Swapped{}, journal.ErrClosed
	}
	if len(rs.queue) >= swapsQueued {
		rs.queued.Unlock()
		return Swapped{}, fmt.Errorf("%w: %d changes of records wait", journal.ErrUnavailable, swapsQueued)
	}
	rs.queue = append(rs.queue, s)
	rs.queued.Unlock()
	signal(rs.work)
	select {
	case <-s.done:
		return s.answer, s.err
	case <-ctx.Done():
		return Swapped{}, ctx.Err()
	}
}

// Put implements journal.Records.
func (rs *records) Put(ctx context.Context, key string, value []byte) error {
	if err := journal.CheckRecord(key, value); err != nil {
		return err
	}
	if err := rs.use(ctx); err != nil {
		return err
	}
	_, err := rs.change(ctx, Change{Key: key, New: bytes.Clone(value), Blind: true})
	return err
}

// Update implements journal.Records.
func (rs *records) Update(ctx context.Context, key string, f func(old []byte) ([]byte, error)) error {
	unlock, err := rs.updating.Lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := rs.Get(ctx, key)
	if err != nil {
		return err
	}
	for old := r.Value; ; {
		value, err := rs.update(f, bytes.Clone(old))
		if err != nil {
			return err
		}
		if err := journal.CheckRecord(key, value); err != nil {
			return err
		}
		answer, err := rs.change(ctx, Change{Key: key, Old: old, New: bytes.Clone(value)})
		if err != nil || answer.Revision > 0 {
			return err
		}
		old = answer.Now
	}
}

// update calls a function of somebody else. Its panic is an error.
func (rs *records) update(f func([]byte) ([]byte, error), old []byte) (value []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			rs.log.Error("chat journal: callback panicked", zap.Any("cause", cause), zap.Stack("stack"))
			err = fmt.Errorf("update of a record panicked: %v", cause)
		}
	}()
	return f(old)
}

// Get implements journal.Records.
func (rs *records) Get(ctx context.Context, key string) (journal.Record, error) {
	list, err := rs.GetMany(ctx, []string{key})
	if err != nil {
		return journal.Record{}, err
	}
	return list[0], nil
}

// GetMany implements journal.Records.
func (rs *records) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	if err := rs.use(ctx); err != nil {
		return nil, err
	}
	list, err := rs.engine.GetMany(ctx, keys)
	return list, rs.failed(err)
}

// Scan implements journal.Records.
func (rs *records) Scan(ctx context.Context, prefix string, each func(journal.Record) error) error {
	return rs.ScanMany(ctx, []string{prefix}, func(_ int, r journal.Record) error { return each(r) })
}

// ScanMany implements journal.Records.
func (rs *records) ScanMany(ctx context.Context, prefixes []string, each func(n int, r journal.Record) error) error {
	if err := rs.use(ctx); err != nil {
		return err
	}
	var own error
	_, err := rs.engine.Scan(ctx, prefixes, func(n int, r journal.Record) error {
		if own = ctx.Err(); own == nil {
			own = each(n, r)
		}
		return own
	})
	if own != nil {
		return own
	}
	return rs.failed(err)
}

// Watch implements journal.Records. Other watchers are told nothing while it reads what there is.
func (rs *records) Watch(prefix string, each func(journal.Record)) (stop func(), err error) {
	rs.telling <- struct{}{}
	defer func() { <-rs.telling }()
	if err := rs.use(rs.ctx); err != nil {
		return nil, rs.failed(err)
	}
	_, begun := rs.standing()
	w := &watcher{caller: caller{log: rs.log}, prefix: prefix, each: each, keys: map[string]bool{}}
	revision, err := rs.engine.Scan(rs.ctx, []string{prefix}, func(_ int, r journal.Record) error {
		w.tell(r)
		return nil
	})
	if err != nil {
		return nil, rs.failed(err)
	}
	w.after = revision
	if len(rs.watchers) == 0 {
		rs.revision = revision
	}
	rs.saw(revision, begun)
	rs.watchers = append(slices.Clip(rs.watchers), w)
	return func() {
		w.stop() // not under telling: a call of another watcher may run for long
		rs.telling <- struct{}{}
		rs.watchers = slices.DeleteFunc(slices.Clone(rs.watchers), func(x *watcher) bool { return x == w })
		<-rs.telling
	}, nil
}

// tell tells a watcher of a record.
func (w *watcher) tell(r journal.Record) {
	if w.keys[r.Key] = true; r.Value == nil {
		delete(w.keys, r.Key)
	}
	w.call(func() { w.each(r) })
}

// standing is the newest revision that was acknowledged or told here, and how many epochs have begun.
func (rs *records) standing() (revision, begun uint64) {
	rs.seen.Lock()
	defer rs.seen.Unlock()
	return rs.newest, rs.begun
}

// saw notes a revision that is acknowledged or told, unless another epoch has begun since it was asked for.
func (rs *records) saw(revision, begun uint64) {
	rs.seen.Lock()
	defer rs.seen.Unlock()
	if begun == rs.begun {
		rs.newest = max(rs.newest, revision)
	}
}

// beginAgain begins with what is in the store, in another epoch.
func (rs *records) beginAgain(revision uint64) {
	rs.seen.Lock()
	rs.newest, rs.begun = revision, rs.begun+1
	rs.seen.Unlock()
	rs.again.Store(true)
	signal(rs.wake)
}

// tellAll tells watchers of all records that there are, and of those that are there no longer.
func (rs *records) tellAll(ctx context.Context) error {
	for _, w := range rs.watchers {
		gone := maps.Clone(w.keys)
		revision, err := rs.engine.Scan(ctx, []string{w.prefix}, func(_ int, r journal.Record) error {
			delete(gone, r.Key)
			w.tell(r)
			return nil
		})
		if err != nil {
			return err
		}
		for key := range gone {
			w.tell(journal.Record{Key: key})
		}
		w.after = revision
		rs.revision = min(rs.revision, revision)
	}
	return nil
}

// known says that there is a revision.
func (rs *records) known(revision uint64) {
	if newest, _ := rs.standing(); revision > newest {
		signal(rs.wake)
	}
}

// showAll tells watchers of changes until end is closed, and then of what is there.
func (rs *records) showAll(ctx context.Context, end <-chan struct{}) {
	for ended := false; !ended; {
		select {
		case <-rs.wake:
		case <-end:
			ended = true
		case <-ctx.Done():
			return
		}
		for {
			more, err := rs.show(ctx)
			if err != nil && !ended {
				time.AfterFunc(time.Second, func() { signal(rs.wake) })
			}
			if err != nil || !more {
				break
			}
		}
	}
}

// show tells watchers of some changes, and reports whether there may be more.
func (rs *records) show(ctx context.Context) (more bool, err error) {
	rs.telling <- struct{}{}
	defer func() { <-rs.telling }()
	if rs.again.Swap(false) {
		rs.revision = math.MaxUint64
		if err := rs.tellAll(ctx); err != nil {
			rs.again.Store(true)
			return false, err
		}
	}
	if len(rs.watchers) == 0 {
		return false, nil
	}
	_, begun := rs.standing()
	list, err := rs.engine.Changes(ctx, rs.revision, 256)
	if err != nil {
		return false, err
	}
	for _, c := range list {
		rs.revision = c.Revision
		rs.saw(c.Revision, begun)
		for _, w := range rs.watchers {
			if c.Revision > w.after && strings.HasPrefix(c.Record.Key, w.prefix) {
				r := c.Record
				r.Value = bytes.Clone(r.Value)
				w.tell(r)
			}
		}
	}
	return len(list) > 0, nil
}

// end ends every Watch.
func (rs *records) end() {
	rs.telling <- struct{}{}
	watchers := rs.watchers
	rs.watchers = nil
	<-rs.telling
	for _, w := range watchers {
		w.stop()
	}
}
