package rows

import (
	"errors"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
	"github.com/cockroachdb/pebble/v2"
)

// Salvaged is what can be read of a damaged room: the entries among the numbers
// From ≤ seq < To, in ascending order.
type Salvaged struct {
	Entries  []journal.Entry
	From, To journal.Seq
	Missing  int // entries that cannot be read, at least
}

// Salvage reads the page that q asks for among the numbers from ≤ seq < to of a room,
// which go to the end of the room in the direction of q. What cannot be read is left out,
// and the next entries take its place. It reads nothing behind the page, and ends with
// the context of db.
func Salvage(db *salvage.Reader, q journal.Query, s *format.RoomState, from, to journal.Seq, limit int) (page Salvaged, err error) {
	page.From, page.To = from, to
	size := 0
	// take adds an entry, and reports whether another one may fit.
	take := func(e *journal.Entry) bool {
		if size += e.Size(); len(page.Entries) > 0 && size > q.Bytes {
			return false
		}
		page.Entries = append(page.Entries, *e)
		if q.Backward {
			page.From = e.Seq
		} else {
			page.To = e.Seq + 1
		}
		return len(page.Entries) < limit && size < q.Bytes
	}
	parts := [][2]journal.Seq{{from, to}}
	if s.Mended > 0 { // nothing can be read of the numbers that were left out there
		parts = [][2]journal.Seq{{from, min(to, s.Mended-min(s.Mended, lostNumbers))}, {max(from, s.Mended), to}}
	}
	if q.Backward {
		slices.Reverse(parts)
	}
	full := false
	for _, p := range parts {
		w := walk{db: db, room: q.Room, from: p[0], to: p[1], backward: q.Backward}
		if full, err = w.each(take); full || err != nil {
			break
		}
	}
	if !full { // all of it was looked at
		page.From, page.To = from, to
	}
	if q.Backward {
		slices.Reverse(page.Entries)
	}
	page.Missing = max(0, int(page.To-page.From)-len(page.Entries))
	if page.From < s.Mended && s.Mended < page.To && page.Missing >= lostNumbers {
		page.Missing -= lostNumbers - 1 // these numbers were never given
	}
	return page, err
}

// walk looks up the numbers from ≤ seq < to of a room one after the other. Going forward
// by an iterator would begin with the damage, where a page backward does not reach it.
type walk struct {
	db       *salvage.Reader
	room     string
	from, to journal.Seq
	backward bool
	fails    int // look-ups that met damage which was not known
}

// each calls take for each entry that can be read, until it returns false: then the page
// is full.
func (w *walk) each(take func(*journal.Entry) bool) (full bool, err error) {
	for n := uint64(0); w.from < w.to && n < uint64(w.to-w.from); n++ {
		e, err := w.entry(n)
		if err != nil {
			return false, err
		}
		if e != nil && !take(e) {
			return true, nil
		}
	}
	return false, nil
}

// seq is the n-th number in the direction of the walk.
func (w *walk) seq(n uint64) journal.Seq {
	if w.backward {
		return w.to - 1 - journal.Seq(n)
	}
	return w.from + journal.Seq(n)
}

// entry returns the entry of the n-th number, or nil if there is none that can be read. If
// it is in a block that is damaged, it finds out where that ends.
func (w *walk) entry(n uint64) (*journal.Entry, error) {
	seq := w.seq(n)
	value, err := Get(w.db, format.EntryKey(w.room, seq))
	switch {
	case errors.Is(err, salvage.ErrKnown):
		return nil, nil
	case pebble.IsCorruptionError(err):
		w.fails++
		return nil, w.findEnd(n)
	case value == nil || err != nil:
		return nil, err
	}
	e, _, err := format.DecodeEntry(value, w.room, seq)
	if err != nil {
		return nil, nil
	}
	return &e, nil
}

// How the end of a damaged block is looked for. Pebble may take seconds for a look-up
// that fails, so those are few, and what they do not show is taken for damaged.
const (
	doublings   = 8  // the step is doubled so often, and is 16 times as large then each time
	gallopFails = 12 // after so many the rest of the room is taken for damaged
	placeFails  = 16 // after so many what is between the last of them and the next intact entry
	walkFails   = 32 // after so many in all, each place has only large steps
)

// findEnd looks for the end of the damaged block with the n-th number, and notes the
// block. It tries numbers ever further away until one can be read, and then halves.
func (w *walk) findEnd(n uint64) error {
	size := uint64(w.to - w.from)
	bad, good, fails := n, size, 0
	hasty := w.fails > walkFails
	for step := uint64(1); fails < gallopFails && bad < size-1; {
		at := min(n+step, size-1)
		ok, err := w.readable(at)
		if err != nil {
			return err
		}
		if ok {
			good = at
			break
		}
		bad, fails = at, fails+1
		if hasty || fails >= doublings {
			step *= 8
		}
		step *= 2
	}
	for !hasty && good < size && good-bad > 1 && fails < placeFails {
		mid := bad + (good-bad)/2
		ok, err := w.readable(mid)
		if err != nil {
			return err
		}
		if ok {
			good = mid
		} else {
			bad, fails = mid, fails+1
		}
	}
	w.fails += fails
	first, last := w.seq(n), w.seq(good-1)
	w.db.Note(format.EntryKey(w.room, min(first, last)), format.EntryKey(w.room, max(first, last)+1))
	return nil
}

// readable reports whether looking up the n-th number meets no damage.
func (w *walk) readable(n uint64) (bool, error) {
	_, err := Get(w.db, format.EntryKey(w.room, w.seq(n)))
	if pebble.IsCorruptionError(err) {
		return false, nil
	}
	return true, err
}

// MetaFrom returns the EntryMeta of an entry, or, if it cannot be read, that of the next
// one which can. If there is none, it is that of the room's newest entry.
func MetaFrom(db pebble.Reader, room string, s *format.RoomState, seq journal.Seq) (format.EntryMeta, error) {
	m, err := Meta(db, room, seq)
	if !IsDamage(err) {
		return m, err
	}
	iter, err := salvage.NewNumbered(db, format.EntryKey(room, seq), format.EntryKey(room, s.Last+1), nil)
	if err != nil {
		return m, err
	}
	defer iter.Close()
	for at := iter.First(); at; at = iter.Next() {
		if m, err = format.DecodeMeta(iter.Value(), format.EntrySeq(iter.Key())); err == nil {
			return m, nil
		}
	}
	return format.EntryMeta{At: s.LastAt, End: s.End, Count: s.Count}, iter.Error()
}

// lostNumbers is how many numbers are left out behind the last entry of a room that can
// be read: more than a damaged block has entries.
const lostNumbers = 4096

// SalvageState returns the state of a room whose state or whose newest entry cannot be
// read. If nobody knows which numbers were given, they go on far enough above those that
// can be read, in another epoch.
func SalvageState(db pebble.Reader, name string) (format.RoomState, error) {
	s, known, err := storedState(db, name)
	if err != nil || known && s.Mended > 0 {
		return s, err
	}
	damaged := false // behind the entry that was read last
	iter, err := salvage.NewNumbered(db, format.EntryKey(name, s.First), format.EntryKey(name, 1<<63), func(error) { damaged = true })
	if err != nil {
		return s, err
	}
	defer iter.Close()
	found := false
	for at := iter.First(); at; at = iter.Next() {
		seq := format.EntrySeq(iter.Key())
		m, err := format.DecodeMeta(iter.Value(), seq)
		if err != nil {
			damaged = true
			continue
		}
		if !found && !known {
			s.First, s.FirstAt, s.Base, s.Dropped = seq, m.At, m.End, m.Count-min(m.Count, 1)
		}
		found, damaged = true, iter.AtDamage()
		s.Last, s.LastAt, s.End, s.Count, s.Position = seq, m.At, m.End, m.Count, m.Position
		s.Counting, s.Governing = m.Counting, m.Governing
	}
	if err := iter.Error(); err != nil || known && !damaged {
		return s, err
	}
	s.Last += lostNumbers
	if !found {
		s.First, s.FirstAt, s.Base, s.Dropped = s.Last+1, 0, s.End, s.Count
	}
	s.Born, s.Mended = max(s.Position, s.Born)+1, s.Last+1
	return s, nil
}

// storedState returns the state as it is written. It is not known if it cannot be read.
func storedState(db pebble.Reader, name string) (s format.RoomState, known bool, err error) {
	value, err := Get(db, format.AppendRoomKey(nil, name))
	if err == nil && value != nil {
		s, err = format.DecodeState(value)
		known = err == nil
	}
	if !known {
		s = format.NewRoom(0)
	}
	if IsDamage(err) {
		err = nil
	}
	return s, known, err
}
