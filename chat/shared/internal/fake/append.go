package fake

import (
	"bytes"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// commit records a batch. Each item is decided as of the moment before it.
func (s *Store) commit(b shared.Batch) shared.Committed {
	p := &s.parts[b.Part]
	c := shared.Committed{Outcomes: make([]shared.Outcome, len(b.Items))}
	byRoom, order := map[string][]int{}, []string(nil)
	for i, item := range b.Items {
		if s.decide(b, i, &c.Outcomes[i]) {
			if byRoom[item.Entry.Room] == nil {
				order = append(order, item.Entry.Room)
			}
			byRoom[item.Entry.Room] = append(byRoom[item.Entry.Room], i)
		} else if o := &c.Outcomes[i]; o.Result == shared.Recorded {
			c.Row = shared.RowOf(o.Receipt.Position) // the same batch again
		}
	}
	if len(order) == 0 {
		return c
	}
	c.Row = p.newest() + 1
	feed := row{shared.Row{Part: b.Part, Number: c.Row, Nonce: b.Nonce}, time.Now().UnixMilli()}
	position := shared.LastOf(c.Row - 1)
	for _, name := range order {
		r := s.room(name, b.Part)
		lo := r.now().seq + 1
		for _, i := range byRoom[name] {
			position++
			c.Outcomes[i].Receipt = s.record(r, b.Items[i], position, feed.at)
		}
		feed.Ranges = append(feed.Ranges, shared.Range{Room: name, Lo: lo, Hi: r.now().seq})
	}
	p.rows = append(p.rows, feed)
	for _, name := range order {
		for _, i := range byRoom[name] {
			s.rooms[name].effect(c.Outcomes[i].Receipt.Seq, b.Items[i].Entry)
			s.with(b.Items[i].Entry, c.Outcomes[i].Receipt)
		}
	}
	return c
}

// lastNumbers is how many numbers of a room are never given.
const lastNumbers = 1023

// decide reports whether an item is to be recorded. If not, it writes the answer.
func (s *Store) decide(b shared.Batch, i int, o *shared.Outcome) bool {
	e, claim := b.Items[i].Entry, b.Items[i].Claim
	r := s.rooms[e.Room]
	if r == nil {
		r = &room{first: 1}
	}
	if known := s.find(r, claim); known.Seq > 0 {
		o.Result, o.Receipt = shared.Known, known
		if s.isOf(b, known.Position) {
			o.Result, o.Receipt.Duplicate = shared.Recorded, false
		}
		return false
	}
	switch {
	case r.now().seq > journal.MaxSeq-lastNumbers:
		o.Result = shared.Full
	case e.Kind.Effect() == journal.Replace && r.target(e.Target) == nil:
		o.Result = shared.NoTarget
	case e.Since > 0 && r.now().state >= e.Since:
		o.Result = shared.Stale
	default:
		return true
	}
	return false
}

// isOf reports whether a batch has recorded a position.
func (s *Store) isOf(b shared.Batch, at journal.Position) bool {
	p := &s.parts[b.Part]
	n := shared.RowOf(at)
	return at > 0 && n > p.gone && p.rows[n-p.gone-1].Nonce == b.Nonce
}

func (s *Store) find(r *room, c shared.Claim) journal.Receipt {
	if seq, is := r.claims[c]; is {
		e := r.get(seq)
		return journal.Receipt{Epoch: s.life(r.born), Seq: seq, At: e.At, Count: e.Count, Position: e.Position, Duplicate: true}
	}
	if k, is := r.kept[c]; is {
		return journal.Receipt{Epoch: s.life(r.born), Seq: k.seq, At: k.at, Duplicate: true}
	}
	return journal.Receipt{}
}

// record gives an entry its number. What it does to others comes later.
func (s *Store) record(r *room, item shared.Item, at journal.Position, stamp int64) journal.Receipt {
	e := entry{*item.Entry, r.now(), item.Claim}
	e.With, e.Since, e.Origin, e.Epoch = nil, 0, journal.Origin{}, ""
	e.Body, e.Mentions = bytes.Clone(e.Body), slices.Clone(e.Mentions)
	w := &e.where
	w.seq, w.at, w.position, w.size = w.seq+1, max(w.at, stamp), at, w.size+sizeOf(&e)
	if e.Counts() {
		w.count++
	}
	if e.Kind.Governs() {
		w.state = w.seq
	}
	if e.Kind.Effect() == journal.Replace {
		e.Body = nil // it is at the target alone
	}
	e.Seq, e.At, e.Count, e.Position = w.seq, w.at, w.count, at
	r.entries = append(r.entries, e)
	r.claims[item.Claim] = e.Seq
	return journal.Receipt{Epoch: s.life(r.born), Seq: e.Seq, At: e.At, Count: e.Count, Position: at}
}

func sizeOf(e *entry) int64 { return int64(320 + len(e.Body)) }

// effect does what the entry seq does to its target.
func (r *room) effect(seq journal.Seq, e *journal.Entry) {
	t := r.target(e.Target)
	if e.Kind.Effect() == journal.NoEffect || t == nil || t.Seq >= seq {
		return
	}
	if e.Kind.Effect() == journal.Erase {
		t.Body, t.Text, t.Recalled = nil, false, true
		return
	}
	t.Body, t.Text, t.Edited = bytes.Clone(e.Body), e.Text, seq
	if t.Body == nil {
		t.Body = []byte{}
	}
}

// with writes the records of an entry.
func (s *Store) with(e *journal.Entry, r journal.Receipt) {
	for _, w := range e.With {
		if w.Value == nil {
			delete(s.records, w.Key)
			continue
		}
		s.records[w.Key] = journal.Record{Key: w.Key, Value: bytes.Clone(w.Value), Stamp: journal.Stamp{Seq: r.Seq, Count: r.Count, Position: r.Position}}
	}
}
