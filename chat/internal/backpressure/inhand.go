package backpressure

import (
	"sync"
	"sync/atomic"

	"github.com/caddychat/caddy-chat/chat/access"
)

// InHand counts the bytes of what everybody has said and the journal has not answered,
// wherever they wait. Nobody has more of it than Limits says, counted without a lock. So one who
// says much while the journal hangs gets half at most, and who says a little is heard beside
// many of these. What would be more is refused, since whoever waited with it would hold it, too.
type InHand struct {
	total atomic.Int64

	mu     sync.Mutex // guards the rest; a leaf
	shares map[access.Person]*Held
	near   map[access.Network]*inNetwork
}

// inNetwork is what those of one network have in hand.
type inNetwork struct {
	bytes  atomic.Int64
	shares int // of them; guarded by InHand.mu
}

// Held is what one person has in hand, over all connections and requests, and after
// they have ended.
type Held struct {
	// Fixed.
	of  *InHand
	who access.Person
	net *inNetwork

	bytes   atomic.Int64
	left    atomic.Bool // no actor has it
	holders int         // actors that have it; guarded by InHand.mu
}

// Of returns the share of a person, which must be given back with Release.
func (h *InHand) Of(who access.Person) *Held {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.shares[who]
	if s == nil {
		if h.shares == nil {
			h.shares, h.near = map[access.Person]*Held{}, map[access.Network]*inNetwork{}
		}
		net := h.near[who.Network()]
		if net == nil {
			net = new(inNetwork)
			h.near[who.Network()] = net
		}
		net.shares++
		s = &Held{of: h, who: who, net: net}
		h.shares[who] = s
	}
	s.holders++
	s.left.Store(false)
	return s
}

// Release gives the share back. What it holds stays counted until it is put back.
func (s *Held) Release() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.holders--
	s.left.Store(s.holders == 0)
	s.forgetLocked()
}

// forgetLocked forgets a share that nobody has and that holds nothing.
func (s *Held) forgetLocked() {
	if s.holders == 0 && s.bytes.Load() == 0 && s.of.shares[s.who] == s {
		delete(s.of.shares, s.who)
		if s.net.shares--; s.net.shares == 0 {
			delete(s.of.near, s.who.Network())
		}
	}
}

// Take counts n bytes, unless the person would have too many of limit.
func (s *Held) Take(n int, limit int64) bool {
	own, near, total := s.bytes.Add(int64(n)), s.net.bytes.Add(int64(n)), s.of.total.Add(int64(n))
	network, person := Limits(limit, total-near, near-own)
	if near <= network && (own <= person || !s.who.HasNeighbours()) {
		return true
	}
	s.Put(n)
	return false
}

// Put says that n bytes are in hand no more. It takes a lock only for those who have left.
func (s *Held) Put(n int) {
	s.of.total.Add(-int64(n))
	s.net.bytes.Add(-int64(n))
	if s.bytes.Add(-int64(n)) == 0 && s.left.Load() {
		s.of.mu.Lock()
		defer s.of.mu.Unlock()
		s.forgetLocked()
	}
}

// Total returns how many bytes all have in hand, and how many persons there are.
func (h *InHand) Total() (bytes int64, persons int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total.Load(), len(h.shares)
}
