package shared

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared/internal/batching"
)

// core is what everything in a journal needs.
type core struct {
	// Fixed.
	engine  Engine
	log     *zap.Logger
	closed  atomic.Bool
	given   chan struct{}      // closed when Close waits no longer
	ctx     context.Context    // ends then
	cancel  context.CancelFunc // of ctx
	sure    func() error       // compares the store with what this node knows of it
	doubt   chan struct{}      // capacity 1: the store may be another one than this node knows
	limiter *batching.Limiter  // of the batches of all parts
	ahead   atomic.Int64       // milliseconds by which the engine's clock is ahead of this node's, when it was last asked

	mu      sync.Mutex // guards the rest
	fault   error      // why nothing can be recorded now
	figures journal.Stats
}

func newCore(engine Engine, log *zap.Logger) *core {
	if log == nil {
		log = zap.NewNop()
	}
	c := &core{engine: engine, log: log, given: make(chan struct{}), doubt: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// use returns an error if the journal can't be used.
func (c *core) use(ctx context.Context) error {
	if c.closed.Load() {
		return journal.ErrClosed
	}
	return ctx.Err()
}

// failed is an error of the engine for whoever has called.
func (c *core) failed(err error) error {
	if err != nil && c.closed.Load() {
		return journal.ErrClosed
	}
	return err
}

// giveUp ends what Close waits for.
func (c *core) giveUp() {
	close(c.given)
	c.cancel()
}

// tells notes what the engine's clock says.
func (c *core) tells(m Marks) { c.ahead.Store(m.Now - time.Now().UnixMilli()) }

// count counts a commit.
func (c *core) count(made Committed, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.figures.Commits++
	c.figures.CommitTime += took
	for _, o := range made.Outcomes {
		if o.Result == Recorded {
			c.figures.Recorded++
		}
	}
}

func (c *core) setFault(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = err
}

// protect calls a function of somebody else, and logs its panic.
func protect(log *zap.Logger, f func()) {
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("chat journal: callback panicked", zap.Any("cause", cause), zap.Stack("stack"))
		}
	}()
	f()
}

// signal wakes whoever waits at a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
