package caddymodule

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

func init() {
	caddy.RegisterModule(new(PebbleEngine))
	caddy.RegisterModule(new(MemoryEngine))
}

// Engine is a kind of journal and its settings: what a module in the namespace
// chat.journals has to be. Its methods are called after Provision. In a
// Caddyfile its UnmarshalCaddyfile gets the option `journal` from the engine's
// name on.
type Engine interface {
	// Place names what the journal of a hub stands on. A hub keeps its journal
	// over reloads as long as its place is the same, and refuses a configuration
	// with another one. It must not touch the place: the configuration may only
	// be looked at.
	Place(hub string) (string, error)

	// Open opens the journal at a place that Place returned. Its error says what
	// to do.
	Open(place string, params JournalParams) (chat.Journal, error)

	// Keeps returns what may change while the journal is open. Those of the
	// configuration in force count.
	Keeps() Keep
}

// JournalParams is what a journal gets of its hub.
type JournalParams struct {
	Hub string
	// Retention says how much of a room is to be kept, by the configuration in
	// force. It is quick and takes no locks.
	Retention func(room string) chat.Retention
	Logger    *zap.Logger
}

// Keep is how much a journal keeps. A journal whose MaxSize can change while it
// is open has a method SetMaxBytes(int64), which is called for every
// configuration that comes into force.
type Keep struct {
	// What is kept of each room, where no policy says otherwise.
	Retention Retention `json:"retention,omitzero"`

	// How many bytes are kept of all rooms together. The oldest go first.
	MaxSize int64 `json:"max_size,omitempty"`
}

// Retention is how much is kept of a room. What exceeds one of its bounds goes,
// the oldest first.
type Retention struct {
	// How many entries.
	Count int `json:"count,omitempty"`
	// How old they may be.
	Age caddy.Duration `json:"age,omitempty"`
	// How many bytes their texts may have, each counted with 64 bytes more.
	Bytes int64 `json:"bytes,omitempty"`
}

func (r Retention) chat() chat.Retention {
	return chat.Retention{Count: r.Count, Age: time.Duration(r.Age), Bytes: r.Bytes}
}

// Keeps implements Engine.
func (k Keep) Keeps() Keep { return k }

// Validate implements caddy.Validator.
func (k Keep) Validate() error {
	if k.MaxSize < 0 || k.Retention.Count < 0 || k.Retention.Age < 0 || k.Retention.Bytes < 0 {
		return fmt.Errorf("journal: retention and max_size must not be negative")
	}
	return nil
}

// PebbleEngine keeps the rooms in a directory of this machine. A message is
// acknowledged once it is on disk: neither a killed process nor a machine that
// loses its power takes it back.
type PebbleEngine struct {
	// The directory, which belongs to this journal alone. May contain
	// placeholders like `{env.HOME}`. Can't be changed while the hub runs.
	// Default: `chat/<hub>` in Caddy's data directory.
	Dir string `json:"dir,omitempty"`

	// How much is kept. By default that is everything, up to 8 GiB in all.
	Keep
}

// CaddyModule returns the Caddy module information.
func (*PebbleEngine) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.pebble", New: func() caddy.Module { return new(PebbleEngine) }}
}

// Place implements Engine: it is the directory.
func (e *PebbleEngine) Place(hub string) (string, error) {
	if e.Dir == "" {
		return filepath.Join(caddy.AppDataDir(), "chat", hub), nil
	}
	dir, err := caddy.NewReplacer().ReplaceOrErr(e.Dir, true, true)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return "", fmt.Errorf("journal: directory %q: %w", e.Dir, err)
	}
	return dir, nil
}

// Open implements Engine.
func (e *PebbleEngine) Open(dir string, p JournalParams) (chat.Journal, error) {
	return pebblejournal.Open(pebblejournal.Options{
		Dir: dir, Retention: p.Retention, MaxBytes: e.MaxSize, Logger: p.Logger,
	})
}

// UnmarshalCaddyfile reads the engine. Syntax:
//
//	pebble [<dir>] {
//	    retention <count|age|size...>
//	    max_size  <size>
//	}
func (e *PebbleEngine) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		e.Dir = d.Val()
	}
	return e.Keep.unmarshal(d)
}

// MemoryEngine keeps the rooms in memory alone. What was said is lost when Caddy
// ends, though not when it reloads.
type MemoryEngine struct {
	// How much is kept. By default that is 1000 entries of a room, and 64 MiB in
	// all, where an entry counts for some 160 bytes beside its text.
	Keep
}

// CaddyModule returns the Caddy module information.
func (*MemoryEngine) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.memory", New: func() caddy.Module { return new(MemoryEngine) }}
}

// Place implements Engine: there is but one memory.
func (*MemoryEngine) Place(string) (string, error) { return "memory", nil }

// Open implements Engine.
func (e *MemoryEngine) Open(_ string, p JournalParams) (chat.Journal, error) {
	return chat.NewMemoryJournal(chat.MemoryOptions{Retention: p.Retention, MaxBytes: e.MaxSize}), nil
}

// Keeps implements Engine.
func (e *MemoryEngine) Keeps() Keep {
	k := e.Keep
	if k.Retention == (Retention{}) {
		k.Retention.Count = 1000
	}
	return k
}

// UnmarshalCaddyfile reads the engine. Syntax:
//
//	memory {
//	    retention <count|age|size...>
//	    max_size  <size>
//	}
func (e *MemoryEngine) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return e.Keep.unmarshal(d)
}

// parseJournal reads the option journal with the module that its first argument
// names.
func (h *Handler) parseJournal(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Err("chat: journal needs an engine, such as pebble or memory")
	}
	engine := d.Val()
	if _, err := caddy.GetModule("chat.journals." + engine); err != nil {
		return d.Errf("chat: unknown journal %q", engine)
	}
	module, err := caddyfile.UnmarshalModule(d, "chat.journals."+engine)
	if err != nil {
		return err
	}
	h.JournalRaw = caddyconfig.JSONModuleObject(module, "engine", engine, nil)
	return nil
}

// unmarshal reads the block that all engines have.
func (k *Keep) unmarshal(d *caddyfile.Dispenser) error {
	return parseBlock(d, "journal", map[string]func() error{
		"retention": func() error { return parseRetention(d, &k.Retention) },
		"max_size":  func() error { return parseLargeSize(d, &k.MaxSize) },
	})
}

func parseLargeSize(d *caddyfile.Dispenser, to *int64) error {
	option := d.Val()
	value, err := one(d)
	if err != nil {
		return err
	}
	n, err := humanize.ParseBytes(value)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return d.Errf("chat: %s %q is not a size above 0, such as 10GiB", option, value)
	}
	*to = int64(n)
	return nil
}

// parseRetention reads up to three values, of which each says by its form what
// it bounds: a count, an age or a size.
func parseRetention(d *caddyfile.Dispenser, to *Retention) error {
	values := d.RemainingArgs()
	if len(values) == 0 {
		return d.Err("chat: retention needs a value, such as 1000, 90d or 10MiB")
	}
	for _, value := range values {
		if n, err := strconv.Atoi(value); err == nil && n > 0 && to.Count == 0 {
			to.Count = n
		} else if age, err := caddy.ParseDuration(value); err == nil && age > 0 && to.Age == 0 {
			to.Age = caddy.Duration(age)
		} else if size, err := humanize.ParseBytes(value); err == nil && size > 0 && size <= math.MaxInt64 && n == 0 && age == 0 && to.Bytes == 0 {
			to.Bytes = int64(size)
		} else {
			return d.Errf("chat: retention: %q is not one count, age or size above 0, such as 1000, 90d or 10MiB", value)
		}
	}
	return noBlock(d, "retention")
}

var (
	_ Engine                = (*PebbleEngine)(nil)
	_ Engine                = (*MemoryEngine)(nil)
	_ caddyfile.Unmarshaler = (*PebbleEngine)(nil)
	_ caddyfile.Unmarshaler = (*MemoryEngine)(nil)
	_ caddy.Validator       = (*PebbleEngine)(nil)
	_ caddy.Validator       = (*MemoryEngine)(nil)
)
