package pebblejournal

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// The tables. A table ends where the next letter begins.
const (
	tableMeta   = 'm'
	tableHead   = 'h'
	tableEntry  = 'e'
	tableKey    = 'k'
	tableExpiry = 'x'
	tableClock  = 't'
	tableRecord = 'r'
)

// Names in tableMeta.
const (
	metaFormat = "format"
	metaEpoch  = "epoch"
	metaTally  = "tally"
)

var tallyKey = metaKey(metaTally)

func metaKey(name string) []byte { return append([]byte{tableMeta}, name...) }

func tableStart(table byte) []byte { return []byte{table} }
func tableEnd(table byte) []byte   { return []byte{table + 1} }

// appendRoom appends the room with its length before it: so no room's keys lie
// among another's, whatever bytes its name has.
func appendRoom(b []byte, room string) []byte {
	b = binary.AppendUvarint(b, uint64(len(room)))
	return append(b, room...)
}

// cutRoom is the reverse of appendRoom.
func cutRoom(b []byte) (room string, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	b = b[size:]
	return string(b[:n]), b[n:], true
}

func appendHeadKey(b []byte, room string) []byte {
	return appendRoom(append(b, tableHead), room)
}

func appendEntryKey(b []byte, room string, seq journal.Seq) []byte {
	b = appendRoom(append(b, tableEntry), room)
	return binary.BigEndian.AppendUint64(b, uint64(seq))
}

func entryKey(room string, seq journal.Seq) []byte {
	return appendEntryKey(make([]byte, 0, len(room)+16), room, seq)
}

// entrySeq is the seq at the end of an entry's key.
func entrySeq(key []byte) journal.Seq {
	return journal.Seq(binary.BigEndian.Uint64(key[len(key)-8:]))
}

// claim stands for an idempotency key of a user in a room. It is a
// cryptographic hash, since who could make two collide could have another's
// message taken for a duplicate.
type claim [16]byte

func claimOf(room, user, key string) claim {
	b := make([]byte, 0, 256)
	b = appendRoom(b, room)
	b = appendRoom(b, user)
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return claim(sum[:16])
}

func appendClaimKey(b []byte, room string, c claim) []byte {
	b = appendRoom(append(b, tableKey), room)
	return append(b, c[:]...)
}

func appendExpiryKey(b []byte, at int64, room string, c claim) []byte {
	b = binary.BigEndian.AppendUint64(append(b, tableExpiry), uint64(at))
	b = appendRoom(b, room)
	return append(b, c[:]...)
}

// cutExpiryKey is the reverse of appendExpiryKey.
func cutExpiryKey(key []byte) (at int64, room string, c claim, ok bool) {
	if len(key) < 9 {
		return 0, "", c, false
	}
	at = int64(binary.BigEndian.Uint64(key[1:]))
	room, rest, ok := cutRoom(key[9:])
	if !ok || len(rest) != len(c) {
		return 0, "", c, false
	}
	return at, room, claim(rest), true
}

func appendClockKey(b []byte, bytes uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, tableClock), bytes)
}

func appendRecordKey(b []byte, key string) []byte {
	return append(append(b, tableRecord), key...)
}

// prefixEnd is the first key after all that begin with prefix.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
