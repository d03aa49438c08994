// Package slots counts connections: there are only so many of them, in all, from one
// address, and from one network.
package slots

import (
	"errors"
	"net/netip"
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
)

// Why a connection gets no slot.
var (
	ErrFull          = errors.New("too many connections")
	ErrFullByAddr    = errors.New("too many connections from this address")
	ErrFullByNetwork = errors.New("too many connections from this network")
	ErrClosing       = errors.New("the hub lets nobody in any more")
)

// Slots counts connections. It must be made by New.
//
// A few networks cannot take all slots, however many addresses they have: a network with
// more connections than one address may have gets no more than backpressure.Limits says.
type Slots struct {
	mu        sync.Mutex // guards the rest; a leaf
	closed    bool
	taken     int
	byAddr    map[netip.Addr]int // by access.AddressKey
	byNetwork map[netip.Addr]int // by access.NetworkKey

	empty   chan struct{} // closed by emptied: nobody is let in, and no slot is taken
	emptied func()
}

// New returns Slots of which none is taken.
func New() *Slots {
	empty := make(chan struct{})
	return &Slots{byAddr: map[netip.Addr]int{}, byNetwork: map[netip.Addr]int{}, empty: empty, emptied: sync.OnceFunc(func() { close(empty) })}
}

// Take takes a slot for a connection from addr, where there are most slots, and perAddr
// for one address. Whoever has it must release it.
func (s *Slots) Take(addr netip.Addr, most, perAddr int) error {
	key, network := access.AddressKey(addr), access.NetworkKey(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	near := s.byNetwork[network]
	limit, _ := backpressure.Limits(int64(most), int64(s.taken-near), 0)
	switch {
	case s.closed:
		return ErrClosing
	case s.taken >= most:
		return ErrFull
	case s.byAddr[key] >= perAddr:
		return ErrFullByAddr
	case near >= perAddr && int64(near) >= limit:
		return ErrFullByNetwork
	}
	s.taken++
	s.byAddr[key]++
	s.byNetwork[network]++
	return nil
}

// Release gives a slot back.
func (s *Slots) Release(addr netip.Addr) {
	key, network := access.AddressKey(addr), access.NetworkKey(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.byAddr[key]--; s.byAddr[key] == 0 {
		delete(s.byAddr, key)
	}
	if s.byNetwork[network]--; s.byNetwork[network] == 0 {
		delete(s.byNetwork, network)
	}
	s.checkEmptyLocked()
}

// Close lets nobody else in.
func (s *Slots) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.checkEmptyLocked()
}

func (s *Slots) checkEmptyLocked() {
	if s.closed && s.taken == 0 {
		s.emptied()
	}
}

// IsClosed reports whether nobody is let in any more.
func (s *Slots) IsClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Count returns how many slots are taken, and by how many addresses.
func (s *Slots) Count() (taken, addresses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken, len(s.byAddr)
}

// Empty returns a channel that is closed once nobody is let in any more and no slot is
// taken.
func (s *Slots) Empty() <-chan struct{} { return s.empty }
