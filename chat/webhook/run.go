package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
)

// run works until ctx ends. It gives the lease back.
func (c *consumer) run(ctx context.Context) {
	for ctx.Err() == nil {
		if c.acquire(ctx) {
			c.work(ctx)
			c.release(ctx)
		}
	}
}

// acquire waits until this node has the lease. It returns false if it must be tried again.
func (c *consumer) acquire(ctx context.Context) bool {
	found, err := c.read(ctx)
	if err != nil {
		c.warn("the position of a webhook can't be read", err)
		c.pause(ctx, journalPause)
		return false
	}
	others, err := c.others(ctx)
	if err == nil && !c.free(others) {
		c.state.change(func(s *partState) {
			s.at, s.holder, s.stopped, s.waiting, s.failing = c.had.At, c.had.Node, c.had.Stopped, 0, ""
		})
		c.pause(ctx, renewTime)
		return false
	}
	r := c.record()
	r.Node = c.self
	if err == nil && !found { // a new webhook begins now
		r.At, err = c.feed.Now(ctx, c.part)
	}
	if err == nil {
		err = c.write(ctx, r)
	}
	if err != nil {
		if !errors.Is(err, errMoved) {
			c.warn("the position of a webhook can't be written", err)
			c.pause(ctx, journalPause)
		}
		return false
	}
	c.at, c.more, c.failures, c.until, c.alone = r.At, true, 0, 0, 0
	c.look.Store(false)
	c.state.change(func(s *partState) { s.at, s.holder, s.stopped = c.at, c.self, r.Stopped })
	return true
}

// releaseTime bounds how long the lease is given back for.
const releaseTime = time.Second

// release gives the lease back, so that another node need not wait for it to end.
func (c *consumer) release(ctx context.Context) {
	c.state.change(func(s *partState) { s.holder, s.waiting = "", 0 })
	if c.had.Node != c.self {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	r := c.record()
	r.Node, r.At = "", c.at
	_ = c.write(ctx, r) // if it fails, the lease ends by itself
	c.had.Node = ""
}

// work sends events until ctx ends, or the record can't be written as this node knows it.
func (c *consumer) work(ctx context.Context) {
	for ctx.Err() == nil {
		err := c.renew(ctx)
		set := c.hook.current.Load()
		switch {
		case err != nil:
		case c.stopped == set.generation:
			c.pause(ctx, renewTime)
		default:
			if !c.more {
				c.ears.Wait(ctx, 1, renewTime)
			}
			err = c.step(ctx, set)
		}
		if err != nil {
			c.had.Node = "" // whatever the record says, acquire reads it again
			return
		}
	}
}

// step reads the next batch and sends it, unless it is empty.
func (c *consumer) step(ctx context.Context, set *active) error {
	batch, err := c.next(ctx, set)
	switch {
	case ctx.Err() != nil || c.look.Load():
		c.more = true // what was heard may be in this batch, which is read again
		return nil
	case err != nil:
		c.warn("the feed can't be read for a webhook", err)
		c.pause(ctx, journalPause)
		return nil
	case batch.N == 0:
		return c.moveOn(ctx, batch)
	}
	if err := c.renew(ctx); err != nil { // the request must end before the lease does
		return err
	}
	c.sent = time.Now()
	c.hook.requests.Add(1)
	got := set.client.post(ctx, c.hook.name+"."+batch.From+"."+batch.To, batch.Body())
	switch {
	case got.accepted():
		c.hook.delivered.Add(uint64(batch.N))
		c.recovered()
		if ctx.Err() != nil {
			c.at = batch.To // which release writes
			return nil
		}
		return c.moveOn(ctx, batch)
	case ctx.Err() != nil:
		return nil
	}
	return c.notAccepted(ctx, set, batch, got)
}

// next reads the next batch. If it is not full, and a request went out a moment ago, it
// waits for more. What is heard while it reads may be in the batch already, so it reads again
// to know whether it is full.
func (c *consumer) next(ctx context.Context, set *active) (*feed.Batch, error) {
	want := feed.Want{Part: c.part, After: c.at, Until: c.until, Events: set.Batch, Filter: set.filter}
	if c.alone > 0 {
		want.Events = 1
	}
	for {
		c.ears.Take()
		c.looked = time.Now()
		batch, err := c.feed.Batch(ctx, want)
		if err != nil || batch.N == 0 {
			return batch, err
		}
		c.state.change(func(s *partState) { s.waiting = c.since(batch.Oldest) })
		rest := set.Interval - time.Since(c.sent)
		if batch.More || batch.N >= want.Events || c.failures > 0 || rest <= 0 || ctx.Err() != nil || c.look.Load() {
			return batch, nil
		}
		c.ears.Wait(ctx, want.Events-batch.N, rest)
	}
}
