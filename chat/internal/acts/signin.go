package acts

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/foreign"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Authenticate finds out who shows a credential, and returns why they may not come in.
// They are not the actor's user before Become.
func (a *Actor) Authenticate(ctx context.Context, auth access.Authenticator, shown access.Credential) (*access.Identity, error) {
	id, err := a.core.authenticate(ctx, auth, shown)
	if err == nil && !id.Expires.IsZero() && !time.Now().Before(id.Expires) {
		err = wire.Expired.Error("")
	}
	if err == nil {
		err = a.core.sanctions.check(access.Ban, id.User.ID, "")
	}
	if err != nil {
		return nil, err
	}
	return id, nil
}

// Become makes id the actor's identity, unless the user is banned from the hub. A ban
// that comes later finds the user's sessions: so whoever lists a session by its user
// holds the list's mutex meanwhile.
func (a *Actor) Become(id *access.Identity) error {
	if err := a.core.sanctions.check(access.Ban, id.User.ID, ""); err != nil {
		return err
	}
	if a.user == nil {
		a.user = a.core.userLimiters.Take(id.User.ID, a.core.Now())
	}
	a.identity.Store(id)
	return nil
}

// Leave gives back what the actor has. It must be called once, when nothing is charged
// any more.
func (a *Actor) Leave() {
	if a.user != nil {
		a.core.userLimiters.GiveBack(a.identity.Load().User.ID)
	}
}

// Identity is who acts. It is nil until the client has said so, and for raw clients who
// have shown no credential.
func (a *Actor) Identity() *access.Identity { return a.identity.Load() }

// authenticate asks an Authenticator, which may be somebody else's code: whatever it
// does costs this client no more than a refusal, and nobody else anything. One that
// does not return in time is left behind.
//
// For every way in, the user's id is checked here, and what is only shown of the user
// is cleaned. An id that only the server gives is refused like a bad token: the site
// must give its user another one, so the log says so.
func (c *Core) authenticate(ctx context.Context, auth access.Authenticator, shown access.Credential) (id *access.Identity, err error) {
	ctx, cancel := c.Bound(ctx)
	defer cancel()
	id, err = foreign.Call(ctx, func() (*access.Identity, error) { return auth.Authenticate(ctx, shown) }, nil)
	var panicked *foreign.PanicError
	switch {
	case errors.As(err, &panicked):
		c.log.Error("authenticator panicked", zap.Any("panic", panicked.Value), zap.ByteString("stack", panicked.Stack))
		return nil, wire.Internal.Error("")
	case err != nil && ctx.Err() != nil:
		return nil, unavailable(err)
	case err != nil:
		return nil, err
	case id == nil:
		c.log.Error("authenticator gave neither an identity nor an error")
		return nil, wire.Internal.Error("")
	}
	if id.User.ID == "" || len(id.User.ID) > wire.MaxUser {
		c.log.Error("authenticator gave a user id that is empty or too long", zap.Int("bytes", len(id.User.ID)))
		return nil, wire.Internal.Error("")
	}
	if access.IsReservedUser(id.User.ID) {
		c.log.Warn("client refused: its login gives a user id that begins with bot- or hub-, and such ids are reserved")
		return nil, wire.BadToken.Error("")
	}
	if clean := access.CleanUser(id.User); clean != id.User {
		copied := *id // the Authenticator may share it
		copied.User = clean
		id = &copied
	}
	return id, nil
}

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
func (a *Actor) NewSignIn(auth access.Authenticator, r *http.Request) *SignIn {
	token := access.HandshakeToken(r)
	si := &SignIn{actor: a, auth: auth, hasToken: token != ""}
	si.shown, si.refused = a.Authenticate(r.Context(), auth, access.Credential{Token: token, Request: r})
	return si
}

// Identify finds out who says hello. A token in hello counts more than anything
// in the handshake.
func (si *SignIn) Identify(ctx context.Context, c *wire.Hello) (*access.Identity, error) {
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
	named := *id
	if c.Name != "" {
		named.User.Name = c.Name
	}
	if c.Avatar != "" {
		named.User.Avatar = c.Avatar
	}
	named.User = access.CleanUser(named.User)
	return &named, nil
}

func (si *SignIn) authenticate(ctx context.Context, token string) (*access.Identity, error) {
	id, err := si.actor.Authenticate(ctx, si.auth, access.Credential{Token: token})
	if errors.Is(err, access.ErrNoCredential) {
		return nil, wire.BadToken.Error("")
	}
	return id, err
}

// Renew gives the actor the identity of a fresh token of the same user. The user keeps
// the name that was shown to others.
func (si *SignIn) Renew(ctx context.Context, token string) (*access.Identity, error) {
	if !si.hasToken {
		return nil, wire.Forbidden.Error("")
	}
	id, err := si.authenticate(ctx, token)
	if err != nil {
		return nil, err
	}
	old := si.actor.identity.Load()
	if id.User.ID != old.User.ID {
		e := wire.BadToken.Error("")
		e.Message = "the token is another user's"
		return nil, e
	}
	fresh := *id
	fresh.User = old.User
	si.actor.identity.Store(&fresh)
	return &fresh, nil
}
