package backpressure

import (
	"context"
	"slices"
	"sync"
)

// Pool is a number of bytes that many holders share. Where they do not suffice, those
// who hold least come first: whoever holds most waits for all others. It must be made
// by NewPool.
type Pool[K comparable] struct {
	size int // fixed

	mu      sync.Mutex // guards the rest
	taken   int
	holders map[K]int    // bytes that each holds
	waiting []*waiter[K] // in the order in which they came
}

type waiter[K comparable] struct {
	holder K
	bytes  int
	taken  chan struct{} // closed when the bytes are the waiter's
}

// NewPool returns a Pool of so many bytes.
func NewPool[K comparable](size int) *Pool[K] {
	return &Pool[K]{size: size, holders: map[K]int{}}
}

// Take takes bytes for a holder, who must give them back once. It waits while others
// have them. If ctx ends first, it returns its error. More than the pool has count as all
// of it.
func (p *Pool[K]) Take(ctx context.Context, holder K, bytes int) (release func(), err error) {
	bytes = min(bytes, p.size)
	if bytes <= 0 {
		return func() {}, nil
	}
	w := &waiter[K]{holder, bytes, make(chan struct{})}
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
func (p *Pool[K]) handOutLocked() {
	for len(p.waiting) > 0 && p.taken < p.size {
		next := p.leastLocked()
		w := p.waiting[next]
		if p.taken+w.bytes > p.size {
			return
		}
		p.removeLocked(next)
		p.taken += w.bytes
		p.holders[w.holder] += w.bytes
		close(w.taken)
	}
}

// leastLocked returns the index of the first waiter of those whose holders hold least.
func (p *Pool[K]) leastLocked() int {
	next, least := 0, p.size+1
	for i, w := range p.waiting {
		if holds := p.holders[w.holder]; holds < least {
			next, least = i, holds
		}
		if least == 0 {
			break
		}
	}
	return next
}

// removeLocked removes a waiter. The first one costs nothing, however many wait.
func (p *Pool[K]) removeLocked(i int) {
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
func (p *Pool[K]) leave(w *waiter[K]) (left bool) {
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

func (p *Pool[K]) put(w *waiter[K]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken -= w.bytes
	if p.holders[w.holder] -= w.bytes; p.holders[w.holder] == 0 {
		delete(p.holders, w.holder)
	}
	p.handOutLocked()
}
