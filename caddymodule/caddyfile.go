package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() {
	httpcaddyfile.RegisterDirective("chat", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("chat", httpcaddyfile.Before, "reverse_proxy")
}

// parseDirective makes a route from the directive. Unlike those of most directives,
// an argument that begins with / is not a matcher but the path that the handler serves.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	var matcher caddy.ModuleMap
	h.Next()
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
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	return h.NewRoute(matcher, handler), nil
}

// UnmarshalCaddyfile reads the chat directive. Syntax:
//
//	chat [<matcher>] [<path>] {
//	    hub                    <name>
//	    journal                <engine> …
//	    room                   <placeholder>
//	    max_message            <size>
//	    max_connections        <number>
//	    max_connections_per_ip <number>
//	    ping_interval          <duration>
//	    origins                <pattern...>
//	    compression            on|off
//	    ui                     on|off
//	    auth                   <method> { … }
//	    policy                 <pattern> { … }
//	    limits                 { … }
//	}
//
// The path is /chat by default. The defaults of the options are those of Handler's
// fields.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.Val() == "" {
		d.Next() // the directive's own name
	}
	if d.NextArg() {
		if !strings.HasPrefix(d.Val(), "/") {
			return d.Errf("chat: path %q does not begin with /", d.Val())
		}
		h.Path = d.Val()
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	return parseOptions(d, 0, "chat", map[string]func() error{
		"hub":                    func() error { return parseString(d, &h.Hub) },
		"journal":                func() (err error) { h.JournalRaw, err = parseJournal(d); return err },
		"room":                   func() error { return parseString(d, &h.Room) },
		"max_message":            func() error { return parseSize(d, &h.MaxMessage) },
		"max_connections":        func() error { return parseNumber(d, &h.MaxConnections) },
		"max_connections_per_ip": func() error { return parseNumber(d, &h.MaxConnectionsPerIP) },
		"ping_interval":          func() error { return parseDuration(d, &h.PingInterval) },
		"origins":                func() error { return parseList(d, &h.Origins) },
		"auth":                   func() error { return parseAndAppend(d, parseAuth, &h.AuthRaw) },
		"policy":                 func() error { return parseAndAppend(d, parsePolicy, &h.Policies) },
		"limits":                 func() error { return h.Limits.parse(d) },
		"ui":                     func() error { return parseSwitch(d, &h.UI) },
		"compression":            func() error { return parseSwitch(d, &h.Compression) },
	}, "auth", "policy")
}

// parseAndAppend reads an option that may be set several times.
func parseAndAppend[T any](d *caddyfile.Dispenser, parse func(*caddyfile.Dispenser) (T, error), to *[]T) error {
	value, err := parse(d)
	if err == nil {
		*to = append(*to, value)
	}
	return err
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
