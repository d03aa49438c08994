package pebblejournal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// storeFormat names the form of the keys and values below. A store of another
// format is not touched. testdata has a store of every format.
const storeFormat = "1"

// The tables: the first byte of every key. A table ends where the next letter
// begins.
const (
	tableMeta     = 'm'
	tableRoom     = 'h'
	tableEntry    = 'e'
	tableIdem     = 'k'
	tableExpiry   = 'x'
	tableTimeline = 't'
	tableRecord   = 'r'
)

// The names in tableMeta.
const (
	metaFormat = "format"
	metaEpoch  = "epoch"
	metaTotals = "tally"
)

var totalsKey = metaKey(metaTotals)

func metaKey(name string) []byte { return append([]byte{tableMeta}, name...) }

func tableStart(table byte) []byte { return []byte{table} }
func tableEnd(table byte) []byte   { return []byte{table + 1} }

// appendString appends s with its length before it. So the keys of one room are
// never among those of another, whatever bytes its name has.
func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// cutString is the reverse of appendString.
func cutString(b []byte) (s string, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	b = b[size:]
	return string(b[:n]), b[n:], true
}

func appendRoomKey(b []byte, room string) []byte {
	return appendString(append(b, tableRoom), room)
}

func appendEntryKey(b []byte, room string, seq journal.Seq) []byte {
	b = appendString(append(b, tableEntry), room)
	return binary.BigEndian.AppendUint64(b, uint64(seq))
}

func entryKey(room string, seq journal.Seq) []byte {
	return appendEntryKey(make([]byte, 0, len(room)+16), room, seq)
}

// entrySeq returns the seq at the end of an entry's key.
func entrySeq(key []byte) journal.Seq {
	return journal.Seq(binary.BigEndian.Uint64(key[len(key)-8:]))
}

// keyHash stands for an idempotency key of a user in a room. It is a cryptographic
// hash: whoever could make two of them equal could make another user's message
// look like a duplicate.
type keyHash [16]byte

func hashKey(room, user, key string) keyHash {
	b := make([]byte, 0, 256)
	b = appendString(b, room)
	b = appendString(b, user)
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return keyHash(sum[:16])
}

func appendIdemKey(b []byte, room string, hash keyHash) []byte {
	b = appendString(append(b, tableIdem), room)
	return append(b, hash[:]...)
}

// idemHash returns the hash at the end of a key of tableIdem.
func idemHash(key []byte) keyHash { return keyHash(key[len(key)-len(keyHash{}):]) }

func appendExpiryKey(b []byte, at int64, room string, hash keyHash) []byte {
	b = binary.BigEndian.AppendUint64(append(b, tableExpiry), uint64(at))
	b = appendString(b, room)
	return append(b, hash[:]...)
}

// cutExpiryKey is the reverse of appendExpiryKey.
func cutExpiryKey(key []byte) (at int64, room string, hash keyHash, ok bool) {
	if len(key) < 9 {
		return 0, "", hash, false
	}
	at = int64(binary.BigEndian.Uint64(key[1:]))
	room, rest, ok := cutString(key[9:])
	if !ok || len(rest) != len(hash) {
		return 0, "", hash, false
	}
	return at, room, keyHash(rest), true
}

func appendTimelineKey(b []byte, bytes uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, tableTimeline), bytes)
}

// timelineBytes is the reverse of appendTimelineKey.
func timelineBytes(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }

func appendRecordKey(b []byte, key string) []byte {
	return append(append(b, tableRecord), key...)
}

// prefixEnd returns the first key after all keys that begin with prefix.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// errDamaged is wrapped by the errors of values that cannot be read.
var errDamaged = errors.New("the store is damaged")

// entryForm is the first byte of an entry's value, so that another form can be
// added.
const entryForm = 1

const (
	flagGuest = 1 << iota
	flagText
	flagRecalled
)

// storedBytes is what an entry counts for in Retention.Bytes and in the totals:
// its texts, and 64 bytes for the rest.
func storedBytes(e *journal.Entry) uint64 {
	return uint64(len(e.Body)+len(e.Key)+len(e.From.ID)+len(e.From.Name)+len(e.From.Avatar)) + 64
}

// appendEntry appends the value of e. end is the sum of storedBytes of all entries
// that the room ever had, up to and including this one. The difference of two
// such sums is the size of what lies between, so retention by bytes need not read
// every entry.
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
		b = appendString(b, s)
	}
	return append(b, e.Body...)
}

// entryMeta is what retention needs to know of an entry.
type entryMeta struct {
	at  int64  // Unix milliseconds
	end uint64 // see appendEntry
}

// decodeMeta reads the entryMeta of an entry's value.
func decodeMeta(b []byte) (m entryMeta, err error) {
	r := reader{b: b}
	r.header()
	m = r.meta()
	return m, r.err
}

// decodeKey reads the entryMeta, the user and the idempotency key of an entry's
// value.
func decodeKey(b []byte) (m entryMeta, user, key string, err error) {
	r := reader{b: b}
	r.header()
	m = r.meta()
	r.uvarint()
	key, user = r.text(), r.text()
	return m, user, key, r.err
}

// decodeEntry reads an entry's value. The entry shares no memory with b.
func decodeEntry(b []byte, room string, seq journal.Seq) (e journal.Entry, m entryMeta, err error) {
	r := reader{b: b}
	kind, flags := r.header()
	m = r.meta()
	e = journal.Entry{Room: room, Seq: seq, Kind: kind, At: m.at, Target: journal.Seq(r.uvarint())}
	e.Key = r.text()
	e.From.ID, e.From.Name, e.From.Avatar = r.text(), r.text(), r.text()
	e.From.Guest = flags&flagGuest != 0
	e.Text = flags&flagText != 0
	e.Recalled = flags&flagRecalled != 0
	if len(r.b) > 0 {
		e.Body = append([]byte(nil), r.b...)
	}
	return e, m, r.err
}

// reader decodes a value field by field. After an error it returns zeros.
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

func (r *reader) meta() entryMeta {
	at := int64(r.uvarint())
	return entryMeta{at: at, end: r.uvarint()}
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
	s, rest, ok := cutString(r.b)
	if !ok {
		r.fail()
		return ""
	}
	r.b = rest
	return s
}

// roomState says which entries of a room are kept, and where the next one goes.
type roomState struct {
	first, last journal.Seq // of the entries kept; first is last+1 if none is
	firstAt     int64       // At of the entry first; 0 if none is kept
	lastAt      int64       // At of the newest entry ever
	base, end   uint64      // sums as in appendEntry: before first, and through last
}

// empty reports whether no entry is kept.
func (s *roomState) empty() bool { return s.first > s.last }

func appendState(b []byte, s *roomState) []byte {
	return appendUvarints(b, uint64(s.first), uint64(s.last), uint64(s.firstAt), uint64(s.lastAt), s.base, s.end)
}

func decodeState(b []byte) (s roomState, err error) {
	r := reader{b: b}
	s.first, s.last = journal.Seq(r.uvarint()), journal.Seq(r.uvarint())
	s.firstAt, s.lastAt = int64(r.uvarint()), int64(r.uvarint())
	s.base, s.end = r.uvarint(), r.uvarint()
	return s, r.err
}

// appendIdem appends the value of an idempotency key: the receipt of its entry.
func appendIdem(b []byte, seq journal.Seq, at int64) []byte {
	return appendUvarints(b, uint64(seq), uint64(at))
}

func decodeIdem(b []byte) (seq journal.Seq, at int64, err error) {
	r := reader{b: b}
	seq, at = journal.Seq(r.uvarint()), int64(r.uvarint())
	return seq, at, r.err
}

// totals count what the store took in and deleted since it was made.
type totals struct {
	entries, bytes               uint64 // appended; bytes as by storedBytes
	deletedEntries, deletedBytes uint64
}

func appendTotals(b []byte, t *totals) []byte {
	return appendUvarints(b, t.entries, t.bytes, t.deletedEntries, t.deletedBytes)
}

func decodeTotals(b []byte) (t totals, err error) {
	r := reader{b: b}
	t.entries, t.bytes = r.uvarint(), r.uvarint()
	t.deletedEntries, t.deletedBytes = r.uvarint(), r.uvarint()
	return t, r.err
}

func appendUvarints(b []byte, values ...uint64) []byte {
	for _, v := range values {
		b = binary.AppendUvarint(b, v)
	}
	return b
}
