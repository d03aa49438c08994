package chat

import "sync"

// mailbox is an unbounded queue whose reader exists only while there is
// something to read: whoever puts into an idle mailbox must see to it that take
// is called until it returns nothing. What may enter is bounded by its owners.
type mailbox[T any] struct {
	mu    sync.Mutex // guards the rest
	items []T
	busy  bool
}

// put queues item and reports whether the mailbox was idle, so that the caller
// has become responsible for its reader.
func (m *mailbox[T]) put(item T) (idle bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items = append(m.items, item)
	idle = !m.busy
	m.busy = true
	return idle
}

// take returns all that waits, or nothing once the mailbox is idle. done is the
// batch returned by the call before, no longer used.
func (m *mailbox[T]) take(done []T) []T {
	clear(done) // let go of what it pointed to
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.items) == 0 {
		m.busy = false
		m.items = nil // an idle mailbox holds no memory
		return nil
	}
	batch := m.items
	m.items = done[:0]
	return batch
}
