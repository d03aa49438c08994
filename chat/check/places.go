package check

import (
	"context"
	"slices"
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
)

// places are as many as questions may be open at once. Nobody has more of them than are
// left for all others, so one person alone has half of them, however slow the answers to
// their questions are. A place that is given back goes to whoever has fewest; of these, to
// who has waited longest.
type places struct {
	mu      sync.Mutex // guards the rest; a leaf
	free    int
	held    map[access.Person]int
	waiting []*waiter // the oldest first; none of them may have a place now
}

// waiter is somebody who waits for a place.
type waiter struct {
	by  access.Person
	has chan struct{} // closed once it has one
}

func newPlaces(n int) *places { return &places{free: n, held: map[access.Person]int{}} }

// take waits for a place, which must be given back, until ctx ends. own says that it had to wait
// because the same person has places.
func (p *places) take(ctx context.Context, by access.Person) (own bool, err error) {
	p.mu.Lock()
	if p.held[by] < p.free { // nobody waits who could have it
		p.takeLocked(by)
		p.mu.Unlock()
		return false, nil
	}
	own = p.held[by] > 0
	w := &waiter{by, make(chan struct{})}
	p.waiting = append(p.waiting, w)
	p.mu.Unlock()
	select {
	case <-w.has:
		return own, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.has:
		return own, nil // at the same moment
	default:
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(other *waiter) bool { return other == w })
	return own, ctx.Err()
}

// give gives a place back.
func (p *places) give(by access.Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	if p.held[by]--; p.held[by] == 0 {
		delete(p.held, by)
	}
	p.admitLocked()
}

// admitLocked gives places to those who wait and may have one.
func (p *places) admitLocked() {
	for {
		least := -1
		for i, w := range p.waiting {
			n := p.held[w.by]
			if n < p.free && (least < 0 || n < p.held[p.waiting[least].by]) {
				least = i
			}
			if n == 0 { // nobody has fewer
				break
			}
		}
		if least < 0 {
			return
		}
		w := p.waiting[least]
		p.waiting = slices.Delete(p.waiting, least, least+1)
		p.takeLocked(w.by)
		close(w.has)
	}
}

func (p *places) takeLocked(by access.Person) {
	p.free--
	p.held[by]++
}

// count returns how many wait.
func (p *places) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}
