package check

import (
	"context"
	"slices"
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
)

// places are as many as questions may be open at once. Nobody has more of them than
// backpressure.Limits says, so one person alone has half of them, however slow the answers to their questions are. A place that is given back goes to the network
// that has fewest, and there to whoever has fewest; of these, to who has waited longest.
type places struct {
	size int // fixed

	mu      sync.Mutex // guards the rest; a leaf
	held    backpressure.Holdings
	waiting []*waiter // the oldest first; none of them may have a place now
}

// waiter is somebody who waits for a place.
type waiter struct {
	by  access.Person
	has chan struct{} // closed once it has one
}

func newPlaces(n int) *places { return &places{size: n} }

// take waits for a place, which must be given back, until ctx ends. own says that it had to wait
// because the same person has places, or the person's network.
func (p *places) take(ctx context.Context, by access.Person) (own bool, err error) {
	p.mu.Lock()
	if p.held.Left(p.size, by) > 0 { // nobody waits who could have it
		p.held.Add(by, 1)
		p.mu.Unlock()
		return false, nil
	}
	_, near := p.held.Of(by)
	own = near > 0
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
	p.held.Add(by, -1)
	p.admitLocked()
}

// admitLocked gives places to those who wait and may have one.
func (p *places) admitLocked() {
	for {
		least := -1
		for i, w := range p.waiting {
			if p.held.Left(p.size, w.by) > 0 && (least < 0 || p.held.Exceeds(p.waiting[least].by, w.by)) {
				least = i
			}
			if _, near := p.held.Of(w.by); near == 0 { // nobody has fewer
				break
			}
		}
		if least < 0 {
			return
		}
		w := p.waiting[least]
		p.waiting = slices.Delete(p.waiting, least, least+1)
		p.held.Add(w.by, 1)
		close(w.has)
	}
}

// count returns how many wait.
func (p *places) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}
