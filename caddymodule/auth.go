package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
)

// authMethods are the modules of the options auth of one handler.
type authMethods struct {
	inOrder identity.First                // who clients are
	login   chat.Login                    // issues tokens; nil if no method does
	starts  []func(context.Context) error // see starter
}

// starter is implemented by a method that does something when its configuration
// starts to run, and does not when the configuration is only validated. Start is
// called again until it succeeds, and may be called after that.
type starter interface{ Start(context.Context) error }

var (
	errTwoLogins = errors.New("only one method can issue tokens at login")
	// Not even one that takes only tokens may follow: what a configuration means would
	// depend on which those are.
	errBehindGuest = errors.New("auth guest lets in everybody who has no token, so no method may stand behind it: put it last")
)

// newAuthMethods returns what was loaded from Handler.AuthRaw.
func newAuthMethods(modules []any) (m authMethods, err error) {
	for _, module := range modules {
		a, ok := module.(access.Authenticator)
		if !ok {
			return m, fmt.Errorf("module %T does not implement access.Authenticator", module)
		}
		if n := len(m.inOrder); n > 0 {
			if _, ok := m.inOrder[n-1].(*GuestAuth); ok {
				return m, errBehindGuest
			}
		}
		m.add(a)
		if s, ok := module.(starter); ok {
			m.starts = append(m.starts, s.Start)
		}
		if l, ok := module.(chat.Login); ok {
			if m.login != nil {
				return m, errTwoLogins
			}
			m.login = l
		}
	}
	return m, nil
}

// add adds a method. All auth jwt are one, in the place of the first: each would refuse the
// tokens of the others.
func (m *authMethods) add(a access.Authenticator) {
	own, is := a.(*JWTAuth)
	if !is {
		m.inOrder = append(m.inOrder, a)
		return
	}
	for i, other := range m.inOrder {
		if list, ok := other.(identity.JWTs); ok {
			m.inOrder[i] = append(list, own.JWT)
			return
		}
	}
	m.inOrder = append(m.inOrder, identity.JWTs{own.JWT})
}

// start starts the methods that need it.
func (m *authMethods) start(ctx context.Context) error {
	for _, start := range m.starts {
		if err := start(ctx); err != nil {
			return fmt.Errorf("auth: %w", err)
		}
	}
	return nil
}

// defaultAuthMethods returns the methods of a handler that has no option auth.
func defaultAuthMethods(ctx caddy.Context) (authMethods, error) {
	guest := new(GuestAuth)
	if err := guest.Provision(ctx); err != nil {
		return authMethods{}, err
	}
	return newAuthMethods([]any{guest})
}

// parseAuth reads one option auth, which stands behind others. Its first argument names a
// method in the namespace chat.auth, whose module reads the rest. It adds the module to
// modules and returns its JSON.
func parseAuth(d *caddyfile.Dispenser, modules *[]any) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, d.Err("chat: auth needs a method, such as guest or caddy")
	}
	method := d.Val()
	if err := values.CheckModule(d, "auth", "chat.auth", method); err != nil {
		return nil, err
	}
	module, err := caddyfile.UnmarshalModule(d, "chat.auth."+method)
	if err != nil {
		return nil, err
	}
	*modules = append(*modules, module)
	if _, err := newAuthMethods(*modules); err != nil {
		return nil, d.Errf("chat: auth %s: %v", method, err)
	}
	return caddyconfig.JSONModuleObject(module, "method", method, nil), nil
}

var (
	_ starter = (*GuestAuth)(nil)
	_ starter = (*WeChatAuth)(nil)
)
