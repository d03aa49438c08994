package caddymodule

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/access"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("chat", parseGlobalOption)
	httpcaddyfile.RegisterDirective("chat", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("chat", httpcaddyfile.Before, "reverse_proxy")
}

// parseGlobalOption makes the app from the global option. Syntax:
//
//	chat {
//	    hub <name> {
//	        journal                <engine> …
//	        policy                 <pattern> { … }
//	        key                    <name> <secret...> { … }
//	        check                  <url or module> { … }
//	        webhook                <name> <url> { … }
//	        limits                 { … }
//	        max_message            <size>
//	        max_connections        <number>
//	        max_connections_per_ip <number>
//	        ping_interval          <duration>
//	    }
//	}
func parseGlobalOption(d *caddyfile.Dispenser, earlier any) (any, error) {
	d.Next()
	if earlier != nil {
		return nil, d.Err("chat: the global option chat stands twice; one has the settings of all hubs")
	}
	app := &App{Hubs: map[string]*HubSettings{}}
	err := values.Block(d, "the global option", map[string]func() error{
		"hub": func() error {
			if !d.NextArg() {
				return d.Err("chat: hub needs a name")
			}
			name := d.Val()
			if err := checkHubName(name); err != nil {
				return d.WrapErr(err)
			}
			if earlier := app.Hubs[name]; earlier != nil {
				return d.Errf("chat: %s", twoPlaces(name, earlier.SettingsAt, "here"))
			}
			app.Hubs[name] = &HubSettings{SettingsAt: placeOf(d)}
			return values.Checked(d, values.Block(d, "hub", app.Hubs[name].options(d), "policy", "key", "check", "webhook"), app.Hubs[name].validate)
		},
	}, "hub")
	return httpcaddyfile.App{Name: "chat", Value: caddyconfig.JSON(app, nil)}, err
}

// placeOf returns file and line of the token that d is at, and which imports led to it.
func placeOf(d *caddyfile.Dispenser) string {
	_, place, _ := strings.Cut(d.Err("").Error(), ", at ")
	return place
}

// hubPlaces returns where the Caddyfile has the settings of which hub, as far as it
// has been read. The caller may add to it.
func hubPlaces(h httpcaddyfile.Helper) (map[string]string, error) {
	const key = "chat: places of hubs"
	places, ok := h.State[key].(map[string]string)
	if !ok {
		places = map[string]string{}
		if option, ok := h.Option("chat").(httpcaddyfile.App); ok {
			var app App
			if err := json.Unmarshal(option.Value, &app); err != nil {
				return nil, err
			}
			for name, settings := range app.Hubs {
				places[name] = settings.SettingsAt
			}
		}
		h.State[key] = places
	}
	return places, nil
}

// parseDirective makes a route from the directive. Unlike those of most directives,
// an argument that begins with / is not a matcher but the path that the handler serves.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	var matcher caddy.ModuleMap
	h.Next()
	handler := &Handler{At: placeOf(h.Dispenser)}
	if h.NextArg() {
		named := strings.HasPrefix(h.Val(), "@") || h.Val() == "*"
		h.Prev()
		if named {
			var err error
			if matcher, err = h.ExtractMatcherSet(); err != nil {
				return nil, err
			}
		}
	}
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	if handler.SettingsAt != "" {
		places, err := hubPlaces(h)
		if err != nil {
			return nil, err
		}
		hub := handler.hubName()
		if other, ok := places[hub]; ok {
			return nil, fmt.Errorf("chat: %s", twoPlaces(hub, other, handler.SettingsAt))
		}
		places[hub] = handler.SettingsAt
	}
	return h.NewRoute(matcher, handler), nil
}

// UnmarshalCaddyfile reads the chat directive. Syntax:
//
//	chat [<matcher>] [<path>] {
//	    hub         <name>
//	    room        <placeholder>
//	    origins     <pattern...>
//	    auth        <method> { … }
//	    compression on|off
//	    ui          on|off
//	    # and the options of a hub, see parseGlobalOption
//	}
//
// The path is /chat by default. The defaults of the options are those of Handler's
// and HubSettings' fields.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.Val() == "" {
		d.Next() // the directive's own name
	}
	if d.NextArg() {
		h.Path = d.Val()
		if err := checkPath(h.Path); err != nil {
			return d.Errf("chat: %v", err)
		}
		if d.NextArg() {
			return d.Errf("chat: %q is one word too many: there is one path, and options stand in the block", d.Val())
		}
	}
	var methods []any // of the options auth
	options := map[string]func() error{
		"hub": func() error {
			return values.Checked(d, values.String(d, &h.Hub), func() error { return checkHubName(h.Hub) })
		},
		"room": func() error { return values.Checked(d, values.String(d, &h.Room), h.checkRoom) },
		"origins": func() error {
			return values.Checked(d, values.List(d, &h.Origins), func() error { return access.Origins(h.Origins).Validate() })
		},
		"auth": func() error {
			err := values.Append(d, func(d *caddyfile.Dispenser) (json.RawMessage, error) { return parseAuth(d, &methods) }, &h.AuthRaw)
			return values.Checked(d, err, func() error { return values.CheckTwice("auth", h.AuthRaw) })
		},
		"compression": func() error { return values.Switch(d, &h.Compression) },
		"ui":          func() error { return h.parseUI(d) },
	}
	for name, parse := range h.HubSettings.options(d) {
		options[name] = func() error {
			if h.SettingsAt == "" {
				h.SettingsAt = placeOf(d)
			}
			return parse()
		}
	}
	err := values.Options(d, 0, "chat", options, "auth", "policy", "key", "check", "webhook")
	return values.Checked(d, err, h.HubSettings.validate)
}

// parseUI reads the option ui. Syntax:
//
//	ui on|off
//	ui [on] {
//	    sign_in <url>
//	}
func (h *Handler) parseUI(d *caddyfile.Dispenser) error {
	h.UI = true
	args := d.RemainingArgs()
	if len(args) == 1 && args[0] == "off" {
		h.UI = false
	} else if len(args) > 1 || len(args) == 1 && args[0] != "on" {
		return d.Errf("chat: ui is on or off, not %q", values.Shown(strings.Join(args, " ")))
	}
	err := values.Options(d, d.Nesting(), "chat: ui", map[string]func() error{
		"sign_in": func() error { return values.String(d, &h.SignIn) },
	})
	if err != nil {
		return err
	}
	if len(args) == 0 && h.SignIn == "" {
		return d.Err("chat: ui needs on, off, or a block with sign_in")
	}
	if err := validateSignIn(h.SignIn, h.UI); err != nil {
		return d.Errf("chat: ui: %v", err)
	}
	return nil
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
