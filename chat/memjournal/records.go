package memjournal

import (
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// records are the records of a store, in the order of their keys. They are in pieces of
// bounded length, so that adding one moves few others. store.mu guards them. A value
// that was set is never changed.
type records struct {
	pieces   [][]journal.Record // none is empty
	bytes    int64
	updates  journal.Position // the stamp of the newest Update
	watchers []*watching      // replaced, never changed
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
	piece, found = slices.BinarySearchFunc(rs.pieces, key, func(p []journal.Record, key string) int {
		return strings.Compare(p[0].Key, key)
	})
	if found || piece == 0 {
		return piece, 0, found
	}
	piece--
	at, found = slices.BinarySearchFunc(rs.pieces[piece], key, func(r journal.Record, key string) int {
		return strings.Compare(r.Key, key)
	})
	return piece, at, found
}

// get returns a record, with a nil Value if there is none.
func (rs *records) get(key string) journal.Record {
	if piece, at, found := rs.find(key); found {
		return rs.pieces[piece][at]
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
		rs.pieces[piece][at] = r
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

func (rs *records) insert(piece, at int, r journal.Record) {
	if len(rs.pieces) == 0 {
		rs.pieces = [][]journal.Record{nil}
	}
	p := slices.Insert(rs.pieces[piece], at, r)
	if rs.pieces[piece] = p; len(p) > pieceLen {
		half := len(p) / 2
		rs.pieces[piece] = slices.Clone(p[:half])
		rs.pieces = slices.Insert(rs.pieces, piece+1, slices.Clone(p[half:]))
	}
}

func (rs *records) remove(piece, at int) {
	p := slices.Delete(rs.pieces[piece], at, at+1)
	if cap(p) > 2*len(p)+8 {
		p = slices.Clone(p)
	}
	if rs.pieces[piece] = p; len(p) == 0 {
		rs.pieces = slices.Delete(rs.pieces, piece, piece+1)
		return
	}
	rs.join(piece)
	rs.join(piece - 1)
}

// join joins a piece and the next one, if both are there and small.
func (rs *records) join(piece int) {
	if piece < 0 || piece+1 >= len(rs.pieces) || len(rs.pieces[piece])+len(rs.pieces[piece+1]) > pieceLen/2 {
		return
	}
	rs.pieces[piece] = append(rs.pieces[piece], rs.pieces[piece+1]...)
	rs.pieces = slices.Delete(rs.pieces, piece+1, piece+2)
}

// scan returns the records whose keys begin with prefix.
func (rs *records) scan(prefix string) (list []journal.Record) {
	piece, at, _ := rs.find(prefix)
	for ; piece < len(rs.pieces); piece, at = piece+1, 0 {
		for _, r := range rs.pieces[piece][at:] {
			if !strings.HasPrefix(r.Key, prefix) {
				return list
			}
			list = append(list, r)
		}
	}
	return list
}

// watch adds somebody, who gets what there is before any later change. If it returns
// true, w must be drained.
func (rs *records) watch(w *watching) (idle bool) {
	for _, r := range rs.scan(w.prefix) {
		idle = w.box.Put(r) || idle
	}
	rs.watchers = append(slices.Clip(rs.watchers), w)
	return idle
}

func (rs *records) unwatch(w *watching) { rs.watchers = without(rs.watchers, w) }
