package pebblejournal

import (
	"context"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
)

// queueLimit bounds the bytes that wait for the committer, and so the size of one
// group.
const queueLimit = 4 << 20

// queue collects items while the committer writes. It is bounded in bytes: while it
// is full, put blocks.
type queue struct {
	mu      sync.Mutex    // guards the rest
	filled  sync.Cond     // there are items, or closed is set
	changed chan struct{} // closed when there is space, or a reason not to wait for it; nil while nobody waits
	items   []commit.Item
	bytes   int
	refusal error // why nothing can be recorded now, or nil
	closed  bool
}

func newQueue() *queue {
	q := &queue{}
	q.filled.L = &q.mu
	return q
}

// put adds an item, and waits for space until ctx ends. After an error it is not
// added. Transient entries and maintenance are accepted even while appends are
// refused.
func (q *queue) put(ctx context.Context, it commit.Item) error {
	refusable := !it.Maintenance && it.NeedsRecord()
	return q.putAll(ctx, refusable, it.QueuedBytes(), it)
}

// putAll adds items that must be in one group. bytes is their size.
func (q *queue) putAll(ctx context.Context, refusable bool, bytes int, items ...commit.Item) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes >= queueLimit && !q.closed && !(refusable && q.refusal != nil) {
		if err := q.awaitChangeLocked(ctx); err != nil {
			return err
		}
	}
	if q.closed {
		return journal.ErrClosed
	}
	if refusable && q.refusal != nil {
		return q.refusal
	}
	q.items = append(q.items, items...)
	q.bytes += bytes
	if len(q.items) == len(items) {
		q.filled.Signal()
	}
	return nil
}

// awaitChangeLocked releases the mutex while it waits. The error of ctx is that nothing
// was recorded.
func (q *queue) awaitChangeLocked(ctx context.Context) error {
	if q.changed == nil {
		q.changed = make(chan struct{})
	}
	changed := q.changed
	q.mu.Unlock()
	defer q.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return disk.Unavailable(ctx.Err())
	}
}

func (q *queue) wakeLocked() {
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

// wait waits until take has something to return.
func (q *queue) wait() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.filled.Wait()
	}
}

// take waits for items and returns all of them. The queue uses the memory of spare, which
// is empty, from now on; the caller must not. It returns false once the queue is closed and
// empty.
func (q *queue) take(spare []commit.Item) ([]commit.Item, bool) {
	q.wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return nil, false
	}
	items := q.items
	q.items, q.bytes = spare, 0
	q.wakeLocked()
	return items, true
}

// refuse makes put return err for what must be recorded. nil ends that.
func (q *queue) refuse(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refusal = err
	q.wakeLocked()
}

// refused returns why nothing can be recorded now, or nil.
func (q *queue) refused() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refusal
}

// unavailable is refused, and ErrClosed once the queue is closed.
func (q *queue) unavailable() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return journal.ErrClosed
	}
	return q.refusal
}

// close makes put return ErrClosed. What is in the queue can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
	q.wakeLocked()
}
