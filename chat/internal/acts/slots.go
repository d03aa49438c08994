package acts

import (
	"errors"
	"net/netip"
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
)

// Why a connection gets no slot.
var (
	ErrFull       = errors.New("too many connections")
	ErrFullByAddr = errors.New("too many connections from this address")
	ErrClosing    = errors.New("the hub lets nobody in any more")
)

// slots counts connections. It must be made by newSlots.
type slots struct {
	mu     sync.Mutex // guards the rest; a leaf
	closed bool
	taken  int
	byAddr map[netip.Addr]int // by access.AddressKey

	empty   chan struct{} // closed by emptied: nobody is let in, and no slot is taken
	emptied func()
}

func newSlots() slots {
	empty := make(chan struct{})
	return slots{byAddr: map[netip.Addr]int{}, empty: empty, emptied: sync.OnceFunc(func() { close(empty) })}
}

// take takes a slot for a connection from addr. Whoever has it must release it.
func (s *slots) take(addr netip.Addr, set *Settings) error {
	key := access.AddressKey(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosing
	case s.taken >= set.MaxConnections:
		return ErrFull
	case s.byAddr[key] >= set.MaxConnectionsPerIP:
		return ErrFullByAddr
	}
	s.taken++
	s.byAddr[key]++
	return nil
}

func (s *slots) release(addr netip.Addr) {
	key := access.AddressKey(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.byAddr[key]--; s.byAddr[key] == 0 {
		delete(s.byAddr, key)
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
