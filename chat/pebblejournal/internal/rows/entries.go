package rows

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/cockroachdb/pebble/v2"
)

// IsDamage reports whether err says that something cannot be read because it is damaged.
func IsDamage(err error) bool {
	return pebble.IsCorruptionError(err) || errors.Is(err, format.ErrDamaged)
}

// Get returns a copy of the value under key, or nil if there is none.
func Get(db pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte{}, value...), nil
}

// Has reports whether there is a value under key. It is true if that cannot be read.
func Has(db pebble.Reader, key []byte) (bool, error) {
	_, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	return true, closer.Close()
}

// State returns the state of a room. born is that of a room which has none yet.
func State(db pebble.Reader, name string, born func() journal.Position) (format.RoomState, error) {
	value, err := Get(db, format.AppendRoomKey(nil, name))
	if err != nil {
		return format.RoomState{}, err
	}
	if value == nil {
		return format.NewRoom(born()), nil
	}
	state, err := format.DecodeState(value)
	if err != nil || state.Mended > 0 {
		return state, err
	}
	return state, findLast(db, name, &state)
}

// findLast completes a state with the newest entry: the state is written only when
// the room's first entry changes.
func findLast(db pebble.Reader, name string, state *format.RoomState) error {
	iter, err := db.NewIter(&pebble.IterOptions{
		LowerBound: format.EntryKey(name, state.First),
		UpperBound: format.EntryKey(name, 1<<63),
	})
	if err != nil {
		return err
	}
	defer iter.Close()
	if !iter.Last() {
		return iter.Error()
	}
	seq := format.EntrySeq(iter.Key())
	m, err := format.DecodeMeta(iter.Value(), seq)
	if err != nil {
		return err
	}
	state.Last, state.LastAt, state.End = seq, m.At, m.End
	state.Count, state.Position, state.Counting, state.Governing = m.Count, m.Position, m.Counting, m.Governing
	// A store of format 1 does not say which entry counts: look for it.
	for at := m.CountingUnknown; at && seq > 1; at = m.CountingUnknown && iter.Prev() {
		seq = format.EntrySeq(iter.Key())
		if m, err = format.DecodeMeta(iter.Value(), seq); err != nil {
			return err
		}
		state.Counting = m.Counting
	}
	return iter.Error()
}

// Meta returns the EntryMeta of one entry, which must exist.
func Meta(db pebble.Reader, room string, seq journal.Seq) (format.EntryMeta, error) {
	value, err := Get(db, format.EntryKey(room, seq))
	if err != nil {
		return format.EntryMeta{}, err
	}
	if value == nil {
		return format.EntryMeta{}, fmt.Errorf("%w: an entry is missing", format.ErrDamaged)
	}
	return format.DecodeMeta(value, seq)
}

// CountBefore returns the count of a room before first, which is at least the first
// entry of its state. It returns false if that entry was deleted meanwhile.
func CountBefore(db pebble.Reader, room string, s *format.RoomState, first journal.Seq) (dropped uint64, there bool, err error) {
	if first <= s.First {
		return s.Dropped, true, nil
	}
	value, err := Get(db, format.EntryKey(room, first-1))
	if err != nil || value == nil {
		return 0, false, err
	}
	m, err := format.DecodeMeta(value, first-1)
	return m.Count, true, err
}

// Duplicate returns the receipt for a key that was used for the entry seq.
func Duplicate(db pebble.Reader, epoch, room string, s *format.RoomState, seq journal.Seq, at int64) (journal.Receipt, error) {
	receipt := journal.Receipt{Epoch: epoch, Seq: seq, At: at, Duplicate: true}
	if seq < s.First || seq > s.Last {
		return receipt, nil
	}
	m, err := Meta(db, room, seq)
	receipt.Count, receipt.Position = m.Count, m.Position
	return receipt, err
}

// Entries reads the entries from ≤ seq < to, as far as q.Bytes allow. If they are
// too large for one page, it reads those at the end at which q begins. It is not
// complete if one of them is missing.
func Entries(db pebble.Reader, q journal.Query, from, to journal.Seq) (entries []journal.Entry, complete bool, err error) {
	iter, err := db.NewIter(&pebble.IterOptions{
		LowerBound: format.EntryKey(q.Room, from),
		UpperBound: format.EntryKey(q.Room, to),
	})
	if err != nil {
		return nil, false, err
	}
	defer iter.Close()
	at, next := iter.First(), iter.Next
	want := func(n journal.Seq) journal.Seq { return from + n }
	if q.Backward {
		at, next = iter.Last(), iter.Prev
		want = func(n journal.Seq) journal.Seq { return to - 1 - n }
	}
	size := 0
	for ; at; at = next() {
		seq := format.EntrySeq(iter.Key())
		if seq != want(journal.Seq(len(entries))) {
			return nil, false, nil
		}
		// A value is never longer than what the entry counts for, so a large one is not
		// decoded only to be dropped.
		if len(entries) > 0 && size+len(iter.Value()) > q.Bytes {
			break
		}
		e, _, err := format.DecodeEntry(iter.Value(), q.Room, seq)
		if err != nil {
			return nil, false, fmt.Errorf("read room: %w", err)
		}
		if size += e.Size(); len(entries) > 0 && size > q.Bytes {
			break
		}
		entries = append(entries, e)
	}
	if err := iter.Error(); err != nil {
		return nil, false, err
	}
	if q.Backward {
		slices.Reverse(entries)
	}
	return entries, at || journal.Seq(len(entries)) == to-from, nil
}

// FillEdits gives the edits among entries of a room the present bodies of their
// targets. It reports whether there were any.
func FillEdits(db pebble.Reader, entries []journal.Entry, s *format.RoomState) (any bool, err error) {
	for i := range entries {
		e := &entries[i]
		if e.Kind.Effect() != journal.Replace {
			continue
		}
		t, err := find(db, entries, e.Target, e.Room, s)
		if IsDamage(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		if t != nil && !t.Recalled {
			e.Body, e.Text = t.Body, t.Text
			any = true
		}
	}
	return any, nil
}

// find returns the entry seq of a room from a page of it, or from the store. It is nil
// if it is not kept.
func find(db pebble.Reader, page []journal.Entry, seq journal.Seq, room string, s *format.RoomState) (*journal.Entry, error) {
	if seq < s.First || seq > s.Last {
		return nil, nil
	}
	if i := int64(seq) - int64(page[0].Seq); i >= 0 && i < int64(len(page)) && page[i].Seq == seq {
		return &page[i], nil
	}
	value, err := Get(db, format.EntryKey(room, seq))
	if err != nil || value == nil {
		return nil, err
	}
	e, _, err := format.DecodeEntry(value, room, seq)
	return &e, err
}
