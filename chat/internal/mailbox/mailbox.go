// Package mailbox is a queue whose reader exists only while there is something to
// read.
package mailbox

import "sync"

// Mailbox is a queue without a bound of its own: its owner bounds what is put in.
// It needs no goroutine while it is empty. Whoever puts an item into an idle
// mailbox must see to it that Take is called until it returns nothing. The zero
// value is ready to use.
type Mailbox[T any] struct {
	mu    sync.Mutex // guards the rest
	items []T
	busy  bool // somebody calls Take until it returns nothing
}

// Put queues item. It reports whether the mailbox was idle: then the caller is
// responsible for a reader.
func (m *Mailbox[T]) Put(item T) (idle bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items = append(m.items, item)
	idle = !m.busy
	m.busy = true
	return idle
}

// Take returns everything that waits, or nothing, and then the mailbox is idle.
// done is the batch that the previous call returned; its memory is used again.
func (m *Mailbox[T]) Take(done []T) []T {
	clear(done) // let go of what it points to
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
