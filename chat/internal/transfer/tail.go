package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// ErrLost ends a Tail whose room has lost entries: it goes on in a new epoch.
var ErrLost = errors.New("the journal has lost entries of the room")

// tailLimit bounds the bytes of entries that wait for the reader of a Tail, or are read
// for it at once, but for one entry.
const tailLimit = 4 << 20

// Tail calls each for the newest entries of a room and then for every further one,
// as lines like those of Export, until ctx ends or each returns an error. The line
// is valid during the call only. Transient entries are left out. Nobody becomes
// present by it. What comes faster than each returns is read from the journal.
func Tail(ctx context.Context, j journal.Journal, room string, newest int, each func(line []byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	q := &queue{more: make(chan struct{}, 1), cancel: cancel}
	stop, err := follow(ctx, j, room, q)
	if err != nil {
		return err
	}
	defer stopSoon(stop)
	page, err := read(ctx, j, journal.Query{Room: room, Backward: true, Limit: max(newest, 1), Bytes: tailLimit})
	if err != nil {
		return err
	}
	t := tail{epoch: page.Epoch, each: each}
	if err := t.show(page.Entries[max(0, len(page.Entries)-newest):]); err != nil {
		return err
	}
	for t.after = page.Last; ; {
		entries, behind, err := q.next(ctx)
		for more := behind; more && err == nil; {
			if page, err = read(ctx, j, journal.Query{Room: room, After: t.after, Limit: tailEntries, Bytes: tailLimit}); err == nil {
				more, err = page.More, t.show(page.Entries)
			}
		}
		if err == nil {
			err = t.show(entries)
		}
		if err != nil {
			return err
		}
	}
}

// tailEntries is how many entries are read at once for a Tail whose reader is slow.
const tailEntries = 100

// tail is what a Tail has shown.
type tail struct {
	epoch string // fixed
	each  func(line []byte) error
	after journal.Seq // entries up to this one were shown
	line  []byte
}

// show shows entries, but those that were read before they were delivered.
func (t *tail) show(entries []journal.Entry) error {
	for i := range entries {
		e := &entries[i]
		if e.Seq <= t.after {
			continue
		}
		t.after, t.line = e.Seq, AppendLine(t.line[:0], t.epoch, e)
		if err := t.each(t.line); err != nil {
			return err
		}
	}
	return nil
}

// follow is Journal.Follow, which takes no context. If ctx ends first, the following is
// stopped as soon as there is one.
func follow(ctx context.Context, j journal.Journal, room string, f journal.Follower) (stop func(), err error) {
	start, err := foreign.Call(ctx,
		func() (journal.Start, error) { return j.Follow(room, journal.Newest, f) },
		func(late journal.Start, err error) {
			if err == nil {
				late.Stop()
			}
		})
	return start.Stop, err
}

// stopTimeout is how long a Tail waits until its following has stopped.
const stopTimeout = 5 * time.Second

// stopSoon stops a following, or leaves a journal behind that does not return.
func stopSoon(stop func()) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = foreign.Do(ctx, func() error { stop(); return nil }) // nobody is left to be told
}

// queue is what waits for the reader of a Tail.
type queue struct {
	// Fixed.
	more   chan struct{} // holds one item when something was added
	cancel context.CancelCauseFunc

	mu      sync.Mutex // guards the rest
	entries []journal.Entry
	bytes   int
	behind  bool // entries were dropped: the journal has them
}

// Lost implements journal.Follower.
func (q *queue) Lost(l journal.Lost) { q.cancel(fmt.Errorf("%w: %w", ErrLost, l.Why)) }

// Deliver implements journal.Follower.
func (q *queue) Deliver(e journal.Entry) {
	if !e.Kind.Recorded() {
		return
	}
	q.mu.Lock()
	if q.bytes += e.Size(); q.bytes > tailLimit && len(q.entries) > 0 {
		q.entries, q.behind = nil, true
	}
	if !q.behind {
		q.entries = append(q.entries, e)
	}
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// next waits for entries and takes them. If behind is true, those above the last ones must be
// read from the journal.
func (q *queue) next(ctx context.Context) (entries []journal.Entry, behind bool, err error) {
	select {
	case <-q.more:
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	entries, behind = q.entries, q.behind
	q.entries, q.bytes, q.behind = nil, 0, false
	return entries, behind, nil
}
