package memjournal

import (
	"iter"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// records are the records of a store, in the order of their keys. They are in pieces of
// bounded length, so that adding one moves few others. store.mu guards them. A value
// that was set is never changed.
type records struct {
	pieces   []recordPiece // none is empty
	bytes    int64
	updates  journal.Position // the stamp of the newest Update
	watchers []*watching      // replaced, never changed
}

type recordPiece struct {
	list    []journal.Record
	scanned bool // a scan may have list: it is never changed, but replaced
}

const pieceLen = 256

// watching is somebody who watches the keys that begin with prefix, which is fixed.
type watching struct {
	outlet[journal.Record]
	prefix string
}

// cost is what a record counts for where bytes are bounded: its texts, and what it
// takes beside them.
func cost(r *journal.Record) int64 { return 160 + int64(len(r.Key)+len(r.Value)) }

// find returns the piece that key is in, or belongs to, and its place there.
func (rs *records) find(key string) (piece, at int, found bool) {
	piece, found = slices.BinarySearchFunc(rs.pieces, key, func(p recordPiece, key string) int {
		return strings.Compare(p.list[0].Key, key)
	})
	if found || piece == 0 {
		return piece, 0, found
	}
	piece--
	at, found = slices.BinarySearchFunc(rs.pieces[piece].list, key, func(r journal.Record, key string) int {
		return strings.Compare(r.Key, key)
	})
	return piece, at, found
}

// get returns a record, with a nil Value if there is none.
func (rs *records) get(key string) journal.Record {
	if piece, at, found := rs.find(key); found {
		return rs.pieces[piece].list[at]
	}
	return journal.Record{Key: key}
}

// growth is what bytes grows by if r is set.
func (rs *records) growth(r *journal.Record) (n int64) {
	if old := rs.get(r.Key); old.Value != nil {
		n -= cost(&old)
	}
	if r.Value != nil {
		n += cost(r)
	}
	return n
}

// set sets or deletes a record and queues the change for those who watch it. It returns
// due, and who must be drained.
func (rs *records) set(r journal.Record, due []drainer) []drainer {
	rs.bytes += rs.growth(&r)
	piece, at, found := rs.find(r.Key)
	switch {
	case found && r.Value != nil:
		rs.own(piece).list[at] = r
	case found:
		rs.remove(piece, at)
	case r.Value != nil:
		rs.insert(piece, at, r)
	}
	for _, w := range rs.watchers {
		if strings.HasPrefix(r.Key, w.prefix) && w.box.Put(r) {
			due = append(due, w)
		}
	}
	return due
}

// own returns a piece whose list may be changed.
func (rs *records) own(at int) *recordPiece {
	p := &rs.pieces[at]
	if p.scanned {
		*p = recordPiece{list: slices.Clone(p.list)}
	}
	return p
}

func (rs *records) insert(at, index int, r journal.Record) {
	if len(rs.pieces) == 0 {
		rs.pieces = []recordPiece{{}}
	}
	p := rs.own(at)
	if p.list = slices.Insert(p.list, index, r); len(p.list) > pieceLen {
		half := len(p.list) / 2
		behind := recordPiece{list: slices.Clone(p.list[half:])}
		p.list = slices.Clone(p.list[:half])
		rs.pieces = slices.Insert(rs.pieces, at+1, behind)
	}
}

func (rs *records) remove(at, index int) {
	p := rs.own(at)
	p.list = slices.Delete(p.list, index, index+1)
	if cap(p.list) > 2*len(p.list)+8 {
		p.list = slices.Clone(p.list)
	}
	if len(p.list) == 0 {
		rs.pieces = slices.Delete(rs.pieces, at, at+1)
		return
	}
	rs.join(at)
	rs.join(at - 1)
}

// join joins a piece and the next one, if both are there and small.
func (rs *records) join(at int) {
	if at < 0 || at+1 >= len(rs.pieces) || len(rs.pieces[at].list)+len(rs.pieces[at+1].list) > pieceLen/2 {
		return
	}
	p := rs.own(at)
	p.list = append(p.list, rs.pieces[at+1].list...)
	rs.pieces = slices.Delete(rs.pieces, at+1, at+2)
}

// scan returns the records whose keys begin with prefix, as they are now: they may be ranged over
// without the mutex. It copies none: there may be many, and their reader may want only the first.
func (rs *records) scan(prefix string) iter.Seq[journal.Record] {
	var parts [][]journal.Record
	at, from, _ := rs.find(prefix)
	for ; at < len(rs.pieces); at, from = at+1, 0 {
		p := &rs.pieces[at]
		part := p.list[from:]
		end, _ := slices.BinarySearchFunc(part, prefix, func(r journal.Record, prefix string) int {
			if strings.HasPrefix(r.Key, prefix) {
				return -1
			}
			return strings.Compare(r.Key, prefix)
		})
		if end > 0 {
			p.scanned = true
			parts = append(parts, part[:end:end])
		}
		if end < len(part) {
			break
		}
	}
	return func(yield func(journal.Record) bool) {
		for _, part := range parts {
			for _, r := range part {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// watch adds somebody, who gets what there is before any later change. If it returns
// true, w must be drained.
func (rs *records) watch(w *watching) (idle bool) {
	for r := range rs.scan(w.prefix) {
		idle = w.box.Put(r) || idle
	}
	rs.watchers = append(slices.Clip(rs.watchers), w)
	return idle
}

func (rs *records) unwatch(w *watching) { rs.watchers = without(rs.watchers, w) }
