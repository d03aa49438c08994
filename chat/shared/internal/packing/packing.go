// Package packing writes what nodes tell each other into few bytes, and reads it.
package packing

import "encoding/binary"

// Writer appends to B.
type Writer struct{ B []byte }

// Number writes a number, in one byte if it is small.
func (w *Writer) Number(n uint64) { w.B = binary.AppendUvarint(w.B, n) }

// Text writes a text behind its length.
func (w *Writer) Text(s string) { w.Number(uint64(len(s))); w.B = append(w.B, s...) }

// Bytes writes bytes as Text does.
func (w *Writer) Bytes(b []byte) { w.Number(uint64(len(b))); w.B = append(w.B, b...) }

// Flags writes up to 64 flags as one number, the first in its lowest bit.
func (w *Writer) Flags(list ...bool) {
	n := uint64(0)
	for i, is := range list {
		if is {
			n |= 1 << i
		}
	}
	w.Number(n)
}

// Reader reads what a Writer wrote from the beginning of B. After the first error, Failed is set and it reads nothing.
type Reader struct {
	B      []byte
	Failed bool
}

// Number reads a number.
func (r *Reader) Number() uint64 {
	n, k := binary.Uvarint(r.B)
	if k <= 0 || r.Failed {
		r.Failed = true
		return 0
	}
	r.B = r.B[k:]
	return n
}

// Text reads a text.
func (r *Reader) Text() string { return string(r.Bytes()) }

// Again reads a text that is often the same as an earlier one, which it then shares.
func (r *Reader) Again(earlier string) string {
	b := r.Bytes()
	if string(b) == earlier {
		return earlier
	}
	return string(b)
}

// Bytes reads a text without copying it: it is a part of B.
func (r *Reader) Bytes() []byte {
	n := r.Number()
	if n > uint64(len(r.B)) {
		r.Failed = true
	}
	if r.Failed {
		return nil
	}
	b := r.B[:n:n]
	r.B = r.B[n:]
	return b
}
