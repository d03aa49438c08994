// Package listeners keeps callbacks that may be removed at any time, and makes their
// removal wait for a call under way.
//
// # Files, lowest first
//
//	listeners.go  sets of listeners
//	follower.go   which entries the follower of a room gets
package listeners

import (
	"slices"
	"sync"
)

// Set holds listeners by key. A listener is told of what concerns its key; F is what
// it is told by. The zero value is ready to use.
type Set[K comparable, F any] struct {
	mu     sync.Mutex              // guards the rest, and what says so in a Listener
	byKey  map[K][]*Listener[K, F] // a slice is replaced and never changed
	closed bool
}

// Listener is one callback.
type Listener[K comparable, F any] struct {
	// Fixed.
	F   F
	key K
	set *Set[K, F]

	// Guarded by Set.mu.
	removed bool
	calls   int           // under way
	quiet   chan struct{} // closed when no call is under way, if Remove waits for that
}

// Add adds a listener. It returns nil if the set is closed.
func (s *Set[K, F]) Add(key K, f F) *Listener[K, F] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.byKey == nil {
		s.byKey = map[K][]*Listener[K, F]{}
	}
	l := &Listener[K, F]{F: f, key: key, set: s}
	s.byKey[key] = append(slices.Clip(s.byKey[key]), l)
	return l
}

// Find calls do with a function that returns the listeners of a key. The slices that
// it returns stay as they are.
func (s *Set[K, F]) Find(do func(of func(K) []*Listener[K, F])) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(func(key K) []*Listener[K, F] { return s.byKey[key] })
}

// All returns all listeners.
func (s *Set[K, F]) All() (all []*Listener[K, F]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, some := range s.byKey {
		all = append(all, some...)
	}
	return all
}

// Close lets no listener in any more and removes all. It does not wait for calls under
// way.
func (s *Set[K, F]) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, some := range s.byKey {
		for _, l := range some {
			l.removed = true
		}
	}
	clear(s.byKey)
}

// Begin reports whether the listener may be called now: it may not once it is removed.
// The caller must call End afterwards if it may.
func (l *Listener[K, F]) Begin() bool {
	l.set.mu.Lock()
	defer l.set.mu.Unlock()
	if l.removed {
		return false
	}
	l.calls++
	return true
}

// End says that a call is over.
func (l *Listener[K, F]) End() {
	l.set.mu.Lock()
	defer l.set.mu.Unlock()
	if l.calls--; l.calls == 0 && l.quiet != nil {
		close(l.quiet)
		l.quiet = nil
	}
}

// Removed reports whether the listener was removed.
func (l *Listener[K, F]) Removed() bool {
	l.set.mu.Lock()
	defer l.set.mu.Unlock()
	return l.removed
}

// Drop removes the listener without waiting for a call under way. It reports whether it
// was there.
func (l *Listener[K, F]) Drop() bool {
	l.set.mu.Lock()
	defer l.set.mu.Unlock()
	return l.dropLocked()
}

func (l *Listener[K, F]) dropLocked() bool {
	if l.removed {
		return false
	}
	l.removed = true
	s := l.set
	left := slices.DeleteFunc(slices.Clone(s.byKey[l.key]), func(g *Listener[K, F]) bool { return g == l })
	if s.byKey[l.key] = left; len(left) == 0 {
		delete(s.byKey, l.key)
	}
	return true
}

// Remove removes the listener and returns after its last call. It must not be called
// from that call.
func (l *Listener[K, F]) Remove() {
	l.set.mu.Lock()
	l.dropLocked()
	if l.calls > 0 && l.quiet == nil {
		l.quiet = make(chan struct{})
	}
	quiet := l.quiet
	l.set.mu.Unlock()
	if quiet != nil {
		<-quiet
	}
}
