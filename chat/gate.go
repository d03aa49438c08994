package chat

import "sync"

// gate bounds a sum: those who would make it grow wait at the gate while it is
// too large. The zero gate is open. Nobody waits for less than it takes others
// to finish what they have begun.
type gate struct {
	mu   sync.Mutex // guards the rest
	sum  int
	calm chan struct{} // closed when the sum shrinks; nil while nobody waits
}

// add changes the sum by n, and never waits.
func (g *gate) add(n int) {
	g.mu.Lock()
	g.sum += n
	if n < 0 && g.calm != nil {
		close(g.calm)
		g.calm = nil
	}
	g.mu.Unlock()
}

// pass waits while the sum is above limit.
func (g *gate) pass(limit int) {
	g.mu.Lock()
	for g.sum > limit {
		if g.calm == nil {
			g.calm = make(chan struct{})
		}
		calm := g.calm
		g.mu.Unlock()
		<-calm
		g.mu.Lock()
	}
	g.mu.Unlock()
}
