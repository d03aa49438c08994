package acts

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/credentials"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// whoShows finds out who shows a credential, and returns why they may not come in. They
// are not the actor's user before become.
func (a *Actor) whoShows(ctx context.Context, auth access.Authenticator, shown access.Credential) (*access.Identity, error) {
	id, err := a.core.credentials.Identify(ctx, auth, shown)
	if err == nil {
		err = credentials.NotEnded(id)
	}
	if err == nil {
		err = a.core.sanctions.Check(access.Ban, id.User.ID, "")
	}
	if a.core.credentials.Note(shown, err == nil); err != nil {
		return nil, err
	}
	return id, nil
}

// become makes id the actor's identity, unless the credential has ended since it was
// shown, or the user is banned from the hub.
func (a *Actor) become(id *access.Identity) error {
	if err := credentials.NotEnded(id); err != nil {
		return err
	}
	if err := a.core.sanctions.Check(access.Ban, id.User.ID, ""); err != nil {
		return err
	}
	if a.user == nil {
		a.user = a.core.limiters.Take(a.holder(id.User), a.core.Now())
	}
	a.identity.Store(id)
	return nil
}

// becomeListed is become for a session, which is listed by its user.
func (a *Actor) becomeListed(id *access.Identity, device string) error {
	err := a.core.sessions.Add(a.id, id.User.ID, device, func(others int) error {
		if others >= a.core.settings().MaxSessions {
			return wire.TooManySessions.Error("")
		}
		return a.become(id)
	})
	if err == nil {
		err = a.core.credentials.StillGood(a.Soon(), id)
	}
	return err
}

// Request makes a the actor of a request over plain HTTP, and charges it: it has n bytes. It may
// show a key, and wants to act as somebody else unless as is empty. A guest without a token may
// do nothing here. Whoever is refused is charged like a handshake of the address: before
// what they show is verified, which may take milliseconds, unless it was good the last time.
func (c *Core) Request(ctx context.Context, a *Actor, addr netip.Addr, auth access.Authenticator, shown access.Credential, as string, n int) (Turn, error) {
	a.core, a.addr = c, addr
	ok, err := a.showsKey(shown.Token, addr)
	known, tooFast := ok || c.credentials.Knows(shown), error(nil)
	if !known {
		tooFast = c.Arrive(addr)
	}
	if !ok && tooFast == nil {
		err = a.showsUser(ctx, auth, shown)
	}
	if known && err != nil {
		tooFast = c.Arrive(addr)
	}
	if err = cmp.Or(tooFast, err); err != nil {
		return Turn{}, err
	}
	if wait := a.charge(n, 0); wait > 0 {
		c.credentials.Note(shown, false) // it is verified at the expense of its address again
		return Turn{}, wire.TooSoon(wait)
	}
	if !known {
		c.addresses.GiveBack(c.settings().ConnectRate, addr)
	}
	if as != "" {
		id, err := a.inNameOf(ctx, as)
		if err != nil {
			return Turn{}, err
		}
		a.identity.Store(id)
	}
	return Turn{a}, nil
}

// showsUser makes the actor a user's.
func (a *Actor) showsUser(ctx context.Context, auth access.Authenticator, shown access.Credential) error {
	id, err := a.whoShows(ctx, auth, shown)
	if err == nil && shown.Token == "" && id.User.Guest {
		err = credentials.NoToken()
	}
	if err == nil {
		at := *id
		if at.Issued.IsZero() { // whoever is signed out while the request is under way is so for it, too
			at.Issued = time.Now()
		}
		err = a.become(&at)
	}
	return err
}

// SignInRaw is the act of showing who one is in a raw handshake. Nothing is remembered of
// a client that shows no credential: any number of them may come.
func (a Turn) SignInRaw(ctx context.Context, auth access.Authenticator, shown access.Credential) error {
	id, err := a.whoShows(ctx, auth, shown)
	if err == nil && (shown.Token != "" || !id.User.Guest) {
		err = a.become(id)
	}
	return err
}

// Confirm ends the handshake of a raw client, whose session is listed by now: it is found
// by its user, and may still be in the room. A ban during the handshake did not find it.
func (a Turn) Confirm(room string) error {
	if id := a.Identity(); id != nil {
		if err := a.becomeListed(id, ""); err != nil {
			return err
		}
	}
	return a.MayHear(room, access.NoRole, false)
}

// LogIn is the act of getting a token for a code. Attempts count like those to connect.
// code checks the request, and returns what it has.
// The login may keep something of users.
func (c *Core) LogIn(r *http.Request, addr netip.Addr, code func() (string, error), login credentials.Login) (*wire.Login, error) {
	if err := c.Arrive(addr); err != nil {
		return nil, err
	}
	shown, err := code()
	if err != nil {
		return nil, err
	}
	return c.credentials.Call(r.Context(), func(ctx context.Context) (*wire.Login, error) {
		return credentials.LogIn(login, r.WithContext(ctx), shown, c.journal.Records())
	})
}

// Identity is who acts. It is nil until the client has said so, and for raw clients who
// have shown no credential.
func (a *Actor) Identity() *access.Identity { return a.identity.Load() }

// SignIn is how the client of a session of chat.v1 proves who it is: with what its
// handshake showed, or its hello. It is used by the goroutine that reads the connection.
type SignIn struct {
	actor *Actor               // fixed
	auth  access.Authenticator // fixed

	// What the handshake said of the user, until hello.
	shown   *access.Identity
	refused error

	hasToken bool // a token was shown, so that it can be renewed
}

// NewSignIn authenticates the handshake. What comes of it counts only if hello
// has no token.
func (a Turn) NewSignIn(auth access.Authenticator, r *http.Request) *SignIn {
	token := access.HandshakeToken(r)
	si := &SignIn{actor: a.Actor, auth: auth, hasToken: token != ""}
	si.shown, si.refused = a.whoShows(r.Context(), auth, access.Credential{Token: token, Request: r})
	return si
}

// SignIn is the act of saying hello: the session is its user's then.
func (a Turn) SignIn(ctx context.Context, si *SignIn, c *wire.Hello) (*access.Identity, error) {
	a.greeted = &greeted{device: c.Device}
	id, err := si.identify(ctx, c)
	if err == nil {
		err = a.becomeListed(id, c.Device)
	}
	if err == nil && !id.User.Guest && a.core.isAskedForUsers() {
		a.core.comings.Came(a.User().ID)
	}
	if err == nil && a.keepsProfiles() {
		if failed := a.core.profiles.Greeted(ctx, a.User()); failed != nil { // others see the name that they know
			a.core.log.Debug("not noted what is shown of a user", zap.Error(failed))
		}
	}
	return id, err
}

// NoteLeft notes that the last session of a user has ended, for keys that ask. When the hub
// closes, all end at once: nothing is noted then.
func (c *Core) NoteLeft(user journal.User) {
	if !user.Guest && c.isAskedForUsers() && !c.Slots.IsClosed() {
		c.comings.Left(user.ID)
	}
}

func (c *Core) isAskedForUsers() bool {
	return slices.ContainsFunc(c.settings().Keys, func(k access.Key) bool { return k.Users })
}

// keepsProfiles reports whether what is shown of users is noted: for the lists of others, for
// keys, and so that a name which has passed is not asked about again.
func (a *Actor) keepsProfiles() bool {
	set := a.core.settings()
	return set.Policies.HaveConversations() || set.Checks.Applies("", false) || a.core.isAskedForUsers()
}

// identify finds out who says hello. A token in hello counts more than anything
// in the handshake.
func (si *SignIn) identify(ctx context.Context, c *wire.Hello) (*access.Identity, error) {
	id, err := si.shown, si.refused
	if c.Token != "" {
		id, err = si.authenticate(ctx, c.Token)
		si.hasToken = true
	}
	si.shown, si.refused = nil, nil
	if err != nil {
		return nil, err
	}
	if id.Settled {
		return id, nil
	}
	named, said := *id, access.CleanUser(journal.User{Name: c.Name, Avatar: c.Avatar})
	if said.Name != "" {
		named.User.Name = said.Name
	}
	if said.Avatar != "" {
		named.User.Avatar = said.Avatar
	}
	if said.Name != "" || said.Avatar != "" {
		named.User, err = si.actor.named(ctx, named.User)
	}
	return &named, err
}

func (si *SignIn) authenticate(ctx context.Context, token string) (*access.Identity, error) {
	return si.actor.whoShows(ctx, si.auth, access.Credential{Token: token})
}

// Renew is the act of showing a fresh token of the same user. The user keeps the name
// that was shown to others. It is charged like a handshake, for which it stands.
func (a Turn) Renew(ctx context.Context, si *SignIn, token string) (*access.Identity, error) {
	if !si.hasToken {
		return nil, wire.Forbidden.Error("")
	}
	if err := a.core.Arrive(a.addr); err != nil {
		return nil, err
	}
	id, err := si.authenticate(ctx, token)
	if err != nil {
		return nil, err
	}
	old := a.identity.Load()
	if id.User.ID != old.User.ID {
		e := wire.BadToken.Error("")
		e.Message = "the token is another user's"
		return nil, e
	}
	fresh := *id
	fresh.User = old.User
	a.identity.Store(&fresh)
	return &fresh, nil
}
