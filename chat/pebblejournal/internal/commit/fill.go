package commit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/cockroachdb/pebble/v2"
)

// Batch completes the batch of the group and returns it. The caller closes it.
func (g *Group) Batch() *pebble.Batch {
	g.fill()
	return g.batch
}

// fill adds to the batch what the rooms have gained. It does so in the order of
// the keys: Pebble takes neighbouring keys much faster than scattered ones. Positions
// follow that order too, so that those of one room are neighbours.
func (g *Group) fill() {
	slices.SortFunc(g.joined, func(a, b *Room) int {
		return cmp.Or(len(a.name)-len(b.name), strings.Compare(a.name, b.name))
	})
	before := g.totals.Position
	for _, r := range g.joined {
		g.fillEntries(r)
	}
	if g.totals.Position > before {
		g.setFeed(before + 1)
	}
	for _, r := range g.joined {
		if r.stateChanged {
			g.setState(r)
		}
	}
	for _, r := range g.joined {
		for i := range r.added {
			if a := &r.added[i]; a.keyed {
				g.setKey(a)
			}
		}
	}
	for _, recorded := range g.Recorded {
		g.setWith(recorded.Entry)
	}
	if !g.batch.Empty() {
		g.setTotals()
	}
}

// fillEntries writes the entries that a room has gained or that have changed.
func (g *Group) fillEntries(r *Room) {
	for i := range r.added {
		a := &r.added[i]
		g.totals.Position++
		a.Entry.Position, a.Receipt.Position = g.totals.Position, g.totals.Position
		e := a.entry()
		e.Position = g.totals.Position
		g.setEntry(e, &a.meta)
		g.Recorded = append(g.Recorded, a.Recorded)
	}
	for _, c := range r.changed {
		g.setEntry(&c.Entry, &c.meta)
	}
	if len(r.added) > 0 {
		r.next.Position = g.totals.Position
	}
}

// setWith writes the records of an entry. Nobody gets them with the entry.
func (g *Group) setWith(e *journal.Entry) {
	for i := range e.With {
		g.setRecord(e.With[i].Key, e.With[i].Value, journal.Stamp{Seq: e.Seq, Count: e.Count, Position: e.Position})
	}
	e.With, e.Since = nil, 0
}

// setRecord writes a record, or deletes it if value is nil.
func (g *Group) setRecord(key string, value []byte, s journal.Stamp) {
	g.buffer = format.AppendRecordKey(g.buffer[:0], key)
	if value == nil {
		_ = g.batch.Delete(g.buffer, nil)
	} else {
		g.set(len(g.buffer), func(b []byte) []byte { return format.AppendRecord(b, value, s) })
	}
	if g.store.OldRecords {
		_ = g.batch.Delete(format.AppendOldRecordKey(nil, key), nil)
	}
}

func (g *Group) setEntry(e *journal.Entry, m *format.EntryMeta) {
	g.buffer = format.AppendEntryKey(g.buffer[:0], e.Room, e.Seq)
	g.set(len(g.buffer), func(b []byte) []byte { return format.AppendEntry(b, e, m) })
}

func (g *Group) setState(r *Room) {
	g.buffer = format.AppendRoomKey(g.buffer[:0], r.name)
	g.set(len(g.buffer), func(b []byte) []byte { return format.AppendState(b, &r.next) })
}

func (g *Group) setKey(a *addedEntry) {
	g.buffer = format.AppendIdemKey(g.buffer[:0], a.Entry.Room, a.hash)
	g.set(len(g.buffer), func(b []byte) []byte { return format.AppendIdem(b, a.Entry.Seq, a.Entry.At) })
}

// setFeed writes which entries the group has recorded.
func (g *Group) setFeed(first journal.Position) {
	runs := 0
	for _, r := range g.joined {
		if len(r.added) > 0 {
			runs++
		}
	}
	g.buffer = format.AppendFeedKey(g.buffer[:0], first)
	g.set(len(g.buffer), func(b []byte) []byte {
		b = format.AppendCommit(b, g.time, runs)
		for _, r := range g.joined {
			if n := len(r.added); n > 0 {
				b = format.AppendRun(b, r.name, r.added[0].Entry.Seq, n)
			}
		}
		return b
	})
	g.totals.FeedBytes += uint64(len(g.buffer))
}

func (g *Group) setTotals() {
	g.buffer = append(g.buffer[:0], totalsKey...)
	g.set(len(g.buffer), func(b []byte) []byte { return format.AppendTotals(b, &g.totals) })
}
