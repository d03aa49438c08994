package acts

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
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

// hidden remembers up to which number the entries of rooms were too old to be shown:
// whoever asks next need not search the whole room for it. The zero value is ready to
// use.
type hidden struct {
	mu  sync.Mutex // guards the rest; a leaf
	all map[aged]hiddenTo
}

// aged is a room as a policy shows it.
type aged struct {
	room string
	age  time.Duration
}

type hiddenTo struct {
	epoch string
	seq   journal.Seq
	at    time.Time // when it was so. What is too old stays so, unless the clock goes back
}

// maxHidden bounds the rooms that are remembered: about 1 MiB. Then all are forgotten, and
// each costs a search again.
const maxHidden = 10_000

// of returns the number up to which entries are too old for sure, or 0.
func (h *hidden) of(k aged, epoch string, now time.Time) journal.Seq {
	h.mu.Lock()
	defer h.mu.Unlock()
	if to := h.all[k]; to.epoch == epoch && !now.Before(to.at) {
		return to.seq
	}
	return 0
}

// note remembers that the entries up to a number are too old.
func (h *hidden) note(k aged, to hiddenTo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, ok := h.all[k]; ok && old.epoch == to.epoch && old.seq >= to.seq && !to.at.Before(old.at) {
		return
	}
	if h.all == nil || len(h.all) >= maxHidden {
		h.all = map[aged]hiddenTo{}
	}
	h.all[k] = to
}
