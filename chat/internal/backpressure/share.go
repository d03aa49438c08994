package backpressure

import "sync"

// Share is a number of things, such as bytes or rooms, of which no holder gets more than
// is left for all others. So a few holders cannot take all of it: one alone gets half,
// ten get a tenth each, and as much is left for those who have just come. Nobody waits.
// The zero Share is ready to use.
type Share[K comparable] struct {
	mu      sync.Mutex // guards the rest; a leaf
	taken   int
	holders map[K]int // how much each has
}

// Take takes n of size for a holder, who must give them back. It takes nothing and returns
// false if the holder would have more than is left for others.
func (s *Share[K]) Take(size int, holder K, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders[holder]+n > size-s.taken {
		return false
	}
	s.addLocked(holder, n)
	return true
}

// GiveBack gives back what Take has taken.
func (s *Share[K]) GiveBack(holder K, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(holder, -n)
}

func (s *Share[K]) addLocked(holder K, n int) {
	if s.holders == nil {
		s.holders = map[K]int{}
	}
	s.taken += n
	if s.holders[holder] += n; s.holders[holder] == 0 {
		delete(s.holders, holder)
	}
}
