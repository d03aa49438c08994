package pebblejournal

import (
	"encoding/binary"
	"errors"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// errDamaged is wrapped by the errors of values that can't be read.
var errDamaged = errors.New("the store is damaged")

// The first byte of an entry's value, so that another form can come.
const entryForm = 1

const (
	flagGuest = 1 << iota
	flagText
	flagRecalled
)

// weight is what an entry counts for where bytes are counted on disk.
func weight(e *journal.Entry) uint64 {
	return uint64(len(e.Body)+len(e.Key)+len(e.From.ID)+len(e.From.Name)+len(e.From.Avatar)) + 64
}

// appendEntry appends the value of e. end is the weight of the room's entries
// from its first ever to this one: the difference of two says what lies between,
// and is what makes retention by bytes cheap.
func appendEntry(b []byte, e *journal.Entry, end uint64) []byte {
	var flags byte
	if e.From.Guest {
		flags |= flagGuest
	}
	if e.Text {
		flags |= flagText
	}
	if e.Recalled {
		flags |= flagRecalled
	}
	b = append(b, entryForm, byte(e.Kind), flags)
	b = binary.AppendUvarint(b, uint64(e.At))
	b = binary.AppendUvarint(b, end)
	b = binary.AppendUvarint(b, uint64(e.Target))
	for _, s := range [...]string{e.Key, e.From.ID, e.From.Name, e.From.Avatar} {
		b = appendRoom(b, s)
	}
	return append(b, e.Body...)
}

// stamp is what retention needs of an entry.
type stamp struct {
	at  int64
	end uint64
}

// decodeStamp reads the stamp of an entry's value.
func decodeStamp(b []byte) (s stamp, err error) {
	r := reader{b: b}
	r.header()
	s.at, s.end = int64(r.uvarint()), r.uvarint()
	return s, r.err
}

// decodeClaim reads the stamp, the user and the idempotency key.
func decodeClaim(b []byte) (s stamp, user, key string, err error) {
	r := reader{b: b}
	r.header()
	s.at, s.end = int64(r.uvarint()), r.uvarint()
	r.uvarint()
	key, user = r.text(), r.text()
	return s, user, key, r.err
}

// decodeEntry reads all of an entry's value. Nothing of it shares memory with b.
func decodeEntry(b []byte, room string, seq journal.Seq) (e journal.Entry, s stamp, err error) {
	r := reader{b: b}
	kind, flags := r.header()
	s.at, s.end = int64(r.uvarint()), r.uvarint()
	e = journal.Entry{Room: room, Seq: seq, Kind: kind, At: s.at, Target: journal.Seq(r.uvarint())}
	e.Key = r.text()
	e.From.ID, e.From.Name, e.From.Avatar = r.text(), r.text(), r.text()
	e.From.Guest = flags&flagGuest != 0
	e.Text = flags&flagText != 0
	e.Recalled = flags&flagRecalled != 0
	if len(r.b) > 0 {
		e.Body = append([]byte(nil), r.b...)
	}
	return e, s, r.err
}

// reader takes a value apart; after an error it returns zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() {
	r.b, r.err = nil, errDamaged
}

func (r *reader) header() (kind journal.Kind, flags byte) {
	if len(r.b) < 3 || r.b[0] != entryForm {
		r.fail()
		return 0, 0
	}
	kind, flags = journal.Kind(r.b[1]), r.b[2]
	r.b = r.b[3:]
	return kind, flags
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string {
	s, rest, ok := cutRoom(r.b)
	if !ok {
		r.fail()
		return ""
	}
	r.b = rest
	return s
}

// head is how a room stands.
type head struct {
	first, last journal.Seq // of the entries kept; first is last+1 where none is
	firstAt     int64       // of the entry first; 0 where there is none
	lastAt      int64       // of the newest entry ever
	base, end   uint64      // weight of all entries before first, and through last
}

// empty reports whether nothing is kept.
func (h *head) empty() bool { return h.first > h.last }

// appendHead appends the value of a head.
func appendHead(b []byte, h *head) []byte {
	for _, v := range [...]uint64{uint64(h.first), uint64(h.last), uint64(h.firstAt), uint64(h.lastAt), h.base, h.end} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func decodeHead(b []byte) (h head, err error) {
	r := reader{b: b}
	h.first, h.last = journal.Seq(r.uvarint()), journal.Seq(r.uvarint())
	h.firstAt, h.lastAt = int64(r.uvarint()), int64(r.uvarint())
	h.base, h.end = r.uvarint(), r.uvarint()
	return h, r.err
}

// appendClaim appends the value of an idempotency key.
func appendClaim(b []byte, seq journal.Seq, at int64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(seq)), uint64(at))
}

func decodeClaimed(b []byte) (seq journal.Seq, at int64, err error) {
	r := reader{b: b}
	seq, at = journal.Seq(r.uvarint()), int64(r.uvarint())
	return seq, at, r.err
}

// tally counts what went through the store in its life.
type tally struct {
	entries, bytes               uint64 // appended
	deletedEntries, deletedBytes uint64
}

func appendTally(b []byte, t *tally) []byte {
	for _, v := range [...]uint64{t.entries, t.bytes, t.deletedEntries, t.deletedBytes} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func decodeTally(b []byte) (t tally, err error) {
	r := reader{b: b}
	t.entries, t.bytes = r.uvarint(), r.uvarint()
	t.deletedEntries, t.deletedBytes = r.uvarint(), r.uvarint()
	return t, r.err
}
