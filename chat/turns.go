package chat

import "sync"

// turns lets those who change the same thing do so one after the other, across
// their waiting for the journal. Others don't wait. It is no lock: nothing else
// is guarded by it, and whoever holds a turn gives it back when the journal has
// answered.
type turns[K comparable] struct {
	mu   sync.Mutex // guards busy
	busy map[K]chan struct{}
}

// take waits for the turn and returns how to give it back.
func (t *turns[K]) take(k K) (give func()) {
	for {
		t.mu.Lock()
		ends := t.busy[k]
		if ends == nil {
			break
		}
		t.mu.Unlock()
		<-ends
	}
	if t.busy == nil {
		t.busy = map[K]chan struct{}{}
	}
	ends := make(chan struct{})
	t.busy[k] = ends
	t.mu.Unlock()
	return func() {
		t.mu.Lock()
		delete(t.busy, k)
		t.mu.Unlock()
		close(ends)
	}
}
