package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/figures"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/keyfilter"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/listeners"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/witness"
	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// Journal is a journal.Journal and a journal.Restorer in a directory. All its
// methods may be called by several goroutines at once.
type Journal struct {
	// Fixed once Open has returned.
	opt   Options
	store *disk.Store
	rooms *commit.Rooms
	queue *queue
	nodes *journal.Alone

	listeners callbacks
	shown     shown

	maxBytes   atomic.Int64 // Options.MaxBytes, or what SetMaxBytes was given last
	filter     keyfilter.Filter
	inHand     inHand
	unresolved unresolved
	figures    figures.Figures
	due        dueRooms
	bound      commit.Bound // of records

	// The committer hands groups to the dispatcher and gets them back.
	committed chan *commit.Group
	answered  chan struct{}      // those who appended the group are answered
	free      chan *commit.Group // its followers are called too: it may be used again

	background       context.Context // of maintenance
	cancelBackground context.CancelCauseFunc
	maintaining      chan struct{} // a semaphore of one: whoever sent to it does maintenance
	lastFullPass     time.Time     // owned by whoever does maintenance
	recordsCompacted time.Time     // as well

	goroutines sync.WaitGroup // the committer, the dispatcher and maintenance
	closing    sync.Once
	closeErr   error // set under closing
}

var (
	_ journal.Journal   = (*Journal)(nil)
	_ journal.Successor = (*Journal)(nil)
)

// shown is what readers may know of the store as a whole. The committer sets it, or
// whoever opens the store while nobody uses it.
type shown struct {
	mu     sync.Mutex // guards the rest
	epoch  string
	totals format.Totals // of the newest group that is durable and visible
}

func (s *shown) set(epoch string, t format.Totals) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch, s.totals = epoch, t
}

func (s *shown) get() (epoch string, t format.Totals) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch, s.totals
}

// Append implements journal.Journal. It blocks only while more than 4 MiB wait to
// be written, so it slows down callers that are faster than the disk.
//
// One goroutine calls done for all entries, one call after the other. Until done
// returns, nobody else is answered. A panic in it is logged. It must not call
// Close.
//
// The error wraps journal.ErrUnavailable while the disk is full or fails; it is
// journal.ErrClosed after Close.
func (j *Journal) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if err := journal.CheckEntry(&e); err != nil {
		j.protect(func() { done(journal.Receipt{}, err) })
		return
	}
	e.Recalled, e.Epoch = false, ""
	e.Seq, e.Count, e.Position, e.Edited = 0, 0, 0, 0
	it := commit.Item{Entry: e, Done: done}
	if e.Key != "" && e.Kind.Recorded() {
		it.Hash = format.HashKey(e.Room, e.From.ID, e.Key)
	}
	if err := j.queue.put(ctx, it); err != nil {
		j.protect(func() { done(journal.Receipt{}, err) })
	}
}

// Nodes implements journal.Journal: the store has one node.
func (j *Journal) Nodes() journal.Nodes { return j.nodes }

// Restore implements journal.Restorer. It writes the entries as one batch, so they
// should be some hundreds, and about a megabyte.
func (j *Journal) Restore(ctx context.Context, entries []journal.Entry) (recorded, known int, err error) {
	if err := ctx.Err(); err != nil || len(entries) == 0 {
		return 0, 0, err
	}
	type answer struct {
		receipt journal.Receipt
		err     error
	}
	answered := make(chan struct{})
	waiting := atomic.Int64{}
	waiting.Store(int64(len(entries)))
	answers := make([]answer, len(entries))
	items := make([]commit.Item, len(entries))
	together := new(commit.Restoration)
	bytes := 0
	for i, e := range entries {
		it := &items[i]
		e.With, e.Since, e.Epoch = nil, 0, ""
		*it = commit.Item{Entry: e, Restoration: together}
		it.Done = func(receipt journal.Receipt, err error) {
			answers[i] = answer{receipt, err}
			if waiting.Add(-1) == 0 {
				close(answered)
			}
		}
		if e.Key != "" {
			it.Hash = format.HashKey(e.Room, e.From.ID, e.Key)
		}
		bytes += it.QueuedBytes()
	}
	if err := j.queue.putAll(ctx, true, bytes, items...); err != nil {
		return 0, 0, err
	}
	select {
	case <-answered:
	case <-ctx.Done():
		return 0, 0, fmt.Errorf("%w: %w", journal.ErrUncertain, ctx.Err())
	}
	for _, a := range answers {
		switch {
		case a.err != nil:
			return recorded, known, a.err
		case a.receipt.Duplicate:
			known++
		default:
			recorded++
		}
	}
	return recorded, known, nil
}

// Succeed implements journal.Successor. The witness must have the epoch before anything is recorded in it.
func (j *Journal) Succeed(ctx context.Context, fresh string, above journal.Position) error {
	err := j.change(ctx, false, func(g *commit.Group) error { return g.Succeed(fresh, above) })
	if w, ok := j.testify(); err == nil && ok {
		err = j.store.Witness.Write(w)
	}
	return err
}

// RestoreHead implements journal.Successor.
func (j *Journal) RestoreHead(ctx context.Context, room string, h journal.Head) error {
	return j.change(ctx, false, func(g *commit.Group) error { return g.RestoreHead(room, &h) })
}

// ForgetFeed implements journal.Successor.
func (j *Journal) ForgetFeed(ctx context.Context) error {
	return j.change(ctx, true, func(g *commit.Group) error { return g.ForgetFeed(g.Totals().Position, g.Totals().FeedBytes) })
}

// change makes the committer call change with its group, and waits until that is
// durable. maintenance says that the change frees space.
func (j *Journal) change(ctx context.Context, maintenance bool, change func(*commit.Group) error) error {
	result := make(chan error, 1)
	it := commit.Item{Change: change, Maintenance: maintenance, Done: func(_ journal.Receipt, err error) { result <- err }}
	if err := j.queue.put(ctx, it); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// callbacks are those of Follow, FollowFeed and Watch.
type callbacks struct {
	rooms    listeners.Set[string, *listeners.Follower]
	feed     listeners.Set[struct{}, *feedFollower]
	watchers listeners.Set[struct{}, *watcher]
}

type watchListener = listeners.Listener[struct{}, *watcher]

// feedFollower is one call of FollowFeed. Its fields are fixed.
type feedFollower struct {
	wants   func(room string) bool
	deliver func(journal.Entry)
	lost    func(journal.Lost)
}

// watcher is one call of Watch.
type watcher struct {
	// Fixed.
	prefix string
	each   func(journal.Record)

	mu     sync.Mutex // guards the rest
	behind bool       // it is called for the records that were there: changes are held
	held   []journal.Record
	bytes  int // of held
}

// heldMax bounds the changes that are held for a watcher, in bytes.
const heldMax = 4 << 20

// hold holds a change while the watcher is behind. It returns false if the watcher must be
// called for it.
func (w *watcher) hold(rec journal.Record) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.behind {
		return false
	}
	if w.bytes += len(rec.Key) + len(rec.Value) + 64; w.bytes > heldMax {
		w.held = nil // next says so
	} else {
		w.held = append(w.held, rec)
	}
	return true
}

// next returns the changes that are held. If there are none, the watcher is behind no
// more.
func (w *watcher) next() ([]journal.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bytes > heldMax {
		return nil, disk.Unavailable(errTooManyChanges)
	}
	held := w.held
	w.held, w.bytes, w.behind = nil, 0, len(held) > 0
	return held, nil
}

var errTooManyChanges = errors.New("more records changed than could be held while the disk was read")

// protect calls a function of somebody else, and logs its panic.
func (j *Journal) protect(f func()) {
	defer func() {
		if cause := recover(); cause != nil {
			j.opt.Logger.Error("chat journal: callback panicked", zap.Any("cause", cause), zap.Stack("stack"))
		}
	}()
	f()
}

// recordedSoFar returns what the witness must know: how much was recorded.
func (j *Journal) recordedSoFar() uint64 {
	t := j.figures.Totals()
	return t.Recorded()
}

// testify returns what the witness must say now. It returns false while the store
// cannot be written.
func (j *Journal) testify() (witness.Witness, bool) {
	epoch, _ := j.shown.get()
	w := witness.Witness{Format: format.Version, Epoch: epoch, Entries: j.recordedSoFar()}
	return w, j.store.Healthy()
}

// loadTotals takes over the epoch and the totals of the store. If a damaged block has the
// totals, their positions go on at the present time, which is above all that were given,
// and their bytes at the end of the timeline.
func (j *Journal) loadTotals(h *disk.Handle) error {
	value, err := h.Get(format.MetaKey(format.MetaTotals))
	var t format.Totals
	if err == nil && value != nil {
		t, err = format.DecodeTotals(value)
	}
	if disk.IsDamage(err) {
		above := journal.Position(j.opt.now().UnixMilli()) << 8
		t = format.Totals{Entries: h.Entries, Position: above, Updates: above, FeedBegin: above, DroppedHeads: 1}
		err = rows.EachMark(h.Durable, func(mark rows.Mark) (goOn bool) {
			if t.Bytes == 0 {
				t.DeletedBytes = mark.Bytes // or more; the marks of what the quota deleted are gone
			}
			t.Bytes = mark.Bytes + commit.TimelineStep
			return true
		})
	}
	if err != nil {
		return err
	}
	j.figures.Load(t)
	j.shown.set(h.Epoch, t)
	return nil
}

// loadState loads the state of a room for the cache. A room that is new has been there
// before, perhaps, if any was forgotten: then this is another life.
func (j *Journal) loadState(db pebble.Reader, name string) (format.RoomState, error) {
	state, err := rows.State(db, name, func() journal.Position {
		if _, t := j.shown.get(); t.DroppedHeads > 0 {
			return t.Position + 1
		}
		return 0
	})
	if !j.spare(err) {
		return state, err
	}
	if h := j.store.Peek(); h != nil { // whoever reads db holds it
		db = h.Salvaging(j.background, db)
	}
	return rows.SalvageState(db, name)
}

// spare reports whether err says that something is damaged, and counts it then. It is
// taken for missing.
func (j *Journal) spare(err error) bool {
	if !rows.IsDamage(err) {
		return false
	}
	j.noteDamage(1)
	return true
}

// noteDamagedRecord is noteDamage for records that a scan does not find.
func (j *Journal) noteDamagedRecord(error) {
	j.noteDamage(1)
	if j.figures.AddDamagedRecord(j.opt.now()) {
		j.opt.Logger.Error("chat journal: "+figures.DamagedRecords, zap.String("dir", j.opt.Dir))
	}
}

// noteDamage counts entries and records that could not be read, and logs it once an hour.
func (j *Journal) noteDamage(n int) {
	if n > 0 && j.figures.AddDamaged(n, j.opt.now()) {
		j.opt.Logger.Error("chat journal: something in the store is damaged and cannot be read; the rest goes on without it. "+
			"Put a backup in its place if it is needed", zap.String("dir", j.opt.Dir), zap.Uint64("in_all", j.figures.Stats().Damaged))
	}
}

// errReopening is why an append is refused while the store is being reopened.
var errReopening = errors.New("the store is being opened again")
