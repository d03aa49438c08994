package fake

import (
	"bytes"
	"crypto/rand"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// restore records entries as they are, unless something was appended since.
func (s *Store) restore(b shared.Restored) (c shared.Committed) {
	name := b.Items[0].Entry.Room
	r := s.room(name, b.Part)
	if r.now().seq != b.After {
		return c
	}
	p := &s.parts[b.Part]
	c.Row = p.newest() + 1
	if b.After == 0 {
		r.first = b.Items[0].Entry.Seq
		r.base.seq, r.base.count = r.first-1, b.Before
	}
	position := shared.LastOf(c.Row - 1)
	for i, item := range b.Items {
		position++
		claim := item.Claim
		if s.find(r, claim).Seq > 0 {
			_, _ = rand.Read(claim[:])
		}
		e := entry{*item.Entry, r.now(), claim}
		e.Body = bytes.Clone(e.Body)
		e.Position = position
		e.where = where{seq: e.Seq, state: b.States[i], at: e.At, count: e.Count, size: r.now().size + sizeOf(&e), position: position}
		if e.Kind.Effect() == journal.Replace {
			e.Body = nil
		}
		r.entries = append(r.entries, e)
		r.claims[claim] = e.Seq
		c.Outcomes = append(c.Outcomes, shared.Outcome{Receipt: journal.Receipt{Epoch: s.life(r.born), Seq: e.Seq, At: e.At, Count: e.Count, Position: position}})
	}
	p.rows = append(p.rows, row{shared.Row{Part: b.Part, Number: c.Row, Nonce: b.Nonce, Ranges: []shared.Range{
		{Room: name, Lo: b.Items[0].Entry.Seq, Hi: r.now().seq},
	}}, time.Now().UnixMilli()})
	for i, item := range b.Items {
		if !b.Moot[i] {
			r.effect(item.Entry.Seq, item.Entry)
		}
	}
	return c
}

func (s *Store) restoreRecords(list []journal.Record) (n int) {
	for _, r := range list {
		if old, is := s.records[r.Key]; is && old.Stamp.Seq >= r.Stamp.Seq {
			continue
		}
		r.Value, r.Stamp.Position = bytes.Clone(r.Value), 0
		s.records[r.Key] = r
		n++
	}
	return n
}

// swap changes records that have the value that was read.
func (s *Store) swap(changes []shared.Change) []shared.Swapped {
	out := make([]shared.Swapped, len(changes))
	for i, c := range changes {
		old, is := s.records[c.Key]
		if !c.Blind && (is != (c.Old != nil) || !bytes.Equal(old.Value, c.Old)) {
			out[i].Now = bytes.Clone(old.Value)
			continue
		}
		s.revision++
		out[i].Revision = s.revision
		r := journal.Record{Key: c.Key, Value: bytes.Clone(c.New)}
		if !c.Blind {
			r.Stamp.Position = journal.Position(s.revision)
		}
		if s.records[c.Key] = r; c.New == nil {
			delete(s.records, c.Key)
		}
		s.changes = append(s.changes, change{shared.Changed{Revision: s.revision, Record: r}, time.Now().UnixMilli()})
	}
	return out
}

func (s *Store) succeed(epoch string, dropped bool, above uint64) (empty bool) {
	for _, r := range s.rooms {
		if r.now().seq > 0 {
			return false
		}
	}
	if len(s.records) > 0 || s.revision > 0 {
		return false
	}
	for i := range s.parts {
		p := &s.parts[i]
		if len(p.rows) > 0 {
			return false
		}
		p.gone = max(p.gone, above)
	}
	clear(s.rooms)
	s.epoch, s.dropped = epoch, dropped
	s.turn++
	return true
}

func (s *Store) restoreHead(h shared.RestoredHead) journal.Position {
	r := s.room(h.Room, h.Part)
	if r.now().seq > 0 {
		return r.born
	}
	r.born, r.first = h.Born, h.First
	r.base = where{seq: h.First - 1, state: h.State, at: h.At, count: h.Count}
	return r.born
}

func (s *Store) forgetFeed() {
	for i := range s.parts {
		s.parts[i].gone, s.parts[i].rows = s.parts[i].newest(), nil
	}
}
