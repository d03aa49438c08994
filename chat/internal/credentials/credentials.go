// Package credentials finds out whose a credential is.
package credentials

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// Credentials finds out whose credentials are. The exported fields are fixed; the methods may
// be called by any goroutine.
type Credentials struct {
	Clock *timing.Clock
	Log   *zap.Logger
	// SignedOut returns the time up to which tokens of this server are no longer good for
	// a user, or zero.
	SignedOut func(ctx context.Context, user string) (time.Time, error)

	known known
}

// Identify asks an Authenticator, which may be somebody else's code: whatever it
// does costs this client no more than a refusal, and nobody else anything. One that
// does not return in time is left behind.
//
// For every way in, the user's id is checked here, and what is only shown of the user
// is cleaned. An id that only the server gives is refused like a bad token: the site
// must give its user another one, so the log says so.
func (c *Credentials) Identify(ctx context.Context, auth access.Authenticator, shown access.Credential) (id *access.Identity, err error) {
	ctx, cancel := c.Clock.Bound(ctx)
	defer cancel()
	id, err = foreign.Call(ctx, func() (*access.Identity, error) { return auth.Authenticate(ctx, shown) }, nil)
	var panicked *foreign.PanicError
	switch {
	case errors.As(err, &panicked):
		c.Log.Error("authenticator panicked", zap.Any("panic", panicked.Value), zap.ByteString("stack", panicked.Stack))
		return nil, wire.Internal.Error("")
	case err != nil && ctx.Err() != nil:
		return nil, wire.Unavailable.Error("")
	case errors.Is(err, access.ErrNoCredential) && shown.Token == "":
		return nil, NoToken()
	case errors.Is(err, access.ErrNoCredential):
		return nil, wire.BadToken.Error("")
	case err != nil:
		return nil, err
	case id == nil:
		c.Log.Error("authenticator gave neither an identity nor an error")
		return nil, wire.Internal.Error("")
	}
	if !wire.IsUserID(id.User.ID) {
		c.Log.Error("authenticator gave a user id that is empty, too long, or no text without control characters", zap.Int("bytes", len(id.User.ID)))
		return nil, wire.Internal.Error("")
	}
	if access.IsReservedUser(id.User.ID) {
		c.Log.Warn("client refused: its login gives a user id that begins with bot- or hub-, and such ids are reserved")
		return nil, wire.BadToken.Error("")
	}
	if clean := access.CleanUser(id.User); clean != id.User {
		copied := *id // the Authenticator may share it
		copied.User = clean
		id = &copied
	}
	return id, c.StillGood(ctx, id)
}

// NoToken refuses somebody who shows nothing that says who they are.
func NoToken() error {
	e := wire.BadToken.Error("")
	e.Message = "a token is needed"
	return e
}

// StillGood returns why a token of this server is no longer good, or nil. Whoever has come
// in while the user was signed out is found by a second call, once the session is listed.
func (c *Credentials) StillGood(ctx context.Context, id *access.Identity) error {
	if id.Issued.IsZero() {
		return nil
	}
	until, err := c.SignedOut(ctx, id.User.ID)
	if err == nil && !id.Issued.After(until) {
		err = wire.BadToken.Error("")
	}
	return err
}

// Login gives a token for a code. It may also be an identity.LoginKeeping.
type Login interface {
	Login(r *http.Request, code string) (*wire.Login, error)
}

// Call calls a login, which may be somebody else's code: one that does not return in time is
// left behind.
func (c *Credentials) Call(ctx context.Context, login func(context.Context) (*wire.Login, error)) (*wire.Login, error) {
	ctx, cancel := c.Clock.Bound(ctx)
	defer cancel()
	answer, err := foreign.Call(ctx, func() (*wire.Login, error) { return login(ctx) }, nil)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil && answer == nil:
		return nil, wire.Internal.Error("")
	}
	return answer, err
}

// LogIn carries out a login, which may keep something of the user in the records of the hub.
func LogIn(login Login, r *http.Request, code string, records journal.Records) (*wire.Login, error) {
	if keeping, ok := login.(identity.LoginKeeping); ok {
		return keeping.LoginKeeping(r, code, records)
	}
	return login.Login(r, code)
}

// NotEnded returns an error with code expired if a credential has ended, or nil.
func NotEnded(id *access.Identity) error {
	if !id.Expires.IsZero() && !time.Now().Before(id.Expires) {
		return wire.Expired.Error("")
	}
	return nil
}
