package room

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Evict calls f while nobody is in a room, and nobody of this process follows it. It ends
// the sessions in the room, which come back, and lets nobody in before f returns. If ctx
// ends first, f is not called.
func (rs *Rooms) Evict(ctx context.Context, name string, f func() error) error {
	rs.mu.Lock()
	if rs.closed {
		rs.mu.Unlock()
		return ErrClosed
	}
	if rs.evicted[name] != nil {
		rs.mu.Unlock()
		return wire.Unavailable.Error("")
	}
	e := &eviction{rooms: rs.ending[name] + 1, gone: make(chan struct{})}
	rs.evicted[name] = e
	if r := rs.rooms[name]; r == nil {
		e.ended(1)
	} else {
		r.do(func() {
			for _, rc := range r.audience.receivers {
				rc.closeSession(wire.Unavailable)
			}
		})
	}
	rs.mu.Unlock()
	defer func() {
		rs.mu.Lock()
		delete(rs.evicted, name)
		rs.mu.Unlock()
	}()
	select {
	case <-e.gone:
		return f()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Renew ends the sessions in a room, which come back to a new one: another node has erased
// what they have seen. It waits for nothing.
func (rs *Rooms) Renew(name string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r := rs.rooms[name]; r != nil {
		r.do(r.lose)
	}
}
