// Package timing is the hub's own time: how long it has run, how long it waits for its
// journal, and how often it logs what clients can cause as often as they like.
package timing

import (
	"context"
	"sync/atomic"
	"time"
)

// Journal is how long the hub waits for the journal at most: for a read, for a record, and
// for a place in its queue.
const Journal = 10 * time.Second

// Clock is the time of a hub. It must be made by New, and may be used by any goroutine.
type Clock struct {
	began   time.Time                // fixed
	context context.Context          // fixed; ends when the sessions have gone
	shared  atomic.Pointer[patience] // what Soon returns
}

// New returns a clock that begins now. Its contexts end with ctx.
func New(ctx context.Context) *Clock { return &Clock{began: time.Now(), context: ctx} }

// Now is the time since the hub began. Unlike the system's clock, nobody sets it.
func (c *Clock) Now() time.Duration { return time.Since(c.began) }

// Bound returns a context that ends with ctx, with the hub, and after Journal.
func (c *Clock) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, Journal)
	stop := context.AfterFunc(c.context, cancel)
	return ctx, func() { stop(); cancel() }
}

// patience is a context that many share.
type patience struct {
	ctx   context.Context
	until time.Duration // it is handed out; as long again later it ends
}

// Soon returns a context that ends with the hub, or after half of Journal to the whole.
// All sessions share it, since each message needs one, and nearly none waits.
func (c *Clock) Soon() context.Context {
	now := c.Now()
	if p := c.shared.Load(); p != nil && now < p.until {
		return p.ctx
	}
	ctx, cancel := context.WithCancelCause(c.context)
	time.AfterFunc(Journal, func() { cancel(context.DeadlineExceeded) })
	c.shared.Store(&patience{ctx, now + Journal/2})
	return ctx
}

// Pause waits for d, or until the hub closes.
func (c *Clock) Pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.context.Done():
	}
}

// Seldom says when something may be logged again. The zero value is ready to use.
type Seldom struct{ next atomic.Int64 }

// Allow reports whether nothing was allowed within the last interval.
func (s *Seldom) Allow(now, interval time.Duration) bool {
	next := s.next.Load()
	return int64(now) >= next && s.next.CompareAndSwap(next, int64(now+interval))
}

// Wait waits for d, or returns the error of ctx.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
