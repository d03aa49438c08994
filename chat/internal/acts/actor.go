package acts

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

// Actor is somebody who acts: the client of a session or of one HTTP request, or the
// operator of the hub. What it may do is decided by the acts, which are its methods:
// Join and CatchUp (join.go), History (history.go), NewRecent (recent.go), MarkRead
// (unread.go), Publish and Recall (publish.go), SignIn (signin.go), Moderate
// (moderate.go). Whoever speaks to a client only translates into acts and back.
type Actor struct {
	// Fixed.
	core *Core
	id   string     // of the session; empty for a request
	addr netip.Addr // the client's
	kind actorKind

	// identity is nil until the client has said who it is, and for raw clients
	// who have shown no credential.
	identity atomic.Pointer[access.Identity]

	own  access.Limiter
	user *access.Limiter // shared by all sessions of the user; set with identity, before anything is charged to it

	unanswered backpressure.Sum // bytes of entries that the journal has not answered
}

type actorKind uint8

const (
	client   actorKind = iota // it speaks chat.v1, or HTTP
	raw                       // it speaks the raw dialect
	operator                  // policies, sanctions and rates let it pass
)

// Client returns the actor of a client of chat.v1 or, without an id, of a request.
func (c *Core) Client(id string, addr netip.Addr) Actor { return Actor{core: c, id: id, addr: addr} }

// RawClient returns the actor of a raw client.
func (c *Core) RawClient(id string, addr netip.Addr) Actor {
	return Actor{core: c, id: id, addr: addr, kind: raw}
}

// unansweredLimit bounds the bytes of what one client has said and the journal has
// not answered. While there are more, the client is not read.
const unansweredLimit = 256 << 10

// User is who acts. A client that has shown no credential is a guest with the id
// of its session; an operator is nobody.
func (a *Actor) User() journal.User {
	if id := a.identity.Load(); id != nil {
		return id.User
	}
	return journal.User{ID: a.id, Guest: a.kind != operator}
}

// ID is that of the session.
func (a *Actor) ID() string { return a.id }

// Addr is the client's address.
func (a *Actor) Addr() netip.Addr { return a.addr }

// IsRaw reports whether the client speaks the raw dialect.
func (a *Actor) IsRaw() bool { return a.kind == raw }

// Expires returns when the credential ends; zero: never.
func (a *Actor) Expires() time.Time {
	if id := a.identity.Load(); id != nil {
		return id.Expires
	}
	return time.Time{}
}

// Soon is Core.Soon.
func (a *Actor) Soon() context.Context { return a.core.Soon() }

// Rights returns what the actor may do in a room, or in the hub if the name is
// empty.
func (a *Actor) Rights(room string) access.Rights {
	if a.kind == operator {
		may := !journal.IsReserved(room)
		return access.Rights{Read: may, Write: may, Moderate: may, Presence: may}
	}
	return a.core.settings().Policies.For(a.identity.Load(), room)
}

// MayRead returns why the actor may not read a room, or nil.
func (a *Actor) MayRead(room string) error { return a.mayRead(room, a.Rights(room)) }

func (a *Actor) mayRead(room string, rights access.Rights) error {
	if a.kind == raw && !rights.Raw {
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

// MayWrite returns why the actor may not write to a room, or nil. It asks everything
// anew: what has changed since the actor came in holds at once.
func (a *Actor) MayWrite(room string) error {
	rights := a.Rights(room)
	if err := a.mayRead(room, rights); err != nil {
		return err
	}
	if !rights.Write {
		return wire.Forbidden.Error("")
	}
	return a.notMuted(room)
}

// CheckRoom returns why no room can have that name, or nil.
func CheckRoom(name string) error {
	if err := journal.CheckRoom(name); err != nil {
		e := wire.BadRoom.Error("")
		e.Message = err.Error()
		return e
	}
	return nil
}

// mayUse returns why an actor who is not in a room may do nothing there, or nil.
func (a *Actor) mayUse(room string) error {
	if err := CheckRoom(room); err != nil {
		return err
	}
	return a.MayRead(room)
}

// notMuted returns an error with code muted, or nil.
func (a *Actor) notMuted(room string) error {
	if id := a.identity.Load(); id != nil {
		return a.core.sanctions.check(access.Mute, id.User.ID, room)
	}
	return nil
}

// Charge counts a frame or a request of n bytes and returns how long the client
// should have waited with it. If that is more than patience, it does not count.
// Calls for one actor must not overlap.
func (a *Actor) Charge(n int, patience time.Duration) time.Duration {
	set, now := a.core.settings(), a.core.Now()
	wait := a.own.Reserve(set.SessionRate, set.SessionBytes, now, n, patience)
	if a.user != nil && wait <= patience {
		wait = max(wait, a.user.Reserve(set.UserRate, set.UserBytes, now, n, patience))
		if wait > patience {
			a.own.Cancel(set.SessionRate, set.SessionBytes, n)
		}
	}
	if wait > 0 {
		a.core.Counts.TooFast.Add(1)
	}
	return wait
}

// chargeNewRoom counts the first entry of a room, or returns how long the actor must
// wait with it. Guests count by their address: there may be any number of them.
func (a *Actor) chargeNewRoom() (wait time.Duration) {
	c := a.core
	if a.kind == operator {
		return 0
	}
	rate, limits := c.settings().NewRooms, &c.newRooms
	if user := a.User(); user.Guest {
		wait = limits.addresses.Reserve(rate, c.Now(), a.addr)
	} else {
		wait = limits.users.Reserve(rate, c.Now(), user.ID)
	}
	if wait > 0 {
		c.Counts.TooFast.Add(1)
	}
	return wait
}

// Appender is a room to which entries are appended.
type Appender interface {
	Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error))
	// Found and Unfound are those of room.Room.
	Found() bool
	Unfound()
}

// append hands an entry of the actor to the journal. It waits while the client
// has said more than unansweredLimit without an answer, or until ctx ends. An error
// that done gets is logged, and is what the client is told.
func (a *Actor) append(ctx context.Context, to Appender, e journal.Entry, done func(journal.Receipt, error)) {
	if err := a.unanswered.Wait(ctx, unansweredLimit); err != nil {
		done(journal.Receipt{}, a.core.notAppended(err))
		return
	}
	e.Origin, e.From = journal.Origin{Node: a.core.node, Session: a.id}, a.User()
	size := e.Size()
	a.unanswered.Add(size)
	var answered atomic.Bool // a journal that panics may have answered before
	to.Append(ctx, e, func(receipt journal.Receipt, err error) {
		if answered.Swap(true) {
			return
		}
		a.unanswered.Add(-size)
		if err != nil {
			receipt, err = journal.Receipt{}, a.core.notAppended(err)
		}
		done(receipt, err)
	})
}
