package acts

import (
	"net/netip"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Turn is an actor for whom something was charged: a frame, a request or a handshake. The
// acts of clients are its methods, so none can be had for nothing. It is good for one
// act, and for what that act does not finish at once.
type Turn struct{ *Actor }

// Connect makes a the actor of a connection, whose session has this id. It charges the
// attempt and takes a slot; if it returns an error, a has nothing to give back.
func (c *Core) Connect(a *Actor, id string, addr netip.Addr, speaksRaw bool) (Turn, error) {
	if err := c.Arrive(addr); err != nil {
		return Turn{}, err
	}
	if err := c.Slots.Take(addr, c.settings().MaxConnections, c.settings().MaxConnectionsPerIP); err != nil {
		return Turn{}, err
	}
	a.core, a.id, a.addr, a.slot = c, id, addr, true
	if speaksRaw {
		a.kind = raw
	}
	return Turn{a}, nil
}

// Arrive counts that somebody comes from an address, to connect, to log in, or with a
// request that is refused before it is known whose it is. It returns why they come too
// soon.
func (c *Core) Arrive(addr netip.Addr) error {
	if !c.addresses.Allow(c.settings().ConnectRate, c.Now(), addr) {
		c.Counts.Attempts.Add(1)
		return wire.TooFast.Error("")
	}
	return nil
}

// Hold takes bytes for a request over plain HTTP from addr, until release is called: what
// it sends, and what it is answered. A slow client holds them for long, so no address may
// hold more than a part of what there is.
func (c *Core) Hold(addr netip.Addr, bytes int) (release func(), err error) {
	by := access.PersonAt(addr)
	if !c.requests.Take(c.settings().RequestBytes, by, bytes) {
		e := wire.Unavailable.Error("")
		e.Message = "too many requests are under way" + string(c.requests.Whose(by))
		return nil, e
	}
	return func() { c.requests.GiveBack(by, bytes) }, nil
}

// maxPause is how long a raw client is not read because it sends too much: it cannot be
// told to wait. One that would have to wait longer must go.
const maxPause = 5 * time.Second

// maxStrikes is how many more frames a client of chat.v1 may send although it was told to
// wait than others: one that keeps going is closed, and not only if all come at once.
const maxStrikes = 100

// Frame charges a frame of n bytes, whatever is in it. If it comes too soon, no is what
// the client is told, and goes says that the session ends by that. Calls for one actor
// must not overlap.
func (a *Actor) Frame(n int) (t Turn, no *wire.Error, goes bool) {
	if a.kind == raw {
		wait := a.charge(n, maxPause)
		if wait > maxPause {
			return t, wire.TooFast.Error(""), true
		}
		a.core.Pause(wait)
		return Turn{a}, nil, false
	}
	if wait := a.charge(n, 0); wait > 0 {
		a.strikes = min(a.strikes, maxStrikes) + 1
		return t, wire.TooSoon(wait), a.strikes > maxStrikes
	}
	a.strikes = max(1, a.strikes) - 1
	return Turn{a}, nil, false
}

// charge counts a frame or a request of n bytes and returns how long the client should
// have waited with it. If that is more than patience, it does not count.
func (a *Actor) charge(n int, patience time.Duration) time.Duration {
	set, now := a.core.settings(), a.core.Now()
	var wait time.Duration
	if a.key != nil {
		wait = a.user.Reserve(set.KeyRate, keyBytes, now, n, 0)
	} else if wait = a.own.Reserve(set.SessionRate, set.SessionBytes, now, n, patience); a.user != nil && wait <= patience {
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

// keyBytes bounds the bytes that a key sends.
var keyBytes = access.Rate{PerSecond: 16 << 20, Burst: 128 << 20}
