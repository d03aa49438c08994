package caddymodule

import (
	"cmp"
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
	"github.com/caddychat/caddy-chat/chat/wire"
)

func init() { caddy.RegisterModule(new(CaddyAuth)) }

// CaddyAuth takes the user that an earlier handler of the same route authenticated:
// basic_auth, forward_auth or another module.
type CaddyAuth struct {
	// The user's id, with placeholders. If one of them is empty for a request, this method
	// does not know the user, whatever text is beside it. Default: `{http.auth.user.id}`.
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
// like, or everybody the same user, and one with which nobody can come in.
func (a *CaddyAuth) Validate() error {
	if a.ID == "" {
		return nil
	}
	texts, names := parseID(a.ID)
	if len(names) == 0 {
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
	if slices.Contains(texts[1:len(texts)-1], "") {
		return fmt.Errorf("id %q has two placeholders side by side, so two users could have one id: put a text between them, such as /", a.ID)
	}
	shortest := strings.Join(texts, "x")
	if access.IsReservedUser(shortest) {
		return fmt.Errorf("id %q lets nobody in: the user's id begins with bot- or hub-, which this server reserves", a.ID)
	}
	if err := identity.CheckUser(shortest); err != nil {
		return fmt.Errorf("id %q lets nobody in: %s", a.ID, strings.TrimPrefix(err.Error(), "bad_token: "))
	}
	return nil
}

// needsLogin reports whether the id is what a handler that authenticates users says.
func (a *CaddyAuth) needsLogin() bool { return a.ID == "" || strings.Contains(a.ID, "{http.auth.") }

// parseID returns the names of the placeholders in an id, as Caddy finds them, and the texts
// before, between and behind them.
func parseID(id string) (texts, names []string) {
	const mark = "\x00" // no id has it
	text, _ := caddy.NewEmptyReplacer().ReplaceFunc(strings.ReplaceAll(id, mark, "\x01"), func(name string, _ any) (any, error) {
		names = append(names, name)
		return mark, nil
	})
	return strings.Split(text, mark), names
}

// Authenticate implements access.Authenticator.
func (a *CaddyAuth) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	if c.Request == nil {
		return nil, access.ErrNoCredential
	}
	id, err := a.userID(c.Request)
	if err == nil {
		err = identity.CheckUser(id)
	}
	if err != nil {
		return nil, err
	}
	name := id // as it is: placeholders in a user's id must not be replaced
	if a.Name != "" {
		name = evaluate(c.Request, a.Name)
	}
	user := access.CleanUser(journal.User{ID: id, Name: name, Avatar: evaluate(c.Request, a.Avatar)})
	// Whoever has no name chooses one, as with a token that has none.
	return &access.Identity{User: user, Settled: user.Name != ""}, nil
}

// userID returns the id for a request, or access.ErrNoCredential if one of its placeholders is
// empty. It refuses a value in which the text behind its placeholder begins: with the id
// {vars.a}-{vars.b}, "x-" and "y" would be the user that "x" and "-y" are.
func (a *CaddyAuth) userID(r *http.Request) (string, error) {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return "", access.ErrNoCredential
	}
	template := cmp.Or(a.ID, "{http.auth.user.id}")
	texts, _ := parseID(template)
	behind := texts[1:]
	return repl.ReplaceFunc(template, func(_ string, value any) (any, error) {
		text, next := caddy.ToString(value), behind[0]
		behind = behind[1:]
		if text == "" {
			return nil, access.ErrNoCredential
		}
		if len(behind) > 0 && strings.Index(text+next, next) < len(text) {
			e := wire.BadToken.Error("")
			e.Message = fmt.Sprintf("a part of the user's id has %q in it, which stands between the parts", next)
			return nil, e
		}
		return text, nil
	})
}

// evaluate replaces the placeholders in text.
func evaluate(r *http.Request, text string) string {
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
