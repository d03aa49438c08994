package backpressure

import (
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
)

// Share is a number of things, such as bytes or rooms, of which each holder gets a part: see
// Limits. So a few holders cannot take all of it: one alone gets half, or a quarter if it is an
// address. Nobody waits. The zero Share is ready to use.
type Share struct {
	mu   sync.Mutex // guards the rest; a leaf
	held Holdings
}

// Take takes n of size for a holder, who must give them back. It takes nothing and returns
// false if the holder would have more than its part.
func (s *Share) Take(size int, holder access.Person, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > s.held.Left(size, holder) {
		return false
	}
	s.held.Add(holder, n)
	return true
}

// GiveBack gives back what Take has taken.
func (s *Share) GiveBack(holder access.Person, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held.Add(holder, -n)
}

// Whose returns who has most, for the words by which a holder is refused.
func (s *Share) Whose(holder access.Person) Whose {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held.Whose(holder)
}
