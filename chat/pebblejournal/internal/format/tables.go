package format

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// The tables: the first byte of every key. A table ends where the next letter
// begins.
const (
	Meta      = 'm'
	Room      = 'h'
	Entry     = 'e'
	Feed      = 'f'
	Idem      = 'k'
	Expiry    = 'x'
	Timeline  = 't'
	Stamped   = 's'
	OldRecord = 'r'
)

// The names in the table Meta.
const (
	MetaFormat = "format"
	MetaEpoch  = "epoch"
	MetaTotals = "tally"

	MetaWitnessed = "witnessed" // the store has a witness: see internal/witness
)

// MetaKey returns the key of a name.
func MetaKey(name string) []byte { return append([]byte{Meta}, name...) }

// TableStart and TableEnd bound a table.
func TableStart(table byte) []byte { return []byte{table} }

// TableEnd returns the first key after a table.
func TableEnd(table byte) []byte { return []byte{table + 1} }

// PrefixEnd returns the first key after all keys that begin with prefix.
func PrefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// AppendRoomKey appends the key of a room's state.
func AppendRoomKey(b []byte, room string) []byte {
	return appendString(append(b, Room), room)
}

// CutRoomKey is the reverse of AppendRoomKey.
func CutRoomKey(key []byte) (room string, ok bool) {
	room, rest, ok := cutString(key[1:])
	return room, ok && len(rest) == 0
}

// AppendEntryKey appends the key of an entry.
func AppendEntryKey(b []byte, room string, seq journal.Seq) []byte {
	b = appendString(append(b, Entry), room)
	return binary.BigEndian.AppendUint64(b, uint64(seq))
}

// EntryKey returns the key of an entry.
func EntryKey(room string, seq journal.Seq) []byte {
	return AppendEntryKey(make([]byte, 0, len(room)+16), room, seq)
}

// CutEntryKey returns the room of an entry's key.
func CutEntryKey(key []byte) (room string, ok bool) {
	room, rest, ok := cutString(key[1:])
	return room, ok && len(rest) == 8
}

// EntrySeq returns the number at the end of an entry's key.
func EntrySeq(key []byte) journal.Seq {
	return journal.Seq(binary.BigEndian.Uint64(key[len(key)-8:]))
}

// KeyHash stands for an idempotency key of a user in a room. It is a cryptographic
// hash: whoever could make two of them equal could make another user's message
// look like a duplicate.
type KeyHash [16]byte

// HashKey returns the hash of a key.
func HashKey(room, user, key string) KeyHash {
	b := make([]byte, 0, 256)
	b = appendString(b, room)
	b = appendString(b, user)
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return KeyHash(sum[:16])
}

// AppendIdemKey appends the key of an idempotency key.
func AppendIdemKey(b []byte, room string, hash KeyHash) []byte {
	b = appendString(append(b, Idem), room)
	return append(b, hash[:]...)
}

// IdemPrefix returns how the idempotency keys of a room begin.
func IdemPrefix(room string) []byte { return appendString([]byte{Idem}, room) }

// IdemHash returns the hash at the end of a key of the table Idem.
func IdemHash(key []byte) KeyHash { return KeyHash(key[len(key)-len(KeyHash{}):]) }

// AppendExpiryKey appends the key that says when an idempotency key was used whose
// entry is deleted.
func AppendExpiryKey(b []byte, at int64, room string, hash KeyHash) []byte {
	b = binary.BigEndian.AppendUint64(append(b, Expiry), uint64(at))
	b = appendString(b, room)
	return append(b, hash[:]...)
}

// CutExpiryKey is the reverse of AppendExpiryKey.
func CutExpiryKey(key []byte) (at int64, room string, hash KeyHash, ok bool) {
	if len(key) < 9 {
		return 0, "", hash, false
	}
	at = int64(binary.BigEndian.Uint64(key[1:]))
	room, rest, ok := cutString(key[9:])
	if !ok || len(rest) != len(hash) {
		return 0, "", hash, false
	}
	return at, room, KeyHash(rest), true
}

// AppendTimelineKey appends the key of a mark of the timeline.
func AppendTimelineKey(b []byte, bytes uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, Timeline), bytes)
}

// TimelineBytes is the reverse of AppendTimelineKey.
func TimelineBytes(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }

// AppendFeedKey appends the key of a commit whose first entry has that position.
func AppendFeedKey(b []byte, first journal.Position) []byte {
	return binary.BigEndian.AppendUint64(append(b, Feed), uint64(first))
}

// FeedPosition is the reverse of AppendFeedKey.
func FeedPosition(key []byte) journal.Position {
	return journal.Position(binary.BigEndian.Uint64(key[1:]))
}
