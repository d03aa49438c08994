package main

import "sync"

// rooms holds the clients of each room, for libraries that have no rooms. Empty
// rooms are not removed; a benchmark has few.
type rooms[T comparable] struct {
	mu     sync.Mutex
	byName map[string]*room[T]
}

type room[T comparable] struct {
	mu      sync.RWMutex
	clients map[T]struct{}
}

func (r *rooms[T]) named(name string) *room[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byName == nil {
		r.byName = map[string]*room[T]{}
	}
	found := r.byName[name]
	if found == nil {
		found = &room[T]{clients: map[T]struct{}{}}
		r.byName[name] = found
	}
	return found
}

func (r *room[T]) join(client T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients[client] = struct{}{}
}

func (r *room[T]) leave(client T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.clients, client)
}

// others calls do for all clients except one.
func (r *room[T]) others(except T, do func(T)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for m := range r.clients {
		if m != except {
			do(m)
		}
	}
}
