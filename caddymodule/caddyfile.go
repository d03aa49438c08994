package caddymodule

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/dustin/go-humanize"
)

func init() {
	httpcaddyfile.RegisterDirective("chat", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("chat", httpcaddyfile.Before, "reverse_proxy")
}

// parseDirective makes a route of the directive. Unlike most, its first argument
// is a path and not a path matcher: the handler serves what lies under it.
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
//	    room <placeholder>
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
// The path is /chat by default; the defaults of the options are those of
// Handler's fields.
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
		"journal":                func() error { return h.parseJournal(d) },
		"room":                   func() error { return parseString(d, &h.Room) },
		"max_message":            func() error { return parseSize(d, &h.MaxMessage) },
		"max_connections":        func() error { return parseNumber(d, &h.MaxConnections) },
		"max_connections_per_ip": func() error { return parseNumber(d, &h.MaxConnectionsPerIP) },
		"ping_interval":          func() error { return parseDuration(d, &h.PingInterval) },
		"origins":                func() error { return parseList(d, &h.Origins) },
		"auth":                   func() error { return h.parseAuth(d) },
		"policy":                 func() error { return h.parsePolicy(d) },
		"limits":                 func() error { return h.Limits.unmarshal(d) },
		"ui":                     func() error { return parseSwitch(d, &h.UI) },
		"compression":            func() error { return parseSwitch(d, &h.Compression) },
	}, "auth", "policy")
}

// parseOptions reads a block. Only those that repeat may come again.
func parseOptions(d *caddyfile.Dispenser, nesting int, of string, options map[string]func() error, repeat ...string) error {
	seen := map[string]bool{}
	for d.NextBlock(nesting) {
		option := d.Val()
		parse, ok := options[option]
		if !ok {
			return d.Errf("%s: unknown option %q; there are %s", of, option, strings.Join(slices.Sorted(maps.Keys(options)), ", "))
		}
		if seen[option] && !slices.Contains(repeat, option) {
			return d.Errf("%s: %s is set twice", of, option)
		}
		seen[option] = true
		if err := parse(); err != nil {
			return err
		}
	}
	return nil
}

// parseBlock reads the block of an option.
func parseBlock(d *caddyfile.Dispenser, of string, options map[string]func() error) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	return parseOptions(d, d.Nesting(), "chat: "+of, options)
}

// one reads the only argument of an option, which has no block.
func one(d *caddyfile.Dispenser) (string, error) {
	option := d.Val()
	if !d.NextArg() {
		return "", d.Errf("chat: %s needs a value", option)
	}
	value := d.Val()
	if d.NextArg() {
		return "", d.Errf("chat: %s takes one value", option)
	}
	return value, noBlock(d, option)
}

func noBlock(d *caddyfile.Dispenser, option string) error {
	if d.NextBlock(d.Nesting()) {
		return d.Errf("chat: %s has no block", option)
	}
	return nil
}

func parseString(d *caddyfile.Dispenser, to *string) (err error) {
	*to, err = one(d)
	return err
}

func parseSize(d *caddyfile.Dispenser, to *int64) error {
	option := d.Val()
	value, err := one(d)
	if err != nil {
		return err
	}
	if *to, err = sizeOf(value); err != nil {
		return d.Errf("chat: %s %v", option, err)
	}
	return nil
}

func sizeOf(value string) (int64, error) {
	n, err := humanize.ParseBytes(value)
	if err != nil || n == 0 || n > math.MaxInt32 {
		return 0, fmt.Errorf("%q is not a size from 1 to 2GiB, such as 64KiB", value)
	}
	return int64(n), nil
}

func parseNumber(d *caddyfile.Dispenser, to *int) error {
	option := d.Val()
	value, err := one(d)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n == 0 {
		return d.Errf("chat: %s %q is not a number above 0", option, value)
	}
	*to = int(n)
	return nil
}

func parseDuration(d *caddyfile.Dispenser, to *caddy.Duration) error {
	option := d.Val()
	value, err := one(d)
	if err != nil {
		return err
	}
	n, err := caddy.ParseDuration(value)
	if err != nil || n <= 0 {
		return d.Errf("chat: %s %q is not a duration above 0, such as 25s", option, value)
	}
	*to = caddy.Duration(n)
	return nil
}

func parseSwitch(d *caddyfile.Dispenser, to *bool) error {
	option := d.Val()
	value, err := one(d)
	if err != nil {
		return err
	}
	if value != "on" && value != "off" {
		return d.Errf("chat: %s is on or off, not %q", option, value)
	}
	*to = value == "on"
	return nil
}

func parseList(d *caddyfile.Dispenser, to *[]string) error {
	option := d.Val()
	*to = d.RemainingArgs()
	if len(*to) == 0 {
		return d.Errf("chat: %s needs at least one value", option)
	}
	return noBlock(d, option)
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
