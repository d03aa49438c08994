package format

import (
	"strconv"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// RoomEpoch returns the epoch of a room: that of the store, and, for a room that has
// been there before and was forgotten, a dot and when it began again.
func RoomEpoch(store string, born journal.Position) string {
	if born == 0 {
		return store
	}
	return store + "." + strconv.FormatUint(uint64(born), 10)
}

// Totals count what the store took in and deleted since it was made.
type Totals struct {
	Entries, Bytes               uint64 // appended; bytes as by StoredBytes
	DeletedEntries, DeletedBytes uint64

	Position     journal.Position // of the newest entry
	Updates      journal.Position // of the newest update of a record
	FeedBegin    journal.Position // the feed has forgotten what is at or below
	FeedBytes    uint64           // of the feed's keys and values
	DroppedHeads uint64           // rooms that were forgotten
	Changes      uint64           // of records that entries did not write
}

// Recorded counts whatever must not be lost: entries and changes of records.
func (t *Totals) Recorded() uint64 { return t.Entries + t.Changes }

// AppendTotals appends the value of totals.
func AppendTotals(b []byte, t *Totals) []byte {
	return appendUvarints(b, t.Entries, t.Bytes, t.DeletedEntries, t.DeletedBytes,
		uint64(t.Position), uint64(t.Updates), uint64(t.FeedBegin), t.FeedBytes, t.DroppedHeads, t.Changes)
}

// DecodeTotals reads the value of totals, also one of format 1.
func DecodeTotals(b []byte) (t Totals, err error) {
	r := reader{b: b}
	t.Entries, t.Bytes = r.uvarint(), r.uvarint()
	t.DeletedEntries, t.DeletedBytes = r.uvarint(), r.uvarint()
	if r.err == nil && len(r.b) == 0 {
		return t, nil
	}
	t.Position, t.Updates = journal.Position(r.uvarint()), journal.Position(r.uvarint())
	t.FeedBegin, t.FeedBytes, t.DroppedHeads = journal.Position(r.uvarint()), r.uvarint(), r.uvarint()
	t.Changes = r.uvarint()
	return t, r.err
}

// AppendMark appends the value of a mark of the timeline, in Unix milliseconds.
func AppendMark(b []byte, at int64) []byte { return appendUvarints(b, uint64(at)) }

// DecodeMark is the reverse of AppendMark.
func DecodeMark(b []byte) (at int64, err error) {
	r := reader{b: b}
	at = int64(r.uvarint())
	return at, r.err
}

// Run is a number of entries of one room that one commit has recorded, one after the
// other. Their positions follow those of the run before it.
type Run struct {
	Room  string
	First journal.Seq
	N     uint64
}

// AppendCommit begins the value of a commit in the feed, which was made at a time in
// Unix milliseconds and has so many runs. AppendRun appends each of them.
func AppendCommit(b []byte, at int64, runs int) []byte {
	return appendUvarints(b, uint64(at), uint64(runs))
}

// AppendRun appends a run to the value of a commit.
func AppendRun(b []byte, room string, first journal.Seq, n int) []byte {
	return appendUvarints(appendString(b, room), uint64(first), uint64(n))
}

// DecodeCommit reads the value of a commit.
func DecodeCommit(b []byte) (at int64, runs []Run, err error) {
	r := reader{b: b}
	at = int64(r.uvarint())
	n := r.uvarint()
	if n > uint64(len(b)) {
		r.fail()
		n = 0
	}
	runs = make([]Run, n)
	for i := range runs {
		runs[i] = Run{Room: r.text(), First: journal.Seq(r.uvarint()), N: r.uvarint()}
	}
	return at, runs, r.err
}

// DecodeCommitTime reads when a commit was made.
func DecodeCommitTime(b []byte) (at int64, err error) { return DecodeMark(b) }
