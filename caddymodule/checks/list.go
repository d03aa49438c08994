package checks

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// MaxChecks bounds the checks of a hub: whoever says something may wait for each of them.
const MaxChecks = 8

// Load returns the checks of a hub, in their order. loaded is what Caddy has made of the
// modules.
func Load(loaded []any) (check.Chain, error) {
	if err := checkNumber(len(loaded)); err != nil {
		return nil, err
	}
	var chain check.Chain
	names := map[string]int{}
	for _, module := range loaded {
		m, ok := module.(Module)
		if !ok {
			return nil, fmt.Errorf("checks: module %T does not implement checks.Module", module)
		}
		options := m.Common()
		if err := options.Problem(); err != nil {
			return nil, fmt.Errorf("checks: %w", err)
		}
		if !options.Keys && len(options.Rooms) > 0 && !slices.ContainsFunc(options.Rooms, func(p string) bool { return !journal.IsReserved(p) }) {
			return nil, errors.New("checks: rooms names users' own rooms alone, in which nobody writes but keys, so nothing is ever asked: set keys on")
		}
		chain = append(chain, options.toCheck(nameOf(module.(caddy.Module), names), m))
	}
	return chain, nil
}

func checkNumber(n int) error {
	if n > MaxChecks {
		return fmt.Errorf("there are %d checks, at most %d are possible", n, MaxChecks)
	}
	return nil
}

// nameOf returns the name of a check in logs, events and metrics. No two have the same.
func nameOf(m caddy.Module, seen map[string]int) string {
	name := m.CaddyModule().ID.Name()
	if labelled, ok := m.(interface{ Label() string }); ok {
		name = labelled.Label()
	}
	if seen[name]++; seen[name] > 1 {
		name = fmt.Sprintf("%s %d", name, seen[name])
	}
	return name
}

// Parse reads one option check, which stands behind others, and adds its JSON. Its first
// argument is a URL, or names a module in the namespace chat.checks, which reads the rest.
func Parse(d *caddyfile.Dispenser, to *[]json.RawMessage) error {
	if !d.NextArg() || d.Val() == "" {
		return d.Err("chat: check needs a URL, such as https://app.example.com/chat/check, or the name of a module")
	}
	kind := d.Val()
	if strings.Contains(kind, ":") || strings.Contains(kind, "{") || strings.Contains(kind, "/") {
		kind = "https"
	} else if kind == "https" {
		return d.Err("chat: check https: name the URL itself, such as check https://app.example.com/chat/check")
	} else if err := values.CheckModule(d, "check", "chat.checks", kind); err != nil {
		return err
	}
	module, err := caddyfile.UnmarshalModule(d, "chat.checks."+kind)
	if err != nil {
		return err
	}
	*to = append(*to, caddyconfig.JSONModuleObject(module, "check", kind, nil))
	return values.Checked(d, nil, func() error { return checkNumber(len(*to)) })
}
