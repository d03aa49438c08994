// Package batching decides when a node commits what has queued: a busy database is sooner done with fewer and larger
// commits, all of them.
package batching

import (
	"slices"
	"sync"
	"time"
)

const (
	// Few is the number of entries below which a batch waits for nothing.
	Few = 8

	gatherMost = 10 * time.Millisecond // however slow the database is

	// patience is for how long a batch waits to be let in: a commit that hangs, as behind a lock of a node that is
	// gone, keeps the other parts waiting no longer.
	patience = 50 * time.Millisecond

	// atLeast is how many a node may have under way however many nodes there are: one may hang.
	atLeast = 2
)

// Load tells how busy the database is. Its methods are called by one goroutine.
type Load struct{ least time.Duration } // that a commit took lately

// Gather returns how long the next batch waits for more entries, after one of some entries that took a time. What a commit takes beyond
// the least, it waits for processors, locks and disks that other commits use.
func (l *Load) Gather(entries int, took time.Duration) time.Duration {
	if l.least += l.least / 1024; l.least == 0 || took < l.least {
		l.least = took
	}
	if entries < Few {
		return 0
	}
	return min((took-l.least)/4, gatherMost)
}

// Limiter bounds how many large batches of a node are under way at once: all nodes together have as many as one alone
// would have, one for each part, but each at least two. The functions may be called by several goroutines.
type Limiter struct {
	parts int
	nodes func() int // how many there are now

	mu      sync.Mutex // guards the rest
	running int
	waiting []chan struct{} // who waits, the first first; closed when they may go on
}

func NewLimiter(parts int, nodes func() int) *Limiter { return &Limiter{parts: parts, nodes: nodes} }

// most is how many may be under way.
func (l *Limiter) most() int {
	nodes := max(l.nodes(), 1)
	return max((l.parts+nodes-1)/nodes, atLeast)
}

// Acquire returns when fewer than the most are under way, or after patience. Release must follow.
func (l *Limiter) Acquire() {
	most := l.most()
	l.mu.Lock()
	if l.running < most {
		l.running++
		l.mu.Unlock()
		return
	}
	free := make(chan struct{})
	l.waiting = append(l.waiting, free)
	l.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-free:
		return
	case <-late.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := slices.Index(l.waiting, free); at >= 0 { // else Release has counted it meanwhile
		l.waiting = slices.Delete(l.waiting, at, at+1)
		l.running++
	}
}

// Release says that the caller's batch is no longer under way.
func (l *Limiter) Release() {
	most := l.most()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	for len(l.waiting) > 0 && l.running < most {
		close(l.waiting[0])
		l.waiting = slices.Delete(l.waiting, 0, 1)
		l.running++
	}
}
