package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/identity"
)

func init() { caddy.RegisterModule(new(GuestAuth)) }

// GuestAuth lets everybody in who brings no token, under a name of their own
// choice and marked as a guest to others. They get a token to come back with as
// the same guest, signed with a key kept in Caddy's storage.
type GuestAuth struct {
	// How long after a guest's last visit the token is good. Default: 90d.
	TokenLife caddy.Duration `json:"token_life,omitempty"`

	*identity.Guest `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*GuestAuth) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.auth.guest", New: func() caddy.Module { return new(GuestAuth) }}
}

// Provision implements caddy.Provisioner.
func (a *GuestAuth) Provision(ctx caddy.Context) error {
	a.Guest = identity.NewGuest(storedSecrets{ctx.Storage()}, time.Duration(a.TokenLife))
	return nil
}

// UnmarshalCaddyfile reads the method. Syntax:
//
//	guest {
//	    token_life <duration>
//	}
func (a *GuestAuth) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return parseBlock(d, "auth guest", map[string]func() error{
		"token_life": func() error { return parseDuration(d, &a.TokenLife) },
	})
}

var (
	_ chat.Authenticator    = (*GuestAuth)(nil)
	_ caddy.Provisioner     = (*GuestAuth)(nil)
	_ caddyfile.Unmarshaler = (*GuestAuth)(nil)
	_ starter               = (*GuestAuth)(nil)
)
