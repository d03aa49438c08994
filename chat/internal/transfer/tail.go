package transfer

import (
	"context"
	"errors"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// ErrSlow ends a Tail whose reader is slower than the room.
var ErrSlow = errors.New("the room is faster than its reader")

// tailLimit bounds the bytes of entries that wait for the reader of a Tail.
const tailLimit = 4 << 20

// Tail calls each for the newest entries of a room and then for every further one,
// as lines like those of Export, until ctx ends or each returns an error. The line
// is valid during the call only. Transient entries are left out. Nobody becomes
// present by it.
func Tail(ctx context.Context, j journal.Journal, room string, newest int, each func(line []byte) error) error {
	q := &queue{more: make(chan struct{}, 1)}
	stop, err := j.Follow(room, q.add)
	if err != nil {
		return err
	}
	defer stop()
	page, err := j.Read(ctx, journal.Query{Room: room, Backward: true, Limit: max(newest, 1)})
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

// queue is what waits for the reader of a Tail.
type queue struct {
	more chan struct{} // holds one item when something was added

	mu       sync.Mutex // guards the rest
	entries  []journal.Entry
	bytes    int
	overflow bool
}

func (q *queue) add(e journal.Entry) {
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
