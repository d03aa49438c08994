package caddymodule

import (
	"context"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/identity"
)

func init() { caddy.RegisterModule(new(CaddyAuth)) }

// CaddyAuth takes the user whom an earlier handler of the same route has
// established: basic_auth, forward_auth or another module.
type CaddyAuth struct {
	// The user's id, with placeholders. Where it comes to nothing, the user is not
	// known in this way. Default: `{http.auth.user.id}`.
	ID string `json:"id,omitempty"`

	// The user's name. Default: the id.
	Name string `json:"name,omitempty"`

	// The URL of the user's picture. Default: none.
	Avatar string `json:"avatar,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*CaddyAuth) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.auth.caddy", New: func() caddy.Module { return new(CaddyAuth) }}
}

// UnmarshalCaddyfile reads the method. Syntax:
//
//	caddy {
//	    id     <placeholder>
//	    name   <placeholder>
//	    avatar <placeholder>
//	}
func (a *CaddyAuth) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return parseBlock(d, "auth caddy", map[string]func() error{
		"id":     func() error { return parseString(d, &a.ID) },
		"name":   func() error { return parseString(d, &a.Name) },
		"avatar": func() error { return parseString(d, &a.Avatar) },
	})
}

// Authenticate implements chat.Authenticator.
func (a *CaddyAuth) Authenticate(_ context.Context, c chat.Credential) (*chat.Identity, error) {
	if c.Request == nil {
		return nil, chat.ErrNoCredential
	}
	id := valueOf(c.Request, a.ID, "{http.auth.user.id}")
	if id == "" {
		return nil, chat.ErrNoCredential
	}
	if err := identity.CheckUser(id); err != nil {
		return nil, err
	}
	return &chat.Identity{
		User: chat.User{
			ID:     id,
			Name:   strings.ToValidUTF8(valueOf(c.Request, a.Name, id), ""),
			Avatar: strings.ToValidUTF8(valueOf(c.Request, a.Avatar, ""), ""),
		},
		Settled: true,
	}, nil
}

// valueOf evaluates a text with placeholders, which is other where it is empty.
func valueOf(r *http.Request, text, other string) string {
	if text == "" {
		text = other
	}
	if !strings.Contains(text, "{") {
		return text
	}
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	return repl.ReplaceAll(text, "")
}

var (
	_ chat.Authenticator    = (*CaddyAuth)(nil)
	_ caddyfile.Unmarshaler = (*CaddyAuth)(nil)
)
