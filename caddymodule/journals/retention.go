package journals

import (
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/journal"
)

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

// parse reads the block of an engine that has these limits and nothing else.
func (l *StorageLimits) parse(d *caddyfile.Dispenser) error {
	return values.Block(d, "journal", map[string]func() error{
		"retention": func() error { return ParseRetention(d, &l.Retention) },
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

// ToChat converts it to that of package journal.
func (r Retention) ToChat() journal.Retention {
	return journal.Retention{Count: r.Count, Age: time.Duration(r.Age), Bytes: r.Bytes}
}

// ParseRetention reads up to three values. The form of each tells whether it is a
// count, an age or a size.
func ParseRetention(d *caddyfile.Dispenser, to *Retention) error {
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
