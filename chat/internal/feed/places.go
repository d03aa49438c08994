package feed

import "sync"

// MaxPulls is how many answers one who asks has under way at most.
const MaxPulls = 16

// places counts the answers that are under way, by who asks. The zero value is ready to use.
type places struct {
	mu    sync.Mutex // guards taken; a leaf
	taken map[string]int
}

// take takes a place, which must be given back. It returns false if none is free.
func (p *places) take(who string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[who] >= MaxPulls {
		return false
	}
	if p.taken == nil {
		p.taken = map[string]int{}
	}
	p.taken[who]++
	return true
}

func (p *places) release(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[who]--; p.taken[who] == 0 {
		delete(p.taken, who)
	}
}
