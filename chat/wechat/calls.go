package wechat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

const (
	maxCalls  = 3600 // in a calendar minute, by all nodes: WeChat permits 4000
	callsOnce = 10   // that a node takes at once
)

// china is where WeChat's days begin.
var china = time.FixedZone("CST", 8*60*60)

var (
	errMinute = errors.New("WeChat was asked as often as it permits in this minute")
	errDay    = errors.New("WeChat was asked as often as it permits today: it is not asked again before midnight in China (45009)")
)

// calls are how often WeChat may still be asked.
type calls struct {
	mu     sync.Mutex // guards the rest; a leaf
	minute int64
	left   int
	rests  time.Time // until then nobody is asked
	why    error
}

// take takes one call.
func (c *calls) take(ctx context.Context, records journal.Records, app string) error {
	now := time.Now()
	minute := now.Unix() / 60
	c.mu.Lock()
	if now.Before(c.rests) {
		defer c.mu.Unlock()
		return c.why
	}
	if c.minute != minute {
		c.minute, c.left = minute, 0
	}
	if c.left > 0 {
		c.left--
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	var of int64
	err := records.Update(ctx, callsKey(app), func(old []byte) ([]byte, error) {
		var taken int
		if _, err := fmt.Sscanf(string(old), "%d %d", &of, &taken); err != nil || of < minute {
			of, taken = minute, 0
		}
		switch {
		case of > minute && taken == 0:
			return nil, errDay
		case taken+callsOnce > maxCalls:
			return nil, errMinute
		}
		return fmt.Appendf(nil, "%d %d", of, taken+callsOnce), nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, errDay) {
		c.rests, c.why = time.Unix(of*60, 0), errDay
	}
	if err == nil && c.minute == minute {
		c.left += callsOnce - 1
	}
	return err
}

// restToday lets no node ask before midnight in China. The others hear of it when they take
// calls again, so each asks nine times more at most. A failure of the records costs them a
// question: then WeChat tells them, too.
func (c *calls) restToday(ctx context.Context, records journal.Records, app string) {
	end := midnight(time.Now())
	c.restUntil(end, errDay)
	_ = records.Put(ctx, callsKey(app), fmt.Appendf(nil, "%d 0", end.Unix()/60))
}

// callsKey is the record of a minute and the calls taken in it: that of the node whose clock is
// the most ahead. One that is yet to come and has no calls says that nobody is asked before it.
func callsKey(app string) string { return "wechatcalls\x00" + app }

// restUntil lets this node ask nobody until then.
func (c *calls) restUntil(end time.Time, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rests, c.why = end, why
}

// nextMinute and midnight return when WeChat counts anew.
func nextMinute(now time.Time) time.Time { return now.Truncate(time.Minute).Add(time.Minute) }

func midnight(now time.Time) time.Time {
	y, m, d := now.In(china).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, china)
}
