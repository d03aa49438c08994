package webhook

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
)

const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// refusedTime is how long a batch is sent again that is answered with a status from
	// 400 to 499. Afterwards its events are sent one by one.
	refusedTime = 24 * time.Hour
)

// retryDelay is how long to wait after so many failures in a row.
func retryDelay(failures int) time.Duration {
	if failures > 9 {
		return lastRetry
	}
	return min(firstRetry<<(failures-1), lastRetry)
}

// notAccepted deals with a batch that the receiver did not accept: it waits until the batch
// can be sent again, or notes that the receiver wants no more, or skips a refused event.
func (c *consumer) notAccepted(ctx context.Context, set *active, b *feed.Batch, got answer) error {
	r, now := c.record(), time.Now()
	switch {
	case got.gone():
		// Logged first: who sees the state finds its reason in the log.
		c.log.Error("the receiver of a webhook says that it is gone for good (status 410): nothing is sent until the configuration is loaded again; its position stays")
		c.stopped = set.generation
		c.state.change(func(s *partState) { s.failing, s.since, s.stopped = got.String(), now, true })
		return c.writeOrWarn(ctx, c.record()) // so that other nodes know
	case !got.refused():
		if got.err == nil {
			r.Refused = 0
		}
	case c.alone > 0:
		return c.skip(ctx, b, got)
	case r.Refused == 0:
		r.Refused = now.UnixMilli()
	case now.Sub(time.UnixMilli(r.Refused)) >= refusedTime:
		c.alone, c.until, c.more = b.At, 0, true
		c.log.Warn("a webhook's batch has been refused for a day: its events are sent one by one, and those that are refused are skipped", zap.Int("status", got.status))
		return nil
	}
	if r.Refused != c.had.Refused {
		if err := c.writeOrWarn(ctx, r); err != nil {
			return err
		}
	}
	c.failures++
	c.more = true // so that the next attempt waits for no further event
	c.hook.retried.Add(1)
	if c.alone == 0 {
		c.until = b.At
	}
	c.failing(got)
	return c.backOff(ctx, retryDelay(c.failures))
}

// backOff waits before a batch is sent again. Meanwhile it renews the lease.
func (c *consumer) backOff(ctx context.Context, d time.Duration) error {
	for end := time.Now().Add(d); ctx.Err() == nil; {
		rest := time.Until(end)
		if rest <= 0 {
			return nil
		}
		if c.pause(ctx, min(rest, renewTime)) {
			c.failures = 0
			return nil // renew looks what has changed
		}
		if err := c.renew(ctx); err != nil {
			return err
		}
	}
	return nil
}

// skip gives an event up that the receiver has refused for a day.
func (c *consumer) skip(ctx context.Context, b *feed.Batch, got answer) error {
	c.hook.skipped.Add(uint64(b.N))
	c.log.Error("a webhook's event was refused for a day and is skipped", zap.String("room", b.Room), zap.Uint64("seq", uint64(b.Seq)),
		zap.String("position", b.To), zap.Int("status", got.status))
	return c.moveOn(ctx, b)
}
