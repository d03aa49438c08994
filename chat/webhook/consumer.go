package webhook

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// consumer is one part of the feed for one webhook. Its goroutine reads the next events,
// sends them, and moves the position on when they are accepted: one request at a time.
// Nothing of a batch is kept while it waits to send it again: it reads the batch anew,
// without what was recalled meanwhile.
type consumer struct {
	// Fixed.
	hook *hook
	part int
	feed *feed.Feed
	log  *zap.Logger
	wake chan struct{} // has room for one
	ears *feed.Listener

	// Shared.
	look  atomic.Bool // the record may have changed
	state partState

	// Owned by the goroutine of run.
	store
	at       string           // the position; the record may be behind it
	sent     time.Time        // when the last request went out
	more     bool             // there is more to read
	looked   time.Time        // when the last batch was read
	upTo     time.Time        // everything that was recorded before is accepted; zero: nothing is known
	failures int              // requests in a row that were not accepted
	until    journal.Position // of the batch that was not accepted: it is sent again with the same id
	alone    journal.Position // up to here, events are sent one by one; 0: they are not
	told     time.Time        // when a failure was logged last
	stopped  uint64           // the generation of settings in which the receiver said that it is gone
}

// nudge ends what the consumer waits for: the settings have changed, or the record has.
func (c *consumer) nudge() {
	c.look.Store(true)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	c.ears.Ring()
}

// pause waits for d, until the consumer is nudged, or until ctx ends.
func (c *consumer) pause(ctx context.Context, d time.Duration) (nudged bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.wake:
		return true
	case <-ctx.Done():
	}
	return false
}

// journalPause is the time before something is asked of a journal again that has failed.
const journalPause = time.Second

// record is what is to be written, as long as nothing else changes.
func (c *consumer) record() record {
	r := c.had
	r.Stopped = c.stopped == c.hook.current.Load().generation
	return r
}

// renew renews the lease if it is time for that and there is another node. It also writes
// a position that is only in memory, and looks whether an operator has moved it.
func (c *consumer) renew(ctx context.Context) error {
	if c.look.Swap(false) {
		before := c.last
		if _, err := c.read(ctx); err != nil || !bytes.Equal(before, c.last) {
			return cmp.Or(err, errMoved)
		}
	}
	if time.Since(c.written) < renewTime {
		return nil
	}
	others, err := c.others(ctx)
	if err != nil || len(others) == 0 && c.at == c.had.At {
		return nil
	}
	r := c.record()
	r.At = c.at
	return c.write(ctx, r)
}

// moveOn moves the position behind a batch. If nobody wanted anything of it, the record
// follows later.
func (c *consumer) moveOn(ctx context.Context, b *feed.Batch) error {
	c.at, c.more, c.until = b.To, b.More, 0
	if !b.More {
		c.upTo = c.looked
	}
	if b.At >= c.alone {
		c.alone = 0
	}
	c.state.change(func(s *partState) {
		s.at = c.at
		if s.waiting = 0; b.More {
			s.waiting = c.since(b.Newest)
		}
	})
	if b.N == 0 {
		return nil
	}
	r := c.record()
	r.At = c.at
	if c.alone == 0 {
		r.Refused = 0
	}
	return c.writeOrWarn(ctx, r)
}

// since returns since when an event with that time waits, Unix milliseconds. What was imported
// or is sent again may be older than that.
func (c *consumer) since(at int64) int64 {
	return max(at, c.upTo.UnixMilli())
}

func (c *consumer) writeOrWarn(ctx context.Context, r record) error {
	err := c.write(ctx, r)
	if err != nil && !errors.Is(err, errMoved) && ctx.Err() == nil {
		c.warn("the position of a webhook can't be written: the last events may come twice", err)
	}
	return err
}

// repeatTold is how often the same trouble is logged.
const repeatTold = time.Hour

// failing says that the receiver does not accept events: at once, and then every hour. The log
// has it before Status shows it.
func (c *consumer) failing(got answer) {
	if c.failures == 1 || time.Since(c.told) >= repeatTold {
		c.told = time.Now()
		c.log.Warn("a webhook's receiver does not accept events: they are kept, and sent again until it does", zap.String("why", got.String()))
	}
	c.state.change(func(s *partState) {
		if s.failing == "" {
			s.since = time.Now()
		}
		s.failing = got.String()
	})
}

// recovered says that the receiver accepts events again.
func (c *consumer) recovered() {
	failed := false
	c.state.change(func(s *partState) { failed, s.failing, s.stopped = s.failing != "", "", false })
	c.failures = 0
	if failed {
		c.log.Info("a webhook's receiver accepts events again")
	}
}

// warn logs that something of this server is in the way, but not each time.
func (c *consumer) warn(message string, err error) {
	if time.Since(c.told) >= time.Minute {
		c.told = time.Now()
		c.log.Warn(message, zap.Error(err))
	}
}
