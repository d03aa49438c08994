package acts

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// person is whom rates and shares count as one: a user, or for guests their address,
// since one person may be many of them.
type person struct {
	user string
	addr netip.Addr
}

// inHand counts the bytes of what everybody has said and the journal has not answered,
// wherever they wait. Nobody has more of it than is left for all others: so one who says
// much while the journal hangs gets half, ten of them leave an eleventh, and who says a
// little is heard as long as the journal hears anybody. What would be more is refused,
// since whoever waited with it would hold it, too.
type inHand struct {
	total atomic.Int64

	mu     sync.Mutex // guards the rest; a leaf
	shares map[person]*share
}

// share is what one person has in hand, over all connections and requests, and after
// they have ended.
type share struct {
	// Fixed.
	of  *inHand
	who person

	bytes   atomic.Int64
	left    atomic.Bool // no actor has it
	holders int         // actors that have it; guarded by inHand.mu
}

// shareOf returns the share of a person, which must be given back.
func (h *inHand) shareOf(who person) *share {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.shares[who]
	if s == nil {
		if h.shares == nil {
			h.shares = map[person]*share{}
		}
		s = &share{of: h, who: who}
		h.shares[who] = s
	}
	s.holders++
	s.left.Store(false)
	return s
}

func (s *share) release() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.holders--
	s.left.Store(s.holders == 0)
	s.forgetLocked()
}

// forgetLocked forgets a share that nobody has and that holds nothing.
func (s *share) forgetLocked() {
	if s.holders == 0 && s.bytes.Load() == 0 && s.of.shares[s.who] == s {
		delete(s.of.shares, s.who)
	}
}

// take counts n bytes, unless the person would have more than is left of limit.
func (s *share) take(n int, limit int64) bool {
	own, total := s.bytes.Add(int64(n)), s.of.total.Add(int64(n))
	if own <= limit-total {
		return true
	}
	s.put(n)
	return false
}

// put says that n bytes are in hand no more. It takes a lock only for those who have left.
func (s *share) put(n int) {
	s.of.total.Add(-int64(n))
	if s.bytes.Add(-int64(n)) == 0 && s.left.Load() {
		s.of.mu.Lock()
		defer s.of.mu.Unlock()
		s.forgetLocked()
	}
}
