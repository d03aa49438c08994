package commit

import (
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
)

// Bound says whether records may grow. The zero Bound lets them.
type Bound struct {
	mu   sync.Mutex // guards the rest
	full error
	left int64 // how many bytes more there may be, if is is set
	is   bool
}

// Why returns why records must not grow, or nil.
func (b *Bound) Why() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.full
}

// Space returns by how many bytes records may grow, and whether that is bounded.
func (b *Bound) Space() (left int64, bounded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left, b.is
}

// Set sets what Why and Space return. It reports whether they may grow again, or no longer.
func (b *Bound) Set(full error, left int64) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed = (full == nil) != (b.full == nil)
	b.full, b.left, b.is = full, max(left, 0), true
	return changed
}

// Remove lets records grow.
func (b *Bound) Remove() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full, b.left, b.is = nil, 0, false
}

// BoundRecords says why records must not grow in the group, or nil.
func (g *Group) BoundRecords(full error) { g.full = full }

// CheckRecord returns why a record must not be set. What is vital, what is deleted and what
// does not grow always may.
func (g *Group) CheckRecord(key string, value []byte) error {
	if g.full == nil || value == nil || journal.IsVital(key) {
		return nil
	}
	old, err := g.LookUp(key)
	if err == nil && (old.Value == nil || len(value) > len(old.Value)) {
		return g.full
	}
	return err
}

// LookUp returns a record as it is with the group so far.
func (g *Group) LookUp(key string) (journal.Record, error) {
	if rec, ok := g.pending[key]; ok {
		return rec, nil
	}
	rec, err := rows.Record(g.store.DB, g.store.OldRecords, key)
	if rows.IsDamage(err) {
		return journal.Record{Key: key}, g.spare(err)
	}
	return rec, err
}
