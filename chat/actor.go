package chat

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// actor is somebody who acts: the client of a session, or the client of one HTTP
// request. What it may do is decided by the acts: join and catchUp (join.go), history
// (history.go), markRead (unread.go), publish and recall (publish.go). The dialects and
// HTTP only translate into acts and back.
type actor struct {
	core *core      // fixed
	id   string     // of the session; empty for a request; fixed
	raw  bool       // it speaks the raw dialect; fixed
	addr netip.Addr // the client's; fixed

	// identity is nil until the client has said who it is, and for raw clients
	// who have shown no credential.
	identity atomic.Pointer[access.Identity]

	own  access.Limiter
	user *access.Limiter // shared by all sessions of the user; set with identity, before anything is charged to it

	unanswered backpressure.Sum // bytes of entries that the journal has not answered
}

// unansweredLimit bounds the bytes of what one client has said and the journal has
// not answered. While there are more, the client is not read.
const unansweredLimit = 256 << 10

// User is who acts. A client that has shown no credential is a guest with the id
// of its session.
func (a *actor) User() journal.User {
	if id := a.identity.Load(); id != nil {
		return id.User
	}
	return journal.User{ID: a.id, Guest: true}
}

// identityExpires returns when the credential ends; zero: never.
func (a *actor) identityExpires() time.Time {
	if id := a.identity.Load(); id != nil {
		return id.Expires
	}
	return time.Time{}
}

// Rights returns what the actor may do in a room, or in the hub if the name is
// empty.
func (a *actor) Rights(room string) access.Rights {
	return a.core.settings().Policies.For(a.identity.Load(), room)
}

// MayRead returns why the actor may not read a room, or nil.
func (a *actor) MayRead(room string) error {
	rights := a.Rights(room)
	if a.raw && !rights.Raw {
		return wire.Forbidden.Error("")
	}
	if id := a.identity.Load(); id != nil {
		if err := a.core.sanctions.check(access.Ban, id.User.ID, room); err != nil {
			return err
		}
	}
	if !rights.Read {
		return wire.Forbidden.Error("")
	}
	return nil
}

// mayWrite returns why an actor who may read a room may not write to it, or nil.
func (a *actor) mayWrite(room string) error {
	if !a.Rights(room).Write {
		return wire.Forbidden.Error("")
	}
	return a.notMuted(room)
}

// notMuted returns an error with code muted, or nil.
func (a *actor) notMuted(room string) error {
	if id := a.identity.Load(); id != nil {
		return a.core.sanctions.check(access.Mute, id.User.ID, room)
	}
	return nil
}

// Charge counts a frame or a request of n bytes and returns how long the client
// should have waited with it. If that is more than patience, it does not count.
// Calls for one actor must not overlap.
func (a *actor) Charge(n int, patience time.Duration) time.Duration {
	set, now := a.core.settings(), a.core.now()
	wait := a.own.Reserve(set.SessionRate, set.SessionBytes, now, n, patience)
	if a.user != nil && wait <= patience {
		wait = max(wait, a.user.Reserve(set.UserRate, set.UserBytes, now, n, patience))
		if wait > patience {
			a.own.Cancel(set.SessionRate, set.SessionBytes, n)
		}
	}
	if wait > 0 {
		a.core.counts.refused[RefusedRate].Add(1)
	}
	return wait
}

// chargeNewRoom counts the first entry of a room, or returns how long the actor must
// wait with it. Guests count by their address: there may be any number of them.
func (a *actor) chargeNewRoom() (wait time.Duration) {
	c := a.core
	rate, limits := c.settings().NewRooms, &c.newRooms
	if user := a.User(); user.Guest {
		wait = limits.addresses.Reserve(rate, c.now(), a.addr)
	} else {
		wait = limits.users.Reserve(rate, c.now(), user.ID)
	}
	if wait > 0 {
		c.counts.refused[RefusedRate].Add(1)
	}
	return wait
}

// appender is a room to which entries are appended.
type appender interface {
	Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error))
	// Found and Unfound are those of room.Room.
	Found() bool
	Unfound()
}

// append hands an entry of the actor to the journal. It waits while the client
// has said more than unansweredLimit without an answer, or until ctx ends. An error
// that done gets is logged, and is what the client is told.
func (a *actor) append(ctx context.Context, to appender, e journal.Entry, done func(journal.Receipt, error)) {
	if err := a.unanswered.Wait(ctx, unansweredLimit); err != nil {
		done(journal.Receipt{}, a.core.notAppended(err))
		return
	}
	e.Origin, e.From = journal.Origin{Node: a.core.node, Session: a.id}, a.User()
	size := e.Size()
	a.unanswered.Add(size)
	to.Append(ctx, e, func(receipt journal.Receipt, err error) {
		a.unanswered.Add(-size)
		if err != nil {
			receipt, err = journal.Receipt{}, a.core.notAppended(err)
		}
		done(receipt, err)
	})
}
