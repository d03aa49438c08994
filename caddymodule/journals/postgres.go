package journals

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

func init() { caddy.RegisterModule(new(Postgres)) }

// Postgres stores the rooms in a PostgreSQL database, 15 or newer, which several servers may
// share: then they are one chat.
type Postgres struct {
	// The address: `postgres://user:password@host/database`. May contain placeholders like
	// `{env.CHAT_DSN}`. Required.
	DSN string `json:"dsn,omitempty"`

	// The schema, which must contain nothing else. It is made if the role may do so.
	// Default: `chat_` and the name of the hub.
	Schema string `json:"schema,omitempty"`

	// Where a message is durable before it is acknowledged: `standby`, on the synchronous
	// standbys that the server demands, too; or `primary`, on this server only.
	// Default: `standby`.
	Durability string `json:"durability,omitempty"`

	// The address at which other servers are heard, if DSN leads through a pooler that
	// knows no LISTEN. May contain placeholders. Default: DSN.
	Listen string `json:"listen,omitempty"`

	// How many parts a schema gets that is made now. More parts commit more at the same
	// time, over one connection each. It never changes. Default: 8.
	Parts int `json:"parts,omitempty" bounds:"1 64"`

	// How much is kept of each room that no policy has a retention for. Default:
	// everything.
	Retention Retention `json:"retention,omitzero"`

	// With what the journal was opened last, or is to be reached: what placeholders say may change, and
	// then counts from a reload on.
	access atomic.Pointer[pgjournal.Options]
}

// CaddyModule returns the Caddy module information.
func (*Postgres) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.postgres", New: func() caddy.Module { return new(Postgres) }}
}

// schemaName matches the names of schemas.
var schemaName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,62}$`)

func checkSchema(name string) error {
	if !schemaName.MatchString(name) || strings.HasPrefix(name, "pg_") {
		return fmt.Errorf("schema %q must have 1 to 63 letters, digits and -_. and not begin with a dot or pg_", name)
	}
	return nil
}

// Validate implements caddy.Validator.
func (e *Postgres) Validate() error {
	if err := bounds.Check(e); err != nil {
		return err
	}
	if e.DSN == "" {
		return errors.New("journal postgres needs dsn, the address of a database")
	}
	return e.readable()
}

// readable returns what is wrong as far as that can be seen before placeholders are replaced.
func (e *Postgres) readable() error {
	if e.Schema != "" {
		if err := checkSchema(e.Schema); err != nil {
			return err
		}
	}
	if d := e.Durability; d != "" && d != "standby" && d != "primary" {
		return fmt.Errorf("durability is standby or primary, not %q", d)
	}
	for _, dsn := range []string{e.DSN, e.Listen} {
		if dsn == "" || strings.Contains(dsn, "{") {
			continue
		}
		if err := pgjournal.CheckAddress(dsn); err != nil {
			return err
		}
	}
	return nil
}

// options returns what the database is opened with. Its error has no secret.
func (e *Postgres) options(hub string) (o pgjournal.Options, err error) {
	o = pgjournal.Options{Schema: cmp.Or(e.Schema, "chat_"+hub), Standby: e.Durability != "primary", Parts: e.Parts}
	if err := checkSchema(o.Schema); err != nil {
		return o, err
	}
	if o.DSN, err = values.Replaced(e.DSN); err == nil {
		o.Listen, err = values.Replaced(e.Listen)
	}
	return o, err
}

// schema says which version the schema has.
func (e *Postgres) schema(ctx context.Context, hub string) (pgjournal.Schema, error) {
	o, err := e.options(hub)
	if err != nil {
		return pgjournal.Schema{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	return pgjournal.Look(ctx, o)
}

// Location implements Engine: it returns the servers, the database and the schema.
func (e *Postgres) Location(hub string) (string, error) {
	o, err := e.options(hub)
	if err != nil {
		return "", fmt.Errorf("journal postgres: %w", err)
	}
	e.access.Store(&o)
	return pgjournal.Place(o), nil
}

// Fixed implements Fixed.
func (e *Postgres) Fixed() string {
	fixed := fmt.Sprintf("durability %s, parts %d", cmp.Or(e.Durability, "standby"), cmp.Or(e.Parts, pgjournal.UsualParts))
	if e.Listen != "" {
		// What cannot be replaced is refused by Location.
		dsn, _ := values.Replaced(e.Listen)
		fixed += ", listen " + pgjournal.Server(dsn)
	}
	return fixed
}

// openTime bounds an attempt to open the journal. Migrations are in it.
const openTime = time.Minute

// Open implements Engine.
func (e *Postgres) Open(ctx context.Context, _ string, p Params) (journal.Journal, error) {
	o, err := e.options(p.Hub)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	store, err := pgjournal.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, text := range store.Warnings() {
		p.Logger.Warn(text)
	}
	j, err := shared.Open(ctx, store, shared.Options{Retention: p.Retention, Logger: p.Logger})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	e.access.Store(&o)
	return opened{j, store}, nil
}

// opened is a journal with the store below it.
type opened struct {
	*shared.Journal
	store *pgjournal.Store
}

// IsNew implements Renewer.
func (e *Postgres) IsNew(j journal.Journal) bool {
	own, is := j.(opened)
	return is && !own.store.HasAddress(*e.access.Load())
}

// Renew implements Renewer.
func (e *Postgres) Renew(j journal.Journal) error {
	return j.(opened).store.SetAddress(*e.access.Load())
}

// Check implements Checker.
func (e *Postgres) Check(ctx context.Context, _ string, p Params) error {
	o, err := e.options(p.Hub)
	if err != nil {
		return err
	}
	return pgjournal.Check(ctx, o)
}

// Limits implements Engine.
func (e *Postgres) Limits() StorageLimits { return StorageLimits{Retention: e.Retention} }

// UnmarshalCaddyfile reads the engine. Syntax:
//
//	postgres <address> {
//	    schema     <name>
//	    durability standby|primary
//	    listen     <address>
//	    parts      <number>
//	    retention  <count|age|size...>
//	}
func (e *Postgres) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.NextArg() || d.Val() == "" {
		return d.Err("chat: journal postgres needs the address of a database, such as {env.CHAT_DSN} or postgres://chat@db.example.com/chat")
	}
	e.DSN = d.Val()
	if d.CountRemainingArgs() > 0 { // which may be a part of a password
		return d.Err("chat: journal postgres takes one address: put it in quotes if it has spaces")
	}
	if err := values.Checked(d, nil, e.readable); err != nil {
		return err
	}
	return values.Block(d, "journal", values.EachChecked(d, e.readable, map[string]func() error{
		"schema":     func() error { return values.String(d, &e.Schema) },
		"durability": func() error { return values.String(d, &e.Durability) },
		"listen":     func() error { return values.String(d, &e.Listen) },
		"parts":      func() error { return values.Number(d, e, &e.Parts) },
		"retention":  func() error { return ParseRetention(d, &e.Retention) },
	}))
}

var (
	_ Checker               = (*Postgres)(nil)
	_ Engine                = (*Postgres)(nil)
	_ Fixed                 = (*Postgres)(nil)
	_ Renewer               = (*Postgres)(nil)
	_ caddyfile.Unmarshaler = (*Postgres)(nil)
	_ caddy.Validator       = (*Postgres)(nil)
)
