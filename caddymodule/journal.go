package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

func init() {
	caddy.RegisterModule(new(PebbleEngine))
	caddy.RegisterModule(new(MemoryEngine))
}

// Engine is a kind of journal with its settings. Every module in the namespace
// chat.journals must implement it. Its methods are called after Provision. In a
// Caddyfile its UnmarshalCaddyfile is given the option journal, from the name of the
// engine on.
type Engine interface {
	// Location identifies where the journal of a hub is stored. Two hubs can't have
	// the same one. While a hub is open, a configuration with another location is
	// refused. Location must not create or open anything: the configuration may only
	// be validated.
	Location(hub string) (string, error)

	// Open opens the journal at a location that Location returned. Its error tells
	// the operator what is wrong and what to do. Then the chat is closed, and Open is
	// called again every few seconds. If ctx ends, nobody waits for the result any
	// more: Open should return, and a journal that it returns is closed.
	Open(ctx context.Context, location string, params JournalParams) (journal.Journal, error)

	// Limits returns the settings that may change while the journal is open. Those
	// of the newest configuration apply.
	Limits() StorageLimits
}

// Checker is implemented by an engine that can look at a journal without opening or
// changing anything, while it may be in use.
type Checker interface {
	// Check returns why the journal at a location that Location returned could not be
	// opened now, as far as it can see that. The error tells the operator what to do.
	Check(location string) error
}

// JournalParams is what a hub passes to the journal that it opens.
type JournalParams struct {
	Hub string
	// Retention returns how much of a room is kept, according to the newest
	// configuration. It is fast and takes no locks.
	Retention func(room string) journal.Retention
	Logger    *zap.Logger
}

// StorageLimits is how much a journal stores. A journal whose MaxSize can change
// while it is open has a method SetMaxBytes(int64), which is called for every new
// configuration.
type StorageLimits struct {
	// How much is kept of each room that no policy has a retention for.
	Retention Retention `json:"retention,omitzero"`

	// How many bytes are kept of all rooms together. The oldest entries are deleted
	// first.
	MaxSize int64 `json:"max_size,omitempty" bounds:"1MiB 8PiB"`
}

// Limits implements Engine.
func (l StorageLimits) Limits() StorageLimits { return l }

// Validate implements caddy.Validator.
func (l StorageLimits) Validate() error { return bounds.Check(l) }

// parse reads the block that all engines have.
func (l *StorageLimits) parse(d *caddyfile.Dispenser) error {
	return values.Block(d, "journal", map[string]func() error{
		"retention": func() error { return parseRetention(d, &l.Retention) },
		"max_size":  func() error { return values.JournalSize(d, &l.MaxSize) },
	})
}

// Retention is how much is kept of a room. Entries beyond any of its limits are
// deleted, the oldest first.
type Retention struct {
	// The number of entries.
	Count int `json:"count,omitempty"`
	// The age of the oldest entry.
	Age caddy.Duration `json:"age,omitempty"`
	// The bytes of all entries: their texts, and 64 more for each.
	Bytes int64 `json:"bytes,omitempty" bounds:"1B 8PiB"`
}

func (r Retention) toChat() journal.Retention {
	return journal.Retention{Count: r.Count, Age: time.Duration(r.Age), Bytes: r.Bytes}
}

// parseRetention reads up to three values. The form of each tells whether it is a
// count, an age or a size.
func parseRetention(d *caddyfile.Dispenser, to *Retention) error {
	texts := d.RemainingArgs()
	if len(texts) == 0 {
		return d.Err("chat: retention needs a value, such as 1000, 90d or 10MiB")
	}
	for _, value := range texts {
		count, notCount := strconv.Atoi(value)
		age, notAge := caddy.ParseDuration(value)
		size, isSize := values.Bytes(value)
		switch {
		case notCount == nil && bounds.Within(count) && to.Count == 0:
			to.Count = count
		case notAge == nil && bounds.Within(caddy.Duration(age)) && to.Age == 0:
			to.Age = caddy.Duration(age)
		case notCount != nil && notAge != nil && isSize && bounds.Disk.Has(size) && to.Bytes == 0:
			to.Bytes = size
		default:
			return d.Errf("chat: retention: %q does not fit: it takes one count %s, one age %s and one size %s at most, such as 10000 90d 100MiB",
				value, bounds.Of[int](), bounds.Of[caddy.Duration](), bounds.Disk)
		}
	}
	return values.NoBlock(d, "retention")
}

// PebbleEngine stores the rooms in a directory of this machine. A message is
// acknowledged once it is on disk: it survives a killed process and a power failure.
type PebbleEngine struct {
	// The directory, which must contain nothing else. May contain placeholders like
	// `{env.HOME}`. It can't be changed while the hub runs. Default: `chat/<hub>` in
	// Caddy's data directory.
	Dir string `json:"dir,omitempty"`

	// How much is kept. Default: everything, up to 8 GiB in all.
	StorageLimits
}

// CaddyModule returns the Caddy module information.
func (*PebbleEngine) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.pebble", New: func() caddy.Module { return new(PebbleEngine) }}
}

// Location implements Engine: it returns the directory.
func (e *PebbleEngine) Location(hub string) (string, error) {
	if e.Dir == "" {
		return filepath.Join(caddy.AppDataDir(), "chat", hub), nil
	}
	dir, err := values.Replaced(e.Dir)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return "", fmt.Errorf("journal: directory %q: %w", e.Dir, err)
	}
	return dir, nil
}

// Open implements Engine.
func (e *PebbleEngine) Open(_ context.Context, dir string, p JournalParams) (journal.Journal, error) {
	return pebblejournal.Open(pebblejournal.Options{
		Dir: dir, Retention: p.Retention, MaxBytes: e.MaxSize, Logger: p.Logger,
	})
}

// Check implements Checker.
func (e *PebbleEngine) Check(dir string) error { return pebblejournal.Check(dir) }

// UnmarshalCaddyfile reads the engine. Syntax:
//
//	pebble [<dir>] {
//	    retention <count|age|size...>
//	    max_size  <size>
//	}
func (e *PebbleEngine) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		if e.Dir = d.Val(); e.Dir == "" {
			return d.Errf(values.Empty, "journal pebble")
		}
	}
	return e.StorageLimits.parse(d)
}

// MemoryEngine keeps the rooms in memory only. They survive a reload of Caddy, but
// not its end.
type MemoryEngine struct {
	// How much is kept. Default: 1000 entries of each room, and 64 MiB in all. An
	// entry counts as its text and some 400 bytes. Bans and read marks count too.
	StorageLimits
}

// CaddyModule returns the Caddy module information.
func (*MemoryEngine) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.memory", New: func() caddy.Module { return new(MemoryEngine) }}
}

// Location implements Engine: it returns the name of the hub.
func (*MemoryEngine) Location(hub string) (string, error) { return hub, nil }

// Open implements Engine.
func (e *MemoryEngine) Open(_ context.Context, _ string, p JournalParams) (journal.Journal, error) {
	return memjournal.New(memjournal.Options{Retention: p.Retention, MaxBytes: e.MaxSize, Logger: p.Logger}), nil
}

// Limits implements Engine.
func (e *MemoryEngine) Limits() StorageLimits {
	l := e.StorageLimits
	if l.Retention == (Retention{}) {
		l.Retention.Count = 1000
	}
	return l
}

// UnmarshalCaddyfile reads the engine. Syntax:
//
//	memory {
//	    retention <count|age|size...>
//	    max_size  <size>
//	}
func (e *MemoryEngine) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return e.StorageLimits.parse(d)
}

// parseJournal reads the option journal. Its first argument names an engine, whose
// module reads the rest. It returns the JSON of the engine.
func parseJournal(d *caddyfile.Dispenser) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, d.Err("chat: journal needs an engine, such as pebble or memory")
	}
	engine := d.Val()
	if err := values.CheckModule(d, "journal", "chat.journals", engine); err != nil {
		return nil, err
	}
	module, err := caddyfile.UnmarshalModule(d, "chat.journals."+engine)
	if err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(module, "engine", engine, nil), nil
}

var (
	_ Checker               = (*PebbleEngine)(nil)
	_ Engine                = (*PebbleEngine)(nil)
	_ Engine                = (*MemoryEngine)(nil)
	_ caddyfile.Unmarshaler = (*PebbleEngine)(nil)
	_ caddyfile.Unmarshaler = (*MemoryEngine)(nil)
	_ caddy.Validator       = (*PebbleEngine)(nil)
	_ caddy.Validator       = (*MemoryEngine)(nil)
)
