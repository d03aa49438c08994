package fake

import (
	"bytes"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// shown returns an entry as readers get it: who replaced a body has it at the target.
func (r *room) shown(e *entry) journal.Entry {
	x := e.Entry
	if x.Kind.Effect() == journal.Replace {
		x.Body, x.Text = nil, false
		if t := r.target(x.Target); t != nil {
			x.Body, x.Text = t.Body, t.Text
		}
	}
	x.Body = bytes.Clone(x.Body)
	return x
}

// head returns the head of a room, which may be nil.
func (s *Store) head(r *room, part int) journal.Head {
	if r == nil {
		return journal.Head{Epoch: s.life(s.bornNow(part)), First: 1}
	}
	w := r.now()
	h := journal.Head{Epoch: s.life(r.born), First: r.first, Last: w.seq, At: w.at, Position: w.position, Count: w.count, Dropped: r.base.count, State: w.state}
	for i := len(r.entries) - 1; i >= 0 && h.Newest.Seq == 0; i-- {
		if r.entries[i].Counts() {
			h.Newest = r.shown(&r.entries[i])
		}
	}
	return h
}

// page returns a page, and what its entries count for.
func (s *Store) page(q shared.PageQuery) (p journal.Page, size int) {
	r := s.rooms[q.Room]
	h := s.head(r, q.Part)
	p = journal.Page{Epoch: h.Epoch, First: h.First, Last: h.Last, Count: h.Count, Dropped: h.Dropped}
	next, step := max(q.After, p.First-1)+1, 1
	if q.After >= p.Last {
		next = p.Last + 1
	}
	if q.Backward {
		next, step = p.Last, -1
		if q.Before > 0 {
			next = min(next, q.Before-1)
		}
	}
	for ; next >= p.First && next <= p.Last; next += journal.Seq(step) {
		e := r.shown(r.get(next))
		if len(p.Entries) >= q.Limit || q.Bytes > 0 && len(p.Entries) > 0 && size+e.Size() > q.Bytes {
			p.More = true
			break
		}
		p.Entries, size = append(p.Entries, e), size+e.Size()
	}
	if q.Backward {
		slices.Reverse(p.Entries)
	}
	return p, size
}

func (s *Store) pages(queries []shared.PageQuery, bytes int) []journal.Page {
	pages := make([]journal.Page, len(queries))
	left := bytes
	for i, q := range queries {
		switch {
		case bytes <= 0:
		case left <= 0:
			q.Limit = 0
		case q.Bytes <= 0 || q.Bytes > left:
			q.Bytes = left
		}
		size := 0
		pages[i], size = s.page(q)
		left -= size
	}
	return pages
}

func (s *Store) entries(ranges []shared.Range, bytes int) (list []journal.Entry, all bool) {
	for _, g := range ranges {
		r := s.rooms[g.Room]
		if r == nil {
			continue
		}
		for seq := max(g.Lo, r.first); seq <= g.Hi; seq++ {
			kept := r.get(seq)
			if kept == nil {
				break
			}
			e := r.shown(kept)
			if bytes -= e.Size(); bytes < 0 && len(list) > 0 {
				return list, false
			}
			e.Epoch = s.life(r.born)
			list = append(list, e)
		}
	}
	return list, true
}

func (s *Store) marks(seen shared.Standing) shared.Marks {
	m := shared.Marks{Epoch: s.epoch, Turn: s.turn, Revision: s.revision, Now: time.Now().UnixMilli(), Lacks: s.lacksAny(seen), Moved: s.server != s.usual, Lossless: s.lossless}
	for i := range s.parts {
		p := &s.parts[i]
		mark := shared.Mark{Row: p.newest(), Last: p.lastOf(), Gone: p.gone}
		if n := len(p.rows); n > 0 {
			mark.Nonce = p.rows[n-1].Nonce
		}
		m.Parts = append(m.Parts, mark)
	}
	return m
}

func (s *Store) rows(after []uint64, limit int) (list []shared.Row) {
	for i := range s.parts {
		p := &s.parts[i]
		n := 0
		for _, r := range p.rows {
			if r.Number > after[i] && n < limit {
				list = append(list, r.Row)
				n++
			}
		}
	}
	return list
}
