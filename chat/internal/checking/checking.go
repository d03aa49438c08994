// Package checking asks the checks of a hub, and tells the site's servers what came of it.
//
// # Files
//
//	checking.go  Asker
//	once.go      Once: about what may be judged again
package checking

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Asker asks checks. Any goroutine may use it.
type Asker struct {
	// Fixed.
	Log     *zap.Logger
	Clock   *timing.Clock
	Events  *events.Events
	Context context.Context // ends when the hub closes

	said timing.Seldom
}

// Ask asks the checks. The error is one for the client.
func (k *Asker) Ask(ctx context.Context, chain check.Chain, a check.Asking) (check.Outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(k.Context, cancel)()
	outcome, err := chain.Ask(ctx, a, k.noVerdict)
	if no := (*wire.Error)(nil); err != nil && !errors.As(err, &no) {
		return outcome, wire.Unavailable.Error("")
	}
	return outcome, err
}

// noVerdict logs that a check has given no verdict.
func (k *Asker) noVerdict(of *check.Check, why error) {
	if entry := k.Log.Check(zap.WarnLevel, "a check gave no verdict"); entry != nil && k.said.Allow(k.Clock.Now(), time.Second) {
		entry.Write(zap.String("check", of.Name), zap.Bool("passes", of.PassOnError), zap.Error(why))
	}
}

// Tell tells of an entry that was recorded if somebody should look at it, or if a check gave
// no verdict on it.
func (k *Asker) Tell(room string, r journal.Receipt, o *check.Outcome) {
	if r.Duplicate || r.Seq == 0 {
		return
	}
	if o.Review != "" {
		k.Events.Review(room, r.Seq, o.Review)
	}
	for _, name := range o.Unchecked {
		k.Events.Unchecked(room, r.Seq, name)
	}
}

// Telling returns what does Tell and then done, which the journal calls.
func (k *Asker) Telling(room string, came check.Outcome, done func(journal.Receipt, error)) func(journal.Receipt, error) {
	if came.Review == "" && came.Unchecked == nil {
		return done
	}
	return func(r journal.Receipt, err error) {
		if err == nil {
			k.Tell(room, r, &came)
		}
		done(r, err)
	}
}

// TellOfName is Tell for the name or the picture of a user.
func (k *Asker) TellOfName(user string, o *check.Outcome) {
	if o.Review != "" {
		k.Events.Write(events.Event{Type: events.Review, User: user, Check: o.Review})
	}
	for _, name := range o.Unchecked {
		k.Events.Write(events.Event{Type: events.Unchecked, User: user, Check: name})
	}
}
