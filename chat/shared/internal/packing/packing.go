// Package packing writes what nodes tell each other into few bytes, and reads it.
package packing

import "encoding/binary"

// Writer appends to B.
type Writer struct{ B []byte }

// Number writes a number, in one byte if it is small.
func (w *Writer) Number(n uint64) { w.B = binary.AppendUvarint(w.B, n) }

// Text writes a text behind its length.
func (w *Writer) Text(s string) { w.Number(uint64(len(s))); w.B = append(w.B, s...) }

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
func (r *Reader) Text() string {
	n := r.Number()
	if n > uint64(len(r.B)) {
		r.Failed = true
	}
	if r.Failed {
		return ""
	}
	s := string(r.B[:n])
	r.B = r.B[n:]
	return s
}
