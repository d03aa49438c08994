package feed

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Listener waits until entries are recorded that it wants. Its owner calls Take before it
// reads, so that what comes afterwards is counted. It may ring when nothing new is there,
// and whoever waits looks now and then without having heard anything.
type Listener struct {
	// Fixed.
	part  int // -1: all
	wants func(*journal.Entry) bool
	ring  chan struct{} // has room for one

	count, need atomic.Int64 // entries since Take; how many are waited for
}

// Take begins to count from 0.
func (l *Listener) Take() {
	l.count.Store(0)
	select {
	case <-l.ring:
	default:
	}
}

// Ring ends a Wait.
func (l *Listener) Ring() { l.add(1 << 32) }

func (l *Listener) add(n int64) {
	if l.count.Add(n) >= l.need.Load() {
		select {
		case l.ring <- struct{}{}:
		default:
		}
	}
}

// Wait waits until n entries have come since Take, for d, or until ctx ends.
func (l *Listener) Wait(ctx context.Context, n int, d time.Duration) {
	l.need.Store(int64(n))
	timer := time.NewTimer(d)
	defer timer.Stop()
	for l.count.Load() < int64(n) {
		select {
		case <-l.ring:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// bell rings for listeners when the journal records something. It follows the feed from
// the first listener on.
type bell struct {
	journal journal.Journal // fixed

	working sync.WaitGroup // one goroutine for each part

	mu        sync.Mutex // guards the rest
	listeners []*Listener
	followed  bool
	closed    bool
	stop      context.CancelFunc // of the goroutines; nil until they begin
}

// Listen adds a listener for a part, or for all if part is -1. wants is called for each
// entry: it must be quick and wait for nothing. stop must be called.
func (b *bell) Listen(part int, wants func(*journal.Entry) bool) (l *Listener, stop func()) {
	l = &Listener{part: part, wants: wants, ring: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = append(b.listeners, l)
	if !b.followed && !b.closed {
		b.followed = true
		var ctx context.Context
		ctx, b.stop = context.WithCancel(context.Background())
		for part := range b.journal.Parts() {
			b.working.Go(func() { b.follow(ctx, part) })
		}
	}
	return l, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.listeners = slices.DeleteFunc(b.listeners, func(other *Listener) bool { return other == l })
	}
}

// followPause is the time before a following that has failed or ended begins again.
const followPause = time.Second

// follow follows a part until ctx ends.
func (b *bell) follow(ctx context.Context, part int) {
	everyRoom := func(string) bool { return true }
	for ctx.Err() == nil {
		lost := make(chan struct{})
		lose := sync.OnceFunc(func() { close(lost) })
		stop, err := b.journal.FollowFeed(part, everyRoom, func(e journal.Entry) { b.tell(part, &e) }, func(journal.Lost) { lose() })
		if err == nil {
			b.tell(part, nil) // what was recorded before was not heard
			select {
			case <-lost:
			case <-ctx.Done():
			}
			stop()
		}
		select {
		case <-time.After(followPause):
		case <-ctx.Done():
		}
	}
}

// tell tells the listeners of a part of an entry, or that there may be something if e is nil.
func (b *bell) tell(part int, e *journal.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.listeners {
		switch {
		case l.part >= 0 && l.part != part:
		case e == nil:
			l.Ring()
		case e.Kind.Recorded() && l.wants(e):
			l.add(1)
		}
	}
}

// close ends the following.
func (b *bell) close() {
	b.mu.Lock()
	b.closed = true
	stop := b.stop
	b.mu.Unlock()
	if stop != nil {
		stop()
	}
	b.working.Wait()
}
