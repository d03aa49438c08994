package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/wire"
)

func init() {
	caddy.RegisterModule(new(CaddyAuth))
}

// parseAuth reads one option auth with the module that its first argument names,
// in the namespace chat.auth.
func (h *Handler) parseAuth(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Err("chat: auth needs a method, such as guest or caddy")
	}
	method := d.Val()
	if _, err := caddy.GetModule("chat.auth." + method); err != nil {
		return d.Errf("chat: unknown auth %q", method)
	}
	module, err := caddyfile.UnmarshalModule(d, "chat.auth."+method)
	if err != nil {
		return err
	}
	h.AuthRaw = append(h.AuthRaw, caddyconfig.JSONModuleObject(module, "method", method, nil))
	return nil
}

// authenticator loads the modules that find out who clients are; nil where none
// is configured.
func (h *Handler) authenticator(ctx caddy.Context) (chat.Authenticator, error) {
	if len(h.AuthRaw) == 0 {
		return nil, nil
	}
	loaded, err := ctx.LoadModule(h, "AuthRaw")
	if err != nil {
		return nil, fmt.Errorf("chat: auth: %w", err)
	}
	var list methods
	for _, module := range loaded.([]any) {
		a, ok := module.(chat.Authenticator)
		if !ok {
			return nil, fmt.Errorf("chat: auth: module %T is no chat.Authenticator", module)
		}
		list = append(list, a)
	}
	return list, nil
}

// methods are asked one after the other: the first that a credential concerns
// decides. One that it refuses is not offered to the next.
type methods []chat.Authenticator

// Authenticate implements chat.Authenticator.
func (m methods) Authenticate(ctx context.Context, c chat.Credential) (*chat.Identity, error) {
	for _, a := range m {
		id, err := a.Authenticate(ctx, c)
		if !errors.Is(err, chat.ErrNoCredential) {
			return id, err
		}
	}
	e := wire.BadToken.Error("")
	if c.Token == "" {
		e.Message = "a token is needed"
	}
	return nil, e
}

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
	switch {
	case id == "":
		return nil, chat.ErrNoCredential
	case len(id) > wire.MaxUser || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl):
		e := wire.BadToken.Error("")
		e.Message = fmt.Sprintf("the user's id is not a text of at most %d bytes", wire.MaxUser)
		return nil, e
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
