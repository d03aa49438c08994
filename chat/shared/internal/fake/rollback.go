package fake

import (
	"bytes"
	"crypto/rand"
	"maps"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// Move has the store go on at another server, as by the promotion of a standby: with all that it has.
func (s *Store) Move() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moveLocked()
}

func (s *Store) moveLocked() {
	s.server++
	clear(s.nodes)
}

// SetLossless says whether all that is acknowledged is on each server that the store may move to.
func (s *Store) SetLossless(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lossless = is
}

// Backup is what a store had.
type Backup struct{ contents }

// Keys are those of the entries of a room.
func (b *Backup) Keys(room string) map[string]bool {
	keys := map[string]bool{}
	if r := b.rooms[room]; r != nil {
		for i := range r.entries {
			keys[r.entries[i].Key] = true
		}
	}
	return keys
}

// Backup returns what the store has.
func (s *Store) Backup() *Backup {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Backup{s.contents.clone()}
}

// RollBack puts a backup in the place of what the store has. If it moves, it is known that it is another server.
func (s *Store) RollBack(to *Backup, move bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contents = to.clone()
	if move {
		s.moveLocked()
	}
}

func (c *contents) clone() contents {
	n := *c
	for i := range n.parts {
		n.parts[i].rows = slices.Clone(n.parts[i].rows)
	}
	n.rooms = map[string]*room{}
	for name, r := range c.rooms {
		x := *r
		x.entries, x.claims, x.kept = slices.Clone(r.entries), maps.Clone(r.claims), maps.Clone(r.kept)
		n.rooms[name] = &x
	}
	n.records, n.changes = maps.Clone(c.records), slices.Clone(c.changes)
	return n
}

// lacks reports whether the store has not what a node has seen of a part.
func (s *Store) lacks(part int, seen shared.Seen) bool {
	p := &s.parts[part]
	if seen.Row == 0 || seen.Row <= p.gone {
		return false
	}
	return seen.Row > p.newest() || p.rows[seen.Row-p.gone-1].Nonce != seen.Nonce
}

func (s *Store) lacksAny(seen shared.Standing) bool {
	for i, row := range seen.Parts {
		if s.lacks(i, row) {
			return true
		}
	}
	return seen.Turn > s.turn || seen.Revision > s.revision
}

// refuses reports whether a batch is of another store.
func (s *Store) refuses(b *shared.Batch) bool {
	return s.server != s.usual || b.Epoch != s.epoch || s.lacks(b.Part, b.Seen)
}

// goOn is Continue of an Engine.
func (s *Store) goOn(was string, same bool, seen shared.Standing) {
	if s.epoch != was {
		return
	}
	s.usual = s.server
	if same && s.lossless && !s.lacksAny(seen) {
		return
	}
	old := s.epoch
	s.epoch, s.turn = rand.Text()[:8], max(s.turn, seen.Turn)+1
	for key, r := range s.records {
		r.Value = bytes.ReplaceAll(r.Value, []byte(old), []byte(s.epoch))
		s.records[key] = r
	}
}

// lastOf is the newest position of an entry of a part.
func (p *part) lastOf() journal.Position {
	n := len(p.rows)
	if n == 0 {
		return shared.LastOf(p.newest())
	}
	last := shared.LastOf(p.newest() - 1)
	for _, r := range p.rows[n-1].Ranges {
		last += journal.Position(r.Hi - r.Lo + 1)
	}
	return last
}
