package journals

import (
	"context"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

func init() { caddy.RegisterModule(new(Memory)) }

// Memory keeps the rooms in memory only. They survive a reload of Caddy, but
// not its end.
type Memory struct {
	// How much is kept. Default: 1000 entries of each room, and 64 MiB in all. An
	// entry counts as its text and some 400 bytes. Bans and read marks count too.
	StorageLimits
}

// CaddyModule returns the Caddy module information.
func (*Memory) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.memory", New: func() caddy.Module { return new(Memory) }}
}

// Location implements Engine: it returns the name of the hub.
func (*Memory) Location(hub string) (string, error) { return hub, nil }

// Open implements Engine.
func (e *Memory) Open(_ context.Context, _ string, p Params) (journal.Journal, error) {
	return memjournal.New(memjournal.Options{Retention: p.Retention, MaxBytes: e.MaxSize, Logger: p.Logger}), nil
}

// Limits implements Engine.
func (e *Memory) Limits() StorageLimits {
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
func (e *Memory) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return e.StorageLimits.parse(d)
}

var (
	_ Engine                = (*Memory)(nil)
	_ caddyfile.Unmarshaler = (*Memory)(nil)
	_ caddy.Validator       = (*Memory)(nil)
)
