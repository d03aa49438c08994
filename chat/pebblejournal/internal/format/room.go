package format

import "github.com/caddychat/caddy-chat/chat/journal"

// RoomState says which entries of a room are kept, and where the next one goes.
type RoomState struct {
	First, Last journal.Seq // of the entries kept; First is Last+1 if none is
	FirstAt     int64       // At of the entry First; 0 if none is kept
	LastAt      int64       // At of the newest entry ever
	Base, End   uint64      // sums as in EntryMeta.End: before First, and through Last

	Dropped  uint64           // the count before First
	Count    uint64           // of the newest entry ever
	Position journal.Position // of the newest entry ever

	// Counting is the number of the newest counting entry, kept or not; Governing
	// likewise. 0: there was none.
	Counting, Governing journal.Seq

	// Mended is above 0 if the room's newest entries could not be read once. Numbers went
	// on there, far enough above. The state of such a room is written with every entry,
	// and what it says of the newest one holds; entries from Mended on are looked up one by
	// one, because a damaged block may hide them from an iteration.
	Mended journal.Seq

	// Born tells the lives of a room apart. It is 0 in the first one, and else the
	// position from which on this life's entries are: see RoomEpoch.
	Born journal.Position
}

// Empty reports whether no entry is kept.
func (s *RoomState) Empty() bool { return s.First > s.Last }

// NewRoom returns the state of a room that has no entries.
func NewRoom(born journal.Position) RoomState { return RoomState{First: 1, Born: born} }

// AppendState appends the value of a state.
func AppendState(b []byte, s *RoomState) []byte {
	return appendUvarints(b, uint64(s.First), uint64(s.Last), uint64(s.FirstAt), uint64(s.LastAt), s.Base, s.End,
		s.Dropped, s.Count, uint64(s.Position), uint64(s.Counting), uint64(s.Governing), uint64(s.Born), uint64(s.Mended))
}

// DecodeState reads the value of a state, also one of format 1.
func DecodeState(b []byte) (s RoomState, err error) {
	r := reader{b: b}
	s.First, s.Last = journal.Seq(r.uvarint()), journal.Seq(r.uvarint())
	s.FirstAt, s.LastAt = int64(r.uvarint()), int64(r.uvarint())
	s.Base, s.End = r.uvarint(), r.uvarint()
	if r.err == nil && len(r.b) == 0 { // format 1, where every entry counts
		s.Dropped, s.Count, s.Counting = uint64(s.First-1), uint64(s.Last), s.Last
		return s, nil
	}
	s.Dropped, s.Count, s.Position = r.uvarint(), r.uvarint(), journal.Position(r.uvarint())
	s.Counting, s.Governing = journal.Seq(r.uvarint()), journal.Seq(r.uvarint())
	s.Born, s.Mended = journal.Position(r.uvarint()), journal.Seq(r.uvarint())
	return s, r.err
}

// AppendIdem appends the value of an idempotency key: the receipt of its entry.
func AppendIdem(b []byte, seq journal.Seq, at int64) []byte {
	return appendUvarints(b, uint64(seq), uint64(at))
}

// DecodeIdem is the reverse of AppendIdem.
func DecodeIdem(b []byte) (seq journal.Seq, at int64, err error) {
	r := reader{b: b}
	seq, at = journal.Seq(r.uvarint()), int64(r.uvarint())
	return seq, at, r.err
}
