package backpressure

import (
	"context"
	"slices"
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
)

// Pool is a number of bytes that many holders share. Where they do not suffice, those
// who hold least come first, by network and then by person: whoever holds most waits for all
// others. It must be made by NewPool.
type Pool struct {
	size int // fixed

	mu      sync.Mutex // guards the rest
	held    Holdings   // bytes
	waiting []*waiter  // in the order in which they came
}

type waiter struct {
	holder access.Person
	bytes  int
	taken  chan struct{} // closed when the bytes are the waiter's
}

// NewPool returns a Pool of so many bytes.
func NewPool(size int) *Pool {
	return &Pool{size: size}
}

// Take takes bytes for a holder, who must give them back once. It waits while others
// have them. If ctx ends first, it returns its error. More than the pool has count as all
// of it.
func (p *Pool) Take(ctx context.Context, holder access.Person, bytes int) (release func(), err error) {
	bytes = min(bytes, p.size)
	if bytes <= 0 {
		return func() {}, nil
	}
	w := &waiter{holder, bytes, make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, w)
	p.handOutLocked()
	p.mu.Unlock()
	select {
	case <-w.taken:
	case <-ctx.Done():
		if p.leave(w) {
			return nil, ctx.Err()
		} // it has got them at the same time
	}
	return sync.OnceFunc(func() { p.put(w) }), nil
}

// handOutLocked gives bytes to those who wait, as long as there are any. It looks at no
// more of them than wait in front of one who holds nothing: a few, if there are many
// holders.
func (p *Pool) handOutLocked() {
	for len(p.waiting) > 0 && p.held.Taken() < p.size {
		next := p.leastLocked()
		w := p.waiting[next]
		if p.held.Taken()+w.bytes > p.size {
			return
		}
		p.removeLocked(next)
		p.held.Add(w.holder, w.bytes)
		close(w.taken)
	}
}

// leastLocked returns the index of the first waiter of those whose networks hold least, and
// among these who hold least.
func (p *Pool) leastLocked() int {
	next := 0
	for i, w := range p.waiting {
		if p.held.Exceeds(p.waiting[next].holder, w.holder) {
			next = i
		}
		if _, near := p.held.Of(p.waiting[next].holder); near == 0 {
			break
		}
	}
	return next
}

// removeLocked removes a waiter. The first one costs nothing, however many wait.
func (p *Pool) removeLocked(i int) {
	if i > 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return
	}
	p.waiting[0] = nil
	if p.waiting = p.waiting[1:]; len(p.waiting) == 0 {
		p.waiting = nil
	}
}

// leave removes w, unless it no longer waits.
func (p *Pool) leave(w *waiter) (left bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.waiting, w)
	if i < 0 {
		return false
	}
	p.removeLocked(i)
	p.handOutLocked() // a smaller one may fit now
	return true
}

func (p *Pool) put(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held.Add(w.holder, -w.bytes)
	p.handOutLocked()
}
