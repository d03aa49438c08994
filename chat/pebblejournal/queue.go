package pebblejournal

import (
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// queueLimit bounds the bytes that wait for the committer, and so one group.
const queueLimit = 4 << 20

// item is one thing to be written: an entry, or a change that the journal makes
// for itself.
type item struct {
	entry  journal.Entry
	claim  claim // of entry.Key, if it has one
	change func(*group) error
	run    *run // that the entry is restored with, if it is
	upkeep bool // a change that makes room: allowed to use the reserve
	done   func(journal.Receipt, error)

	// Set by the committer.
	receipt   journal.Receipt
	err       error
	first     *item // in this group, whose receipt is this one's too
	recording bool  // it is in the group's batch

	to []*follower // set by the answerer
}

// size is what an item counts for in the queue.
func (it *item) size() int {
	e := &it.entry
	return len(e.Body) + len(e.Key) + len(e.From.ID) + len(e.From.Name) + len(e.From.Avatar) + len(e.Room) + 384
}

// queue gathers what is to be written while the committer writes. It is bounded
// in bytes; when it is full, those who append wait.
type queue struct {
	mu      sync.Mutex // guards the rest
	filled  sync.Cond  // there are items, or closed is set
	emptied sync.Cond  // there is room, or nothing to wait for
	items   []item
	bytes   int
	refusal error // nothing can be recorded, because of this
	closed  bool
}

func newQueue() *queue {
	q := &queue{}
	q.filled.L, q.emptied.L = &q.mu, &q.mu
	return q
}

// put adds an item for the committer. With an error it is not added. What isn't
// recorded is never refused for want of room on the disk.
func (q *queue) put(it item) error {
	refusable := !it.upkeep && (it.change != nil || it.entry.Kind.Recorded())
	return q.putAll(refusable, it.size(), it)
}

// putAll adds items that belong in one group, size bytes in all.
func (q *queue) putAll(refusable bool, size int, items ...item) error {
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
	q.bytes += size
	if len(q.items) == len(items) {
		q.filled.Signal()
	}
	return nil
}

// wait waits until take has something to return, or the queue is closed.
func (q *queue) wait() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.filled.Wait()
	}
}

// take waits for items and returns all of them. The queue goes on with the
// memory of spare, which must not be used any more. It returns false once it is
// closed and empty.
func (q *queue) take(spare []item) ([]item, bool) {
	clear(spare) // let go of what they pointed to
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

// refuse has appends answered with err from now on; nil lets them in again.
func (q *queue) refuse(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refusal = err
	q.emptied.Broadcast()
}

func (q *queue) refused() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refusal
}

// waiting returns the bytes in the queue.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// close lets nothing more in.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
	q.emptied.Broadcast()
}
