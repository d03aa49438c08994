package checks

import (
	"cmp"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
)

// Module is a kind of check with its settings. Every module in the namespace chat.checks
// must implement it. Embed Options for the settings that all kinds have. In a Caddyfile its
// UnmarshalCaddyfile is given the option check, from the name of the module on; a module
// that has no name there begins with its URL.
//
// What it asks goes on when its configuration is replaced: Cleanup must not wait for it, and
// may be called before Check is called for the last time.
type Module interface {
	check.Checker
	Common() Options
}

// Options are what all kinds of checks have. Modules embed them.
type Options struct {
	// Patterns of the rooms in which it is asked. `*` stands for any text. Default: all
	// rooms, and the names of users, too.
	Rooms []string `json:"rooms,omitempty"`

	// How long a verdict may take, with the wait until the question is asked. Default: 2s.
	Timeout caddy.Duration `json:"timeout,omitempty" bounds:"1ms 10s"`

	// The most questions that are open at once. Others wait. One user has at most half
	// of them, and fewer when others have some. Default: 64.
	AtOnce int `json:"at_once,omitempty" bounds:"1 1024"`

	// What becomes of what there is no verdict on: `refuse`, or `pass`. Clients say what is
	// refused so again after two seconds. Default: `refuse`.
	OnError string `json:"on_error,omitempty"`

	// Whether what keys say is checked, too. Default: false.
	Keys bool `json:"keys,omitempty"`
}

// Common returns the options, so that modules that embed them implement Module.
func (o Options) Common() Options { return o }

// Problem returns what is wrong with the options, or nil.
func (o *Options) Problem() error {
	if err := bounds.Check(o); err != nil {
		return err
	}
	if o.OnError != "" && o.OnError != "refuse" && o.OnError != "pass" {
		return fmt.Errorf("on_error is refuse or pass, not %q", o.OnError)
	}
	for _, pattern := range o.Rooms {
		if err := access.CheckPattern(pattern); err != nil {
			return fmt.Errorf("rooms: %w", err)
		}
	}
	return nil
}

// Read reads the block of a check: these options, and those of its module. problem returns
// what is wrong with what was read so far. Syntax:
//
//	{
//	    rooms    <pattern...>
//	    timeout  <duration>
//	    at_once  <number>
//	    on_error refuse|pass
//	    keys     on|off
//	}
func (o *Options) Read(d *caddyfile.Dispenser, name string, problem func() error, others map[string]func() error) error {
	options := map[string]func() error{
		"rooms":    func() error { return values.List(d, &o.Rooms) },
		"timeout":  func() error { return values.Duration(d, o, &o.Timeout) },
		"at_once":  func() error { return values.Number(d, o, &o.AtOnce) },
		"on_error": func() error { return values.String(d, &o.OnError) },
		"keys":     func() error { return values.Switch(d, &o.Keys) },
	}
	for name, read := range others {
		options[name] = read
	}
	all := func() error { return cmp.Or(o.Problem(), problem()) }
	return values.Block(d, name, values.EachChecked(d, all, options))
}

// toCheck returns what the hub asks.
func (o *Options) toCheck(name string, checker check.Checker) *check.Check {
	return check.New(check.Config{
		Name: name, Checker: checker, Rooms: o.Rooms, Timeout: time.Duration(o.Timeout), AtOnce: o.AtOnce, PassOnError: o.OnError == "pass", Keys: o.Keys,
	})
}
