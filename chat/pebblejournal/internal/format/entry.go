package format

import (
	"encoding/binary"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// The first byte of an entry's value says in which form it is. Form 1 has no counts,
// position, mentions and the like.
const (
	entryForm1 = 1
	entryForm2 = 2
)

const (
	flagGuest = 1 << iota
	flagText
	flagRecalled
	flagQuiet
	flagVia
	flagMentions
	flagEdited
)

// EntryMeta is what the store keeps of an entry beside the entry.
type EntryMeta struct {
	At int64 // Unix milliseconds

	// End is the sum of StoredBytes of all entries that the room ever had, up to and
	// including this one. The difference of two such sums is the size of what lies
	// between, so retention by bytes need not read every entry.
	End uint64

	Count    uint64           // as in journal.Entry
	Position journal.Position // as in journal.Entry

	// Counting is the number of the newest counting entry up to this one, kept or not;
	// Governing likewise. 0: there was none. So the newest entry of a room has all
	// that its head needs.
	Counting, Governing journal.Seq

	// CountingUnknown says that the entry is of form 1 and does not count itself: the
	// newest one that counts must be looked for.
	CountingUnknown bool
}

// StoredBytes is what an entry counts for in Retention.Bytes and in the totals: its
// texts, and 64 bytes for the rest.
func StoredBytes(e *journal.Entry) uint64 {
	n := len(e.Body) + len(e.Key) + len(e.From.ID) + len(e.From.Name) + len(e.From.Avatar) + len(e.Via) + 64
	for _, m := range e.Mentions {
		n += len(m)
	}
	return uint64(n)
}

// AppendEntry appends the value of e. Time, count and position are those of e.
func AppendEntry(b []byte, e *journal.Entry, m *EntryMeta) []byte {
	b = append(b, entryForm2, byte(e.Kind), flagsOf(e))
	b = appendUvarints(b, uint64(e.At), m.End, uint64(e.Target), e.Count, uint64(e.Position),
		uint64(e.Seq-m.Counting), uint64(e.Seq-m.Governing))
	if e.Edited > 0 {
		b = binary.AppendUvarint(b, uint64(e.Edited))
	}
	for _, s := range [...]string{e.Key, e.From.ID, e.From.Name, e.From.Avatar} {
		b = appendString(b, s)
	}
	if e.Via != "" {
		b = appendString(b, e.Via)
	}
	if len(e.Mentions) > 0 {
		b = binary.AppendUvarint(b, uint64(len(e.Mentions)))
		for _, s := range e.Mentions {
			b = appendString(b, s)
		}
	}
	return append(b, e.Body...)
}

func flagsOf(e *journal.Entry) (flags byte) {
	for i, is := range [...]bool{e.From.Guest, e.Text, e.Recalled, e.Quiet, e.Via != "", len(e.Mentions) > 0, e.Edited > 0} {
		if is {
			flags |= 1 << i
		}
	}
	return flags
}

// DecodeMeta reads the EntryMeta of an entry's value.
func DecodeMeta(b []byte, seq journal.Seq) (m EntryMeta, err error) {
	r := reader{b: b}
	h := r.header(seq)
	return h.meta, r.err
}

// DecodeKey reads the EntryMeta, the user and the idempotency key of an entry's
// value.
func DecodeKey(b []byte, seq journal.Seq) (m EntryMeta, user, key string, err error) {
	r := reader{b: b}
	h := r.header(seq)
	key, user = r.text(), r.text()
	return h.meta, user, key, r.err
}

// DecodeEntry reads an entry's value. The entry shares no memory with b.
func DecodeEntry(b []byte, room string, seq journal.Seq) (e journal.Entry, m EntryMeta, err error) {
	r := reader{b: b}
	h := r.header(seq)
	e = journal.Entry{
		Room: room, Seq: seq, Kind: h.kind, At: h.meta.At, Target: h.target, Edited: h.edited,
		Count: h.meta.Count, Position: h.meta.Position,
		Text: h.flags&flagText != 0, Recalled: h.flags&flagRecalled != 0, Quiet: h.flags&flagQuiet != 0,
	}
	e.Key = r.text()
	e.From = journal.User{ID: r.text(), Name: r.text(), Avatar: r.text(), Guest: h.flags&flagGuest != 0}
	if h.flags&flagVia != 0 {
		e.Via = r.text()
	}
	if h.flags&flagMentions != 0 {
		e.Mentions = r.texts(journal.MaxMentions)
	}
	if len(r.b) > 0 {
		e.Body = append([]byte(nil), r.b...)
	}
	return e, h.meta, r.err
}

func (r *reader) texts(limit uint64) []string {
	n := r.uvarint()
	if n > limit {
		r.fail()
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.text()
	}
	return list
}

// header is how an entry's value begins.
type header struct {
	kind           journal.Kind
	flags          byte
	target, edited journal.Seq
	meta           EntryMeta
}

func (r *reader) header(seq journal.Seq) (h header) {
	if len(r.b) < 3 || r.b[0] != entryForm1 && r.b[0] != entryForm2 {
		r.fail()
		return header{}
	}
	form := r.b[0]
	h.kind, h.flags = journal.Kind(r.b[1]), r.b[2]
	r.b = r.b[3:]
	h.meta.At, h.meta.End = int64(r.uvarint()), r.uvarint()
	h.target = journal.Seq(r.uvarint())
	if form == entryForm1 {
		// Every entry of form 1 counts, so that unread counts stay what they were.
		h.meta.Count = uint64(seq)
		if h.meta.CountingUnknown = !h.kind.Counts(); !h.meta.CountingUnknown {
			h.meta.Counting = seq
		}
		return h
	}
	h.meta.Count, h.meta.Position = r.uvarint(), journal.Position(r.uvarint())
	h.meta.Counting, h.meta.Governing = seq-journal.Seq(r.uvarint()), seq-journal.Seq(r.uvarint())
	if h.flags&flagEdited != 0 {
		h.edited = journal.Seq(r.uvarint())
	}
	return h
}
