package fake

import (
	"bytes"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// ago is when something happened that has an age, in Unix milliseconds.
func ago(age time.Duration) int64 { return time.Now().Add(-age).UnixMilli() }

// letGo removes the oldest entries of a room.
func (s *Store) letGo(l shared.Limit, young int64) int {
	r := s.rooms[l.Room]
	if r == nil {
		return 0
	}
	h, n := r.now(), 0
	for i := range r.entries {
		e := &r.entries[i]
		if e.Seq < l.Below || l.Keep > 0 && e.Seq+journal.Seq(l.Keep) <= h.seq || l.Age > 0 && e.At < ago(l.Age) || l.Bytes > 0 && h.size-e.where.size+sizeOf(e) > l.Bytes {
			n = i + 1
		}
	}
	if n == 0 {
		return 0
	}
	for i := range r.entries[:n] {
		e := &r.entries[i]
		delete(r.claims, e.claim)
		if e.At >= young && e.Key != "" {
			r.kept[e.claim] = keptClaim{e.Seq, e.At}
		}
	}
	r.base = r.entries[n-1].where
	r.first, r.entries = r.base.seq+1, append([]entry(nil), r.entries[n:]...)
	return n
}

func (s *Store) forget(name string, stays bool) {
	r := s.rooms[name]
	switch {
	case r == nil:
	case !stays:
		delete(s.rooms, name)
		s.dropped = true
	default:
		r.base = r.now()
		r.first, r.entries = r.base.seq+1, nil
		r.claims, r.kept = map[shared.Claim]journal.Seq{}, map[shared.Claim]keptClaim{}
	}
}

// sweep removes claims, rows and changes from before some times.
func (s *Store) sweep(claims, rest int64) (n int) {
	for _, r := range s.rooms {
		for c, k := range r.kept {
			if k.at < claims {
				delete(r.kept, c)
				n++
			}
		}
	}
	for i := range s.parts {
		p := &s.parts[i]
		for len(p.rows) > 0 && p.rows[0].at < rest {
			p.gone, p.rows = p.rows[0].Number, p.rows[1:]
			n++
		}
	}
	for len(s.changes) > 0 && s.changes[0].at < rest {
		s.changes = s.changes[1:]
		n++
	}
	return n
}

// alive returns the nodes that have beaten within 10 seconds.
func (s *Store) alive() (list []journal.Node) {
	for _, b := range s.nodes {
		if time.Since(b.at) < 10*time.Second {
			list = append(list, b.node)
		}
	}
	return list
}

func (s *Store) redact(name string, list []shared.Redaction) (changed []journal.Seq) {
	r := s.rooms[name]
	if r == nil {
		return nil
	}
	for _, x := range list {
		e := r.get(x.Was.Seq)
		if e == nil {
			continue
		}
		was, now := r.shown(e), &x.Now
		if was.From != x.Was.From || !bytes.Equal(was.Body, x.Was.Body) || was.Recalled != x.Was.Recalled {
			changed = append(changed, x.Was.Seq)
			continue
		}
		e.From.Name, e.From.Avatar = now.From.Name, now.From.Avatar
		if e.Kind.Effect() != journal.Replace {
			e.Body = bytes.Clone(now.Body)
		}
	}
	return changed
}
