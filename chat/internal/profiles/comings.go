package profiles

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Comings notes when users come and leave, at most once a second for each user, and not at
// once. It must be made by NewComings, and closed.
type Comings struct {
	profiles Profiles
	soon     func() context.Context
	log      *zap.Logger
	sending  *readmarks.Sending[bool] // of Unix milliseconds
}

// NewComings returns a Comings. soon returns the context of one write.
func NewComings(p Profiles, soon func() context.Context, log *zap.Logger) *Comings {
	c := &Comings{profiles: p, soon: soon, log: log}
	c.sending = readmarks.NewSending(c.note)
	return c
}

// Came says that a user comes, and Left that they leave. They wait for nothing.
func (c *Comings) Came(user string) { c.send(user, true) }

// Left says that a user leaves.
func (c *Comings) Left(user string) { c.send(user, false) }

func (c *Comings) send(user string, came bool) {
	c.sending.Sent(readmarks.Key{User: user}, readmarks.Mark{Seq: journal.Seq(time.Now().UnixMilli())}, came)
}

func (c *Comings) note(k readmarks.Key, at readmarks.Mark, came bool) {
	defer func() {
		if v := recover(); v != nil { // of the journal's
			c.log.Error("not noted when a user was here because of a panic", zap.Any("panic", v))
		}
	}()
	ctx, when := c.soon(), time.UnixMilli(int64(at.Seq))
	note := c.profiles.Left
	if came {
		note = c.profiles.Came
	}
	until, err := c.profiles.SignedOut(ctx, k.User)
	if err == nil && when.After(until) { // otherwise the user may have been erased since
		err = note(ctx, k.User, when)
	}
	if err != nil { // it is noted when they come next
		c.log.Debug("not noted when a user was here", zap.Error(err))
	}
}

// Close notes what waits.
func (c *Comings) Close() { c.sending.Close() }
