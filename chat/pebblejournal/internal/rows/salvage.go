package rows

import (
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

// backwardStep is by how many numbers Salvage goes back at a time.
const backwardStep = 4096

// Salvage reads the page that q asks for among the numbers from ≤ seq < to of a room,
// which go to the end of the room in the direction of q. What cannot be read is left out,
// and the next entries take its place.
func Salvage(db pebble.Reader, q journal.Query, s *format.RoomState, from, to journal.Seq, limit int) (page Salvaged, err error) {
	if q.Backward {
		page, err = salvageBackward(db, q, s, from, to, limit)
	} else {
		page, err = salvageForward(db, q, s, from, to, limit)
	}
	page.Missing = max(0, int(page.To-page.From)-len(page.Entries))
	if page.From < s.Mended && s.Mended < page.To && page.Missing >= lostNumbers {
		page.Missing -= lostNumbers - 1 // these numbers were never given
	}
	return page, err
}

func salvageForward(db pebble.Reader, q journal.Query, s *format.RoomState, from, to journal.Seq, limit int) (Salvaged, error) {
	page := Salvaged{From: from, To: to}
	if low := min(to, max(from, s.Mended)); s.Mended == 0 || from < low {
		end := to
		if s.Mended > 0 {
			end = low
		}
		below, full, err := salvageRange(db, q, from, end, limit)
		page.Entries = below.Entries
		if full {
			page.To = page.Entries[len(page.Entries)-1].Seq + 1
		}
		if full || err != nil || s.Mended == 0 {
			return page, err
		}
	}
	size := sizeOf(page.Entries)
	for seq := max(from, s.Mended); seq < to; seq++ {
		e, err := lookUp(db, q.Room, seq)
		if err != nil {
			return page, err
		}
		if e == nil {
			continue
		}
		if size += e.Size(); len(page.Entries) == limit || len(page.Entries) > 0 && size > q.Bytes {
			page.To = seq
			return page, nil
		}
		page.Entries = append(page.Entries, *e)
	}
	return page, nil
}

func salvageBackward(db pebble.Reader, q journal.Query, s *format.RoomState, from, to journal.Seq, limit int) (Salvaged, error) {
	page, size := Salvaged{From: to, To: to}, 0
	var reversed []journal.Entry
	take := func(e *journal.Entry) bool {
		size += e.Size()
		if len(reversed) == limit || len(reversed) > 0 && size > q.Bytes {
			return false
		}
		reversed = append(reversed, *e)
		return true
	}
	full := false
	for s.Mended > 0 && !full && page.From > max(from, s.Mended) {
		e, err := lookUp(db, q.Room, page.From-1)
		if err != nil {
			return page, err
		}
		if full = e != nil && !take(e); !full {
			page.From--
		}
	}
	for !full && page.From > from {
		low := max(from, page.From-min(page.From, backwardStep))
		// Forward is the only way to read; what is too much at the front is left out.
		step, _, err := salvageRange(db, journal.Query{Room: q.Room, Bytes: 1 << 30}, low, page.From, backwardStep)
		if err != nil {
			return page, err
		}
		for i := len(step.Entries) - 1; i >= 0 && !full; i-- {
			if full = !take(&step.Entries[i]); full {
				low = step.Entries[i].Seq + 1
			}
		}
		page.From = low
	}
	slices.Reverse(reversed)
	page.Entries = reversed
	return page, nil
}

func sizeOf(entries []journal.Entry) (n int) {
	for i := range entries {
		n += entries[i].Size()
	}
	return n
}

// lookUp returns an entry, or nil if there is none that can be read.
func lookUp(db pebble.Reader, room string, seq journal.Seq) (*journal.Entry, error) {
	value, err := Get(db, format.EntryKey(room, seq))
	if value == nil || err != nil {
		if IsDamage(err) {
			err = nil
		}
		return nil, err
	}
	e, _, err := format.DecodeEntry(value, room, seq)
	if err != nil {
		return nil, nil
	}
	return &e, nil
}

// salvageRange reads entries in ascending order. full says that it has stopped early.
func salvageRange(db pebble.Reader, q journal.Query, from, to journal.Seq, limit int) (s Salvaged, full bool, err error) {
	s = Salvaged{From: from, To: to}
	iter, err := salvage.New(db, format.EntryKey(q.Room, from), format.EntryKey(q.Room, to), nil)
	if err != nil {
		return s, false, err
	}
	defer iter.Close()
	size := 0
	for at := iter.First(); at; at = iter.Next() {
		e, _, err := format.DecodeEntry(iter.Value(), q.Room, format.EntrySeq(iter.Key()))
		if err != nil {
			continue
		}
		if size += e.Size(); len(s.Entries) == limit || len(s.Entries) > 0 && size > q.Bytes {
			return s, true, nil
		}
		s.Entries = append(s.Entries, e)
	}
	return s, false, iter.Error()
}

// MetaFrom returns the EntryMeta of an entry, or, if it cannot be read, that of the next
// one which can. If there is none, it is that of the room's newest entry.
func MetaFrom(db pebble.Reader, room string, s *format.RoomState, seq journal.Seq) (format.EntryMeta, error) {
	m, err := Meta(db, room, seq)
	if !IsDamage(err) {
		return m, err
	}
	iter, err := salvage.New(db, format.EntryKey(room, seq), format.EntryKey(room, s.Last+1), nil)
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
	iter, err := salvage.New(db, format.EntryKey(name, s.First), format.EntryKey(name, 1<<63), func(error) { damaged = true })
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
		found, damaged = true, false
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
