package caddymodule

import (
	"context"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/identity"
)

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

// authenticator loads the modules that find out who clients are.
func (h *Handler) authenticator(ctx caddy.Context) error {
	if len(h.AuthRaw) == 0 {
		guest := new(GuestAuth)
		if err := guest.Provision(ctx); err != nil {
			return err
		}
		h.auth, h.ready = identity.First{guest}, append(h.ready, guest.Start)
		return nil
	}
	loaded, err := ctx.LoadModule(h, "AuthRaw")
	if err != nil {
		return fmt.Errorf("chat: auth: %w", err)
	}
	for _, module := range loaded.([]any) {
		a, ok := module.(chat.Authenticator)
		if !ok {
			return fmt.Errorf("chat: auth: module %T is no chat.Authenticator", module)
		}
		h.auth = append(h.auth, a)
		if s, ok := module.(starter); ok {
			h.ready = append(h.ready, s.Start)
		}
		if l, ok := module.(chat.Login); ok {
			if h.login != nil {
				return fmt.Errorf("chat: auth: there can be only one that gives tokens by %s/login", h.Path)
			}
			h.login = l
		}
	}
	return nil
}

// starter is a module that has something to do once its configuration is run,
// and not when it is only looked at.
type starter interface{ Start(context.Context) error }
