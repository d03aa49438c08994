package format

import (
	"encoding/binary"
	"errors"
)

// ErrDamaged is wrapped by the errors of values that cannot be read.
var ErrDamaged = errors.New("the store is damaged")

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

func appendUvarints(b []byte, values ...uint64) []byte {
	for _, v := range values {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

// reader decodes a value field by field. After an error it returns zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() {
	r.b, r.err = nil, ErrDamaged
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
