package chat

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/room"
)

// Check compares the maps and counters of the hub with each other. It may be
// called at any time. What it returns is wrong in the hub.
func (h *Hub) Check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	slots, addresses := h.core.Slots.Count()
	if slots < len(h.sessions) {
		errs = append(errs, fmt.Errorf("%d sessions, but %d slots", len(h.sessions), slots))
	}
	if addresses > slots {
		errs = append(errs, fmt.Errorf("%d slots, but %d addresses", slots, addresses))
	}
	return errors.Join(append(errs, h.rooms.Check())...)
}

// Empty returns an error that names what is left in the hub.
func (h *Hub) Empty() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	slots, addresses := h.core.Slots.Count()
	if h.rooms.Len()+h.rooms.Away()+len(h.sessions)+len(h.users)+addresses+slots+h.engine.Len() > 0 {
		return fmt.Errorf("left: %d rooms, %d users who are away, %d sessions, %d users, %d addresses, %d slots, %d connections",
			h.rooms.Len(), h.rooms.Away(), len(h.sessions), len(h.users), addresses, slots, h.engine.Len())
	}
	return nil
}

// PanicIn lets the worker of a room panic, which somebody is in.
func (h *Hub) PanicIn(name string) {
	sub, arrival, err := h.rooms.Join(h.context, name, panicking{}, room.Terms{})
	if err != nil {
		panic(err)
	}
	if _, err := arrival.Wait(h.context); err == nil {
		panic("nothing panicked")
	}
	sub.Lose()
}

// panicking is a session that panics when it is asked whether it may read a room.
type panicking struct{ room.Session }

func (panicking) Addr() netip.Addr { return netip.Addr{} }

func (panicking) MayHear(string, access.Role, bool) error { panic("a test wants it") }

// Hold keeps a room open, as somebody in it does.
func (h *Hub) Hold(name string) (release func(), err error) {
	_, release, err = h.rooms.KeepOpen(h.context, name)
	return release, err
}

// InHand returns how many bytes the journal has not answered, and of how many people.
func (h *Hub) InHand() (bytes int64, people int) { return h.core.InHand() }

// Queued returns how many bytes wait for clients.
func (h *Hub) Queued() int64 { return h.engine.Queued() }

// WithLock calls f while it holds the hub's mutex.
func (h *Hub) WithLock(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}
