package httpapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// pull answers with the next events.
func pull(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	who, hears, err := t.Hears()
	if err != nil {
		return Answer{}, err
	}
	wanted, err := c.once("events")
	if err != nil {
		return Answer{}, err
	}
	var types []string
	if c.Query.Has("events") {
		types = strings.Split(wanted, ",")
	}
	filter, err := feed.NewFilter(types, hears)
	if err != nil {
		return Answer{}, refuse(wire.BadFrame, "events", err.Error())
	}
	q := feed.Query{Who: who, Filter: filter, Leaving: c.Leaving}
	if q.After, err = c.once("after"); err != nil {
		return Answer{}, err
	}
	if q.After == "" && c.Query.Has("after") { // of a program that has lost its place
		return Answer{}, refuse(wire.BadFrame, "after", feed.ErrPosition.Error())
	}
	if q.Limit, err = c.amount("limit", 1, feed.MaxLimit); err != nil {
		return Answer{}, err
	}
	wait, err := c.amount("wait", 0, int(feed.MaxWait/time.Millisecond))
	if err != nil {
		return Answer{}, err
	}
	q.Wait = time.Duration(wait) * time.Millisecond
	body, err := c.Feed.Pull(ctx, q)
	switch {
	case errors.Is(err, feed.ErrPosition):
		err = refuse(wire.BadFrame, "after", err.Error())
	case errors.Is(err, feed.ErrBusy):
		e := wire.TooSoon(time.Second)
		e.Message = err.Error()
		err = e
	}
	return Answer{Body: body}, err
}
