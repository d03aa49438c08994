package backpressure

import (
	"sync"
	"sync/atomic"
)

// InHand counts the bytes of what everybody has said and the journal has not answered,
// wherever they wait. Nobody has more of it than is left for all others: so one who says
// much while the journal hangs gets half, ten of them leave an eleventh, and who says a
// little is heard as long as the journal hears anybody. What would be more is refused,
// since whoever waited with it would hold it, too.
type InHand[K comparable] struct {
	total atomic.Int64

	mu     sync.Mutex // guards the rest; a leaf
	shares map[K]*Held[K]
}

// Held is what one person has in hand, over all connections and requests, and after
// they have ended.
type Held[K comparable] struct {
	// Fixed.
	of  *InHand[K]
	who K

	bytes   atomic.Int64
	left    atomic.Bool // no actor has it
	holders int         // actors that have it; guarded by InHand.mu
}

// Of returns the share of a person, which must be given back with Release.
func (h *InHand[K]) Of(who K) *Held[K] {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.shares[who]
	if s == nil {
		if h.shares == nil {
			h.shares = map[K]*Held[K]{}
		}
		s = &Held[K]{of: h, who: who}
		h.shares[who] = s
	}
	s.holders++
	s.left.Store(false)
	return s
}

// Release gives the share back. What it holds stays counted until it is put back.
func (s *Held[K]) Release() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.holders--
	s.left.Store(s.holders == 0)
	s.forgetLocked()
}

// forgetLocked forgets a share that nobody has and that holds nothing.
func (s *Held[K]) forgetLocked() {
	if s.holders == 0 && s.bytes.Load() == 0 && s.of.shares[s.who] == s {
		delete(s.of.shares, s.who)
	}
}

// Take counts n bytes, unless the person would have more than is left of limit.
func (s *Held[K]) Take(n int, limit int64) bool {
	own, total := s.bytes.Add(int64(n)), s.of.total.Add(int64(n))
	if own <= limit-total {
		return true
	}
	s.Put(n)
	return false
}

// Put says that n bytes are in hand no more. It takes a lock only for those who have left.
func (s *Held[K]) Put(n int) {
	s.of.total.Add(-int64(n))
	if s.bytes.Add(-int64(n)) == 0 && s.left.Load() {
		s.of.mu.Lock()
		defer s.of.mu.Unlock()
		s.forgetLocked()
	}
}

// Total returns how many bytes all have in hand, and how many persons there are.
func (h *InHand[K]) Total() (bytes int64, persons int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total.Load(), len(h.shares)
}
