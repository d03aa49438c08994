package format

import (
	"encoding/binary"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// stampSize is the length of a stamp, which stands before the value of a record.
const stampSize = 24

// AppendRecordKey appends the key of a record.
func AppendRecordKey(b []byte, key string) []byte { return append(append(b, Stamped), key...) }

// AppendOldRecordKey appends the key that format 1 has for a record.
func AppendOldRecordKey(b []byte, key string) []byte { return append(append(b, OldRecord), key...) }

// AppendRecord appends the value of a record.
func AppendRecord(b []byte, value []byte, s journal.Stamp) []byte {
	for _, n := range [...]uint64{uint64(s.Seq), s.Count, uint64(s.Position)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, value...)
}

// DecodeRecord reads a record from its key and value in either table. It shares no
// memory with them.
func DecodeRecord(key, b []byte) (journal.Record, error) {
	rec := journal.Record{Key: string(key[1:])}
	if key[0] == Stamped {
		if len(b) < stampSize {
			return rec, ErrDamaged
		}
		rec.Stamp = journal.Stamp{
			Seq:      journal.Seq(binary.BigEndian.Uint64(b)),
			Count:    binary.BigEndian.Uint64(b[8:]),
			Position: journal.Position(binary.BigEndian.Uint64(b[16:])),
		}
		b = b[stampSize:]
	}
	rec.Value = append([]byte{}, b...)
	return rec, nil
}
