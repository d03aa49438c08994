// Package keyedmutex is a mutex for each key.
package keyedmutex

import (
	"context"
	"sync"
)

// Mutex is a mutex for each key. Unlike our other mutexes it may be held while a
// journal writes: nothing but the order of these writes depends on it. The zero
// value is ready to use.
type Mutex[K comparable] struct {
	mu     sync.Mutex // guards locked
	locked map[K]chan struct{}
}

// Lock waits until nobody holds the mutex of k, and returns how to unlock it,
// which must be done once. It returns the error of ctx if that ends first.
func (m *Mutex[K]) Lock(ctx context.Context, k K) (unlock func(), err error) {
	for {
		m.mu.Lock()
		unlocked := m.locked[k]
		if unlocked == nil {
			break
		}
		m.mu.Unlock()
		select {
		case <-unlocked:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if m.locked == nil {
		m.locked = map[K]chan struct{}{}
	}
	unlocked := make(chan struct{})
	m.locked[k] = unlocked
	m.mu.Unlock()
	return func() {
		m.mu.Lock()
		delete(m.locked, k)
		m.mu.Unlock()
		close(unlocked)
	}, nil
}
