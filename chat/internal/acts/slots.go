package acts

import (
	"errors"
	"net/netip"
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
)

// Why a connection gets no slot.
var (
	ErrFull          = errors.New("too many connections")
	ErrFullByAddr    = errors.New("too many connections from this address")
	ErrFullByNetwork = errors.New("too many connections from this network")
	ErrClosing       = errors.New("the hub lets nobody in any more")
)

// slots counts connections. It must be made by newSlots.
//
// A few networks cannot take all slots, however many addresses they have: a network with
// more connections than one address may have gets no more than is left for all others.
type slots struct {
	mu        sync.Mutex // guards the rest; a leaf
	closed    bool
	taken     int
	byAddr    map[netip.Addr]int // by access.AddressKey
	byNetwork map[netip.Addr]int // by access.NetworkKey

	empty   chan struct{} // closed by emptied: nobody is let in, and no slot is taken
	emptied func()
}

func newSlots() slots {
	empty := make(chan struct{})
	return slots{byAddr: map[netip.Addr]int{}, byNetwork: map[netip.Addr]int{}, empty: empty, emptied: sync.OnceFunc(func() { close(empty) })}
}

// take takes a slot for a connection from addr. Whoever has it must release it.
func (s *slots) take(addr netip.Addr, set *Settings) error {
	key, network := access.AddressKey(addr), access.NetworkKey(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	near := s.byNetwork[network]
	switch {
	case s.closed:
		return ErrClosing
	case s.taken >= set.MaxConnections:
		return ErrFull
	case s.byAddr[key] >= set.MaxConnectionsPerIP:
		return ErrFullByAddr
	case near >= set.MaxConnectionsPerIP && near+1 > set.MaxConnections-s.taken:
		return ErrFullByNetwork
	}
	s.taken++
	s.byAddr[key]++
	s.byNetwork[network]++
	return nil
}

func (s *slots) release(addr netip.Addr) {
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

func (s *slots) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.checkEmptyLocked()
}

func (s *slots) checkEmptyLocked() {
	if s.closed && s.taken == 0 {
		s.emptied()
	}
}

func (s *slots) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *slots) count() (taken, addresses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken, len(s.byAddr)
}
