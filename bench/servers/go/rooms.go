package main

import "sync"

// rooms holds the members of each room, for libraries that leave that to their
// users. An empty room stays, which does not matter here.
type rooms[T comparable] struct {
	mu     sync.Mutex
	byName map[string]*room[T]
}

type room[T comparable] struct {
	mu      sync.RWMutex
	members map[T]struct{}
}

func (r *rooms[T]) named(name string) *room[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byName == nil {
		r.byName = map[string]*room[T]{}
	}
	found := r.byName[name]
	if found == nil {
		found = &room[T]{members: map[T]struct{}{}}
		r.byName[name] = found
	}
	return found
}

func (r *room[T]) join(member T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[member] = struct{}{}
}

func (r *room[T]) leave(member T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, member)
}

// others calls do for all members but one.
func (r *room[T]) others(but T, do func(T)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for m := range r.members {
		if m != but {
			do(m)
		}
	}
}
