package chat

import (
	"errors"
	"fmt"
)

// Check compares the hub's maps and counters with each other. It may be called
// at any time; what it returns is wrong in the hub.
func (h *Hub) Check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	if h.admitted < len(h.sessions) {
		errs = append(errs, fmt.Errorf("%d sessions, but %d admitted", len(h.sessions), h.admitted))
	}
	sum := 0
	for addr, n := range h.byAddr {
		sum += n
		if n <= 0 {
			errs = append(errs, fmt.Errorf("%v is listed with %d connections", addr, n))
		}
	}
	if sum != h.admitted {
		errs = append(errs, fmt.Errorf("%d admitted, but %d by address", h.admitted, sum))
	}
	for name, r := range h.rooms {
		if r.name != name || r.refs <= 0 {
			errs = append(errs, fmt.Errorf("room %q is listed as %q with %d references", r.name, name, r.refs))
		}
	}
	return errors.Join(errs...)
}

// Empty returns an error that names what is left in the hub.
func (h *Hub) Empty() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.rooms)+len(h.sessions)+len(h.byAddr)+h.admitted+h.engine.Len() > 0 {
		return fmt.Errorf("left: %d rooms, %d sessions, %d addresses, %d admitted, %d connections",
			len(h.rooms), len(h.sessions), len(h.byAddr), h.admitted, h.engine.Len())
	}
	return nil
}

// PanicIn has the worker of a room panic.
func (h *Hub) PanicIn(name string) {
	h.inRoom(name, func(*room) { panic("as the test wants it") })
}

// Hold takes a room, as who is in it does.
func (h *Hub) Hold(name string) (release func(), err error) {
	r, err := h.acquire(name, 0)
	return func() { h.release(r) }, err
}

// Queued returns how many bytes wait for clients.
func (h *Hub) Queued() int64 { return h.engine.Queued() }
