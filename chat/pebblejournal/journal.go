package pebblejournal

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/keyfilter"
	"github.com/cockroachdb/pebble/v2"
)

// Journal is a journal.Journal and a journal.Restorer in a directory. All its
// methods may be called by several goroutines at once.
type Journal struct {
	// Fixed once Open has returned.
	opt       Options
	epoch     string
	store     *store
	rooms     *roomCache
	followers *followers
	queue     *queue

	maxBytes   atomic.Int64 // Options.MaxBytes, or what SetMaxBytes was given last
	filter     keyfilter.Filter
	unresolved unresolved
	statistics statistics
	due        dueRooms

	// The committer hands groups to the dispatcher and gets them back.
	committed chan *commitGroup
	answered  chan struct{}     // those who appended the group are answered
	free      chan *commitGroup // its followers are called too: it may be used again

	totals totals // owned by the committer

	background       context.Context // of maintenance
	cancelBackground context.CancelFunc
	maintaining      chan struct{} // a semaphore of one: whoever sent to it does maintenance
	lastFullPass     time.Time     // owned by whoever does maintenance

	goroutines sync.WaitGroup // the committer, the dispatcher and maintenance
	closing    sync.Once
	closeErr   error // set under closing
}

var (
	_ journal.Journal  = (*Journal)(nil)
	_ journal.Restorer = (*Journal)(nil)
)

// Append implements journal.Journal. It blocks only while more than 4 MiB wait to
// be written, so it slows down callers that are faster than the disk.
//
// One goroutine calls done for all entries, one call after the other. Until done
// returns, nobody else is answered. A panic in it is logged. It must not call
// Close.
//
// The error wraps journal.ErrUnavailable while the disk is full or fails; it is
// journal.ErrClosed after Close.
func (j *Journal) Append(e journal.Entry, done func(journal.Receipt, error)) {
	it := item{entry: e, done: done}
	if e.Key != "" && e.Kind.Recorded() {
		it.hash = hashKey(e.Room, e.From.ID, e.Key)
	}
	if err := j.queue.put(it); err != nil {
		done(journal.Receipt{}, err)
	}
}

// Restore implements journal.Restorer. It writes the entries as one batch, so they
// should be some hundreds, and about a megabyte. It does not return before the
// disk has answered, even if ctx ends.
func (j *Journal) Restore(ctx context.Context, entries []journal.Entry) (recorded, known int, err error) {
	if err := ctx.Err(); err != nil || len(entries) == 0 {
		return 0, 0, err
	}
	type answer struct {
		receipt journal.Receipt
		err     error
	}
	var answered sync.WaitGroup
	answers := make([]answer, len(entries))
	items := make([]item, len(entries))
	together := new(restoration)
	bytes := 0
	for i, e := range entries {
		it := &items[i]
		*it = item{entry: e, restoration: together}
		it.done = func(receipt journal.Receipt, err error) {
			answers[i] = answer{receipt, err}
			answered.Done()
		}
		if e.Key != "" {
			it.hash = hashKey(e.Room, e.From.ID, e.Key)
		}
		bytes += it.queuedBytes()
	}
	answered.Add(len(items))
	if err := j.queue.putAll(true, bytes, items...); err != nil {
		return 0, 0, err
	}
	answered.Wait()
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

// change makes the committer call change with its group, and waits until that is
// durable. maintenance says that the change frees space.
func (j *Journal) change(ctx context.Context, maintenance bool, change func(*commitGroup) error) error {
	result := make(chan error, 1)
	err := j.queue.put(item{change: change, maintenance: maintenance, done: func(_ journal.Receipt, err error) { result <- err }})
	if err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Follow implements journal.Journal. One goroutine calls deliver for all rooms: a
// slow deliver delays everybody. A panic in it is logged.
func (j *Journal) Follow(room string, deliver func(journal.Entry)) (stop func(), err error) {
	f := &follower{deliver: deliver}
	if !j.followers.add(room, f) {
		return nil, journal.ErrClosed
	}
	return func() { j.followers.remove(room, f) }, nil
}

// Records returns the small values that are kept beside the entries.
func (j *Journal) Records() journal.Records { return records{j} }

// records implements journal.Records.
type records struct{ journal *Journal }

// Put keeps value under key, or deletes the key. If ctx ends first, the change may
// still be made.
func (r records) Put(ctx context.Context, key string, value []byte) error {
	k, value := appendRecordKey(nil, key), slices.Clone(value)
	return r.journal.change(ctx, false, func(g *commitGroup) error {
		if value == nil {
			return g.batch.Delete(k, nil)
		}
		return g.batch.Set(k, value, nil)
	})
}

// Get returns a copy of the value, or nil if there is no such record.
func (r records) Get(ctx context.Context, key string) ([]byte, error) {
	h, err := r.journal.store.use(ctx)
	if err != nil {
		return nil, err
	}
	defer h.release()
	return h.get(appendRecordKey(nil, key))
}

// Scan calls each with copies of the records as they are when Scan begins.
func (r records) Scan(ctx context.Context, prefix string, each func(key string, value []byte) error) error {
	h, err := r.journal.store.use(ctx)
	if err != nil {
		return err
	}
	defer h.release()
	start := appendRecordKey(nil, prefix)
	iter, err := h.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: prefixEnd(start)})
	if err != nil {
		return err
	}
	defer iter.Close()
	for at := iter.First(); at; at = iter.Next() {
		value := append([]byte{}, iter.Value()...)
		if err := each(string(iter.Key()[1:]), value); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return iter.Error()
}
