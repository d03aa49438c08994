package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/secrets"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
)

func init() { caddy.RegisterModule(new(GuestAuth)) }

// GuestAuth accepts every client that has no token. Guests choose their own name,
// and others see that they are guests. A guest is given a token, signed with a key in
// Caddy's storage, and with it comes back as the same guest.
type GuestAuth struct {
	// How long a token is valid after the guest's last visit. Default: 90d.
	TokenLife caddy.Duration `json:"token_life,omitempty" bounds:"1m 36500d"`

	*identity.Guest `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*GuestAuth) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.auth.guest", New: func() caddy.Module { return new(GuestAuth) }}
}

// Provision implements caddy.Provisioner.
func (a *GuestAuth) Provision(ctx caddy.Context) error {
	a.Guest = identity.NewGuest(secrets.Stored{Storage: ctx.Storage(), Log: ctx.Logger()}, time.Duration(a.TokenLife))
	return bounds.Check(a)
}

// UnmarshalCaddyfile reads the method. Syntax:
//
//	guest {
//	    token_life <duration>
//	}
func (a *GuestAuth) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return values.Block(d, "auth guest", values.EachChecked(d, func() error { return bounds.Check(a) }, map[string]func() error{
		"token_life": func() error { return values.Duration(d, a, &a.TokenLife) },
	}))
}

var (
	_ access.Authenticator  = (*GuestAuth)(nil)
	_ caddy.Provisioner     = (*GuestAuth)(nil)
	_ caddyfile.Unmarshaler = (*GuestAuth)(nil)
)
