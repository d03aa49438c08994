package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
)

func init() { caddy.RegisterModule(new(CaddyAuth)) }

// CaddyAuth takes the user that an earlier handler of the same route authenticated:
// basic_auth, forward_auth or another module.
type CaddyAuth struct {
	// The user's id, with placeholders. If it is empty for a request, this method
	// does not know the user. Default: `{http.auth.user.id}`.
	ID string `json:"id,omitempty"`

	// The user's name, with placeholders. Default: the id.
	Name string `json:"name,omitempty"`

	// The URL of the user's picture, with placeholders. Default: none.
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
	return values.Block(d, "auth caddy", map[string]func() error{
		"id":     func() error { return values.Checked(d, values.String(d, &a.ID), a.Validate) },
		"name":   func() error { return values.String(d, &a.Name) },
		"avatar": func() error { return values.String(d, &a.Avatar) },
	})
}

// writtenByClients are placeholders for what clients send as they like. Headers are not
// among them: forward_auth removes those of clients and puts in its own.
var writtenByClients = []string{
	"http.request.uri", "http.request.orig_uri", "http.request.cookie.", "http.request.body", "http.request.host", "http.request.method",
}

// Validate implements caddy.Validator. It refuses an id with which anybody is whoever they
// like, or everybody the same user.
func (a *CaddyAuth) Validate() error {
	if a.ID != "" && !strings.Contains(a.ID, "{") {
		return fmt.Errorf("id %q is the same for everybody: it needs a placeholder, such as {header.Remote-User}", a.ID)
	}
	for _, name := range writtenByClients {
		if strings.Contains(a.ID, "{"+name) {
			return fmt.Errorf("id %q is what clients send, so anybody could be any user: take what a handler before has checked, "+
				"such as {http.auth.user.id}, or {header.Remote-User} with copy_headers of forward_auth", a.ID)
		}
	}
	return nil
}

// Authenticate implements access.Authenticator.
func (a *CaddyAuth) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	if c.Request == nil {
		return nil, access.ErrNoCredential
	}
	id := evaluate(c.Request, a.ID, "{http.auth.user.id}")
	if id == "" {
		return nil, access.ErrNoCredential
	}
	if err := identity.CheckUser(id); err != nil {
		return nil, err
	}
	name := id // as it is: placeholders in a user's id must not be replaced
	if a.Name != "" {
		name = evaluate(c.Request, a.Name, "")
	}
	return &access.Identity{
		User:    journal.User{ID: id, Name: name, Avatar: evaluate(c.Request, a.Avatar, "")},
		Settled: true,
	}, nil
}

// evaluate replaces the placeholders in text, or in fallback if text is empty.
func evaluate(r *http.Request, text, fallback string) string {
	if text == "" {
		text = fallback
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
	_ access.Authenticator  = (*CaddyAuth)(nil)
	_ caddy.Validator       = (*CaddyAuth)(nil)
	_ caddyfile.Unmarshaler = (*CaddyAuth)(nil)
)
