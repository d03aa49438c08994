package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/checks"
	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/caddymodule/internal/webhooks"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/check"
)

// HubSettings are the settings of a hub. They hold for all its rooms and clients,
// whatever site these come through, so one place of a configuration has all of them:
// the app `chat`, or one of the handlers that name the hub.
type HubSettings struct {
	// Where the rooms are recorded. Default: `pebble`, on this machine's disk.
	JournalRaw json.RawMessage `json:"journal,omitempty" caddy:"namespace=chat.journals inline_key=engine"`

	// Who may do what in which room. Default: everybody may read and write.
	Policies []Policy `json:"policies,omitempty"`

	// Programs of the site that may act here over HTTP. Default: none.
	Keys []Key `json:"keys,omitempty"`

	// Who is asked whether what somebody says may be shown, in this order. Default: nobody.
	ChecksRaw []json.RawMessage `json:"checks,omitempty" caddy:"namespace=chat.checks inline_key=check"`

	// Where what happens in the rooms is sent to. Default: nowhere.
	Webhooks []webhooks.Webhook `json:"webhooks,omitempty"`

	// More limits.
	Limits Limits `json:"limits,omitzero"`

	// The largest message that a client may send, in bytes, all its fragments
	// together. A larger one ends the connection with close code 1009. At least 1024, so
	// that clients can say hello with their token. Default: 65536.
	MaxMessage int64 `json:"max_message,omitempty" bounds:"1KiB 128MiB"`

	// The most connections in all. More are refused with status 503 and Retry-After. One
	// network (a /24 of IPv4, a /48 of IPv6) that has more than `max_connections_per_ip`
	// gets at most half, and less when others have many, so a few networks cannot take all of
	// them. Default: 50000.
	MaxConnections int `json:"max_connections,omitempty"`

	// The most connections from one IP address, or from one /64 of IPv6. Behind a
	// proxy this is the client's address if `trusted_proxies` is set. Default: 100.
	MaxConnectionsPerIP int `json:"max_connections_per_ip,omitempty"`

	// A client that has been silent for this long is sent a ping. After twice as
	// long its connection is closed. Default: 25s.
	PingInterval caddy.Duration `json:"ping_interval,omitempty" bounds:"1s 36500d"`

	// Where the Caddyfile has these settings: file and line. The Caddyfile adapter writes
	// it. It makes several handlers of one directive if the site has several addresses;
	// they have the same settings and the same place, which counts as one.
	SettingsAt string `json:"settings_at,omitempty"`
}

// hubSettings are HubSettings that a hub can be started with.
type hubSettings struct {
	settings     chat.Settings
	engine       journals.Engine
	limits       journals.StorageLimits // of engine
	location     string                 // of the journal, as the engine names it; set by locate
	journalPlace string                 // the name of the engine, a colon, location, and the settings that are fixed

	// Where the configuration has them, in words; "" if these are the defaults.
	place  string
	source HubSettings // as they stand there
}

// hubName matches the names of hubs. A name is also that of a directory.
var hubName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$`)

func checkHubName(name string) error {
	if !hubName.MatchString(name) {
		return fmt.Errorf("chat: hub %q must have 1 to 64 letters, digits and -_. and not begin with a dot", name)
	}
	return nil
}

// isZero reports whether there are no settings.
func (s HubSettings) isZero() bool {
	s.SettingsAt = ""
	return reflect.ValueOf(s).IsZero()
}

// validate returns an error for settings that make no sense.
func (s *HubSettings) validate() error {
	if err := bounds.Check(s); err != nil {
		return err
	}
	// See chat.Settings.MaxOutboxes.
	message, outboxes := cmp.Or(s.MaxMessage, 64<<10), cmp.Or(s.Limits.Outboxes, 256<<20)
	if message > outboxes/4 {
		return fmt.Errorf("max_message is %d bytes, more than a quarter of limits outboxes, which is %d: "+
			"a message that long could not come in; make outboxes greater or max_message smaller", message, outboxes)
	}
	return nil
}

// toChat converts the settings to those of package chat, without the defaults.
func (s *HubSettings) toChat() (set chat.Settings, err error) {
	set = chat.Settings{
		MaxMessage:          int(s.MaxMessage),
		MaxConnections:      s.MaxConnections,
		MaxConnectionsPerIP: s.MaxConnectionsPerIP,
		PingInterval:        time.Duration(s.PingInterval),
	}
	s.Limits.applyTo(&set)
	if set.Policies, err = toPolicies(s.Policies); err != nil {
		return set, err
	}
	if set.Keys, err = toKeys(s.Keys); err != nil {
		return set, err
	}
	set.Webhooks, err = webhooks.ToChat(s.Webhooks)
	return set, err
}

// provision loads the engine of the journal. place is where the configuration has the
// settings.
func (s *HubSettings) provision(ctx caddy.Context, place string) (set hubSettings, err error) {
	if err := s.validate(); err != nil {
		return set, err
	}
	set.place, set.source = place, *s
	if set.settings, err = s.toChat(); err != nil {
		return set, err
	}
	if len(s.JournalRaw) == 0 {
		set.engine = new(journals.Pebble)
	} else {
		module, err := ctx.LoadModule(s, "JournalRaw")
		if err != nil {
			return set, fmt.Errorf("journal: %w", err)
		}
		engine, ok := module.(journals.Engine)
		if !ok {
			return set, fmt.Errorf("journal: module %T does not implement journals.Engine", module)
		}
		set.engine = engine
	}
	set.limits = set.engine.Limits()
	set.settings.Checks, err = s.loadChecks(ctx)
	return set, err
}

// loadChecks loads the modules of the options check.
func (s *HubSettings) loadChecks(ctx caddy.Context) (check.Chain, error) {
	if len(s.ChecksRaw) == 0 {
		return nil, nil
	}
	if err := values.CheckTwice("checks", s.ChecksRaw); err != nil {
		return nil, err
	}
	loaded, err := ctx.LoadModule(s, "ChecksRaw")
	if err != nil {
		return nil, fmt.Errorf("checks: %w", err)
	}
	return checks.Load(loaded.([]any))
}

// options returns how to read the options of a hub.
func (s *HubSettings) options(d *caddyfile.Dispenser) map[string]func() error {
	return values.EachChecked(d, func() error { return bounds.Check(s) }, map[string]func() error{
		"journal": func() (err error) { s.JournalRaw, err = journals.Parse(d); return err },
		"policy": func() error {
			return values.Checked(d, values.Append(d, parsePolicy, &s.Policies), func() error {
				_, err := toPolicies(s.Policies)
				return err
			})
		},
		"key": func() error {
			return values.Checked(d, values.Append(d, parseKey, &s.Keys), func() error { return checkKeys(s.Keys) })
		},
		"check": func() error {
			return values.Checked(d, checks.Parse(d, &s.ChecksRaw), func() error { return values.CheckTwice("check", s.ChecksRaw) })
		},
		"webhook": func() error {
			return values.Checked(d, values.Append(d, webhooks.Parse, &s.Webhooks), func() error { return webhooks.Check(s.Webhooks) })
		},
		"limits":                 func() error { return s.Limits.parse(d) },
		"max_message":            func() error { return values.Size(d, s, &s.MaxMessage) },
		"max_connections":        func() error { return values.Number(d, s, &s.MaxConnections) },
		"max_connections_per_ip": func() error { return values.Number(d, s, &s.MaxConnectionsPerIP) },
		"ping_interval":          func() error { return values.Duration(d, s, &s.PingInterval) },
	})
}
