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

// ErrSlow ends a Tail whose reader is slower than the room.
var ErrSlow = errors.New("the room is faster than its reader")

// ErrLost ends a Tail whose room has lost entries: it goes on in a new epoch.
var ErrLost = errors.New("the journal has lost entries of the room")

// tailLimit bounds the bytes of entries that wait for the reader of a Tail.
const tailLimit = 4 << 20

// Tail calls each for the newest entries of a room and then for every further one,
// as lines like those of Export, until ctx ends or each returns an error. The line
// is valid during the call only. Transient entries are left out. Nobody becomes
// present by it.
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
	entries := page.Entries[max(0, len(page.Entries)-newest):]
	var line []byte
	for after := journal.Seq(0); ; {
		for i := range entries {
			e := &entries[i]
			if e.Seq <= after {
				continue // it was read before it was delivered
			}
			line = AppendLine(line[:0], page.Epoch, e)
			if err := each(line); err != nil {
				return err
			}
		}
		after = max(after, page.Last)
		if entries, err = q.next(ctx); err != nil {
			return err
		}
	}
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

	mu       sync.Mutex // guards the rest
	entries  []journal.Entry
	bytes    int
	overflow bool
}

// Lost implements journal.Follower.
func (q *queue) Lost(l journal.Lost) { q.cancel(fmt.Errorf("%w: %w", ErrLost, l.Why)) }

// Deliver implements journal.Follower.
func (q *queue) Deliver(e journal.Entry) {
	if !e.Kind.Recorded() {
		return
	}
	q.mu.Lock()
	if q.bytes += e.Size(); q.bytes > tailLimit {
		q.overflow, q.entries = true, nil
	}
	if !q.overflow {
		q.entries = append(q.entries, e)
	}
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// next waits for entries and takes them.
func (q *queue) next(ctx context.Context) ([]journal.Entry, error) {
	select {
	case <-q.more:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.overflow {
		return nil, ErrSlow
	}
	entries := q.entries
	q.entries, q.bytes = nil, 0
	return entries, nil
}
