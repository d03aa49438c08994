package journals

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

func init() { caddy.RegisterModule(new(Pebble)) }

// Pebble stores the rooms in a directory of this machine. A message is
// acknowledged once it is on disk: it survives a killed process and a power failure.
type Pebble struct {
	// The directory, which must contain nothing else. May contain placeholders like
	// `{env.HOME}`. It can't be changed while the hub runs. Default: `chat/<hub>` in
	// Caddy's data directory.
	Dir string `json:"dir,omitempty"`

	// How much is kept. Default: everything, up to 8 GiB in all.
	StorageLimits
}

// CaddyModule returns the Caddy module information.
func (*Pebble) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.pebble", New: func() caddy.Module { return new(Pebble) }}
}

// Location implements Engine: it returns the directory, by the name that it has without
// symbolic links.
func (e *Pebble) Location(hub string) (dir string, err error) {
	if e.Dir == "" {
		dir = filepath.Join(caddy.AppDataDir(), "chat", hub)
	} else if dir, err = values.Replaced(e.Dir); err != nil {
		return "", fmt.Errorf("journal: directory %q: %w", e.Dir, err)
	}
	dir, err = pebblejournal.RealPath(dir)
	if err != nil {
		return "", fmt.Errorf("journal: directory %q: %w", e.Dir, err)
	}
	return dir, nil
}

// Open implements Engine.
func (e *Pebble) Open(_ context.Context, dir string, p Params) (journal.Journal, error) {
	return pebblejournal.Open(pebblejournal.Options{
		Dir: dir, Retention: p.Retention, MaxBytes: e.MaxSize, Logger: p.Logger,
	})
}

// Check implements Checker.
func (*Pebble) Check(_ context.Context, dir string, _ Params) error { return pebblejournal.Check(dir) }

// UnmarshalCaddyfile reads the engine. Syntax:
//
//	pebble [<dir>] {
//	    retention <count|age|size...>
//	    max_size  <size>
//	}
func (e *Pebble) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		if e.Dir = d.Val(); e.Dir == "" {
			return d.Errf(values.Empty, "journal pebble")
		}
	}
	return e.StorageLimits.parse(d)
}

var (
	_ Checker               = (*Pebble)(nil)
	_ Engine                = (*Pebble)(nil)
	_ caddyfile.Unmarshaler = (*Pebble)(nil)
	_ caddy.Validator       = (*Pebble)(nil)
)
