package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
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

// setByHandlers are beginnings of placeholders for what a handler before the chat, or a client's
// certificate, says of a user. A header is what forward_auth puts in, which removes that of the
// client.
var setByHandlers = []string{
	"http.auth.user.", "http.request.header.", "http.vars.", "http.reverse_proxy.header.",
	"http.request.tls.client.fingerprint", "http.request.tls.client.public_key", "http.request.tls.client.serial",
	"http.request.tls.client.subject", "http.request.tls.client.san.",
}

// ofBrowsers are headers that no handler puts in to say who a user is.
var ofBrowsers = regexp.MustCompile(`(?i)^http\.request\.header\.(accept|authorization|connection|cookie|from|host|origin|referer|upgrade|user-agent|via|(accept|sec)-.*|x-forwarded-(for|host|proto))?$`)

// Validate implements caddy.Validator. It refuses an id with which anybody is whoever they
// like, or everybody the same user.
func (a *CaddyAuth) Validate() error {
	names := placeholders(a.ID)
	if a.ID != "" && len(names) == 0 {
		return fmt.Errorf("id %q is the same for everybody: it needs a placeholder, such as {header.Remote-User}", a.ID)
	}
	for _, name := range names {
		isSet := func(prefix string) bool {
			return strings.HasPrefix(name, prefix) && (name != prefix || !strings.HasSuffix(prefix, "."))
		}
		if !slices.ContainsFunc(setByHandlers, isSet) || ofBrowsers.MatchString(name) {
			return fmt.Errorf("id %q has {%s}, which clients send or which is the same for many, so anybody could be any user: take what a handler before "+
				"has checked, such as {http.auth.user.id}, {vars.user}, or {header.Remote-User} with copy_headers of forward_auth, "+
				"or what a client certificate has, such as {tls_client_subject}", a.ID, name)
		}
	}
	return nil
}

// placeholders returns the names of the placeholders in a text, as Caddy's replacer finds them:
// a brace behind a backslash is none.
func placeholders(text string) (names []string) {
	text = strings.NewReplacer(`\{`, "", `\}`, "").Replace(text)
	for {
		_, rest, ok := strings.Cut(text, "{")
		name, rest, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			return names
		}
		names, text = append(names, name), rest
	}
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
	user := access.CleanUser(journal.User{ID: id, Name: name, Avatar: evaluate(c.Request, a.Avatar, "")})
	// Whoever has no name chooses one, as with a token that has none.
	return &access.Identity{User: user, Settled: user.Name != ""}, nil
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
