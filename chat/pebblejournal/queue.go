package pebblejournal

import (
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// queueLimit bounds the bytes that wait for the committer, and so the size of one
// group.
const queueLimit = 4 << 20

// queue collects items while the committer writes. It is bounded in bytes: while it
// is full, put blocks.
type queue struct {
	mu      sync.Mutex // guards the rest
	filled  sync.Cond  // there are items, or closed is set
	emptied sync.Cond  // there is space, or a reason not to wait for it
	items   []item
	bytes   int
	refusal error // why nothing can be recorded now, or nil
	closed  bool
}

func newQueue() *queue {
	q := &queue{}
	q.filled.L, q.emptied.L = &q.mu, &q.mu
	return q
}

// put adds an item. After an error it is not added. Transient entries and
// maintenance are accepted even while appends are refused.
func (q *queue) put(it item) error {
	refusable := !it.maintenance && (it.change != nil || it.entry.Kind.Recorded())
	return q.putAll(refusable, it.queuedBytes(), it)
}

// putAll adds items that must be in one group. bytes is their size.
func (q *queue) putAll(refusable bool, bytes int, items ...item) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes >= queueLimit && !q.closed && !(refusable && q.refusal != nil) {
		q.emptied.Wait()
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

// wait waits until take has something to return.
func (q *queue) wait() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.filled.Wait()
	}
}

// take waits for items and returns all of them. The queue uses the memory of spare
// from now on; the caller must not. It returns false once the queue is closed and
// empty.
func (q *queue) take(spare []item) ([]item, bool) {
	clear(spare) // so that they keep nothing alive
	q.wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return nil, false
	}
	items := q.items
	q.items, q.bytes = spare[:0], 0
	q.emptied.Broadcast()
	return items, true
}

// refuse makes put return err for what must be recorded. nil ends that.
func (q *queue) refuse(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refusal = err
	q.emptied.Broadcast()
}

// refused returns why nothing can be recorded now, or nil.
func (q *queue) refused() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refusal
}

// close makes put return ErrClosed. What is in the queue can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
	q.emptied.Broadcast()
}
