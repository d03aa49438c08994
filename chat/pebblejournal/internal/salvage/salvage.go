// Package salvage reads a store that has damaged blocks. An iterator of Pebble ends at
// the first block that it cannot read. Iter goes on behind it, so that a damaged block
// costs what it held and nothing more. It goes forward only: going backward, Pebble reads
// the block before a key to return it.
//
// Pebble does not say where a block ends. Iter finds out by halves: it seeks a key in
// the middle of what is unknown, sees whether that can be read, and so on. Most of these
// seeks are cheap. But Pebble looks for a flipped bit in a block that it cannot read,
// which takes some 10 ms for a block of 8 KiB, so a place costs some tenths of a second.
package salvage

import (
	"bytes"
	"math/big"

	"github.com/cockroachdb/pebble/v2"
)

// precision is how many bytes of a key behind those that are certain are looked at to
// find the end of a damaged block. If they do not suffice, some intact keys beside the
// block are skipped too.
const precision = 8

// Iter iterates over the keys lower ≤ key < upper that can be read. It is used by one
// goroutine.
type Iter struct {
	iter         *pebble.Iterator
	lower, upper []byte
	damaged      func(error)
	last         []byte // the key that the iterator was at last
}

// New opens an iterator. damaged, which may be nil, is called for each place that is
// skipped, with Pebble's error. upper must not be nil.
func New(r pebble.Reader, lower, upper []byte, damaged func(error)) (*Iter, error) {
	iter, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	return &Iter{iter: iter, lower: lower, upper: upper, damaged: damaged}, nil
}

// First goes to the first key that can be read. It returns false if there is none, or
// after an error.
func (i *Iter) First() bool {
	i.last = append(i.last[:0], i.lower...)
	return i.settle(i.iter.First())
}

// Next goes to the next key that can be read. It returns false as First does.
func (i *Iter) Next() bool { return i.settle(i.iter.Next()) }

// Key is the key, until the iterator moves.
func (i *Iter) Key() []byte { return i.iter.Key() }

// Value is the value, until the iterator moves.
func (i *Iter) Value() []byte { return i.iter.Value() }

// Error returns what ended the iteration, if that was not its end. It is no damage.
func (i *Iter) Error() error {
	if err := i.iter.Error(); !pebble.IsCorruptionError(err) {
		return err
	}
	return nil
}

// Close closes the iterator.
func (i *Iter) Close() error {
	if err := i.iter.Close(); !pebble.IsCorruptionError(err) {
		return err
	}
	return nil
}

// settle skips what cannot be read.
func (i *Iter) settle(valid bool) bool {
	for !valid && pebble.IsCorruptionError(i.iter.Error()) {
		if i.damaged != nil {
			i.damaged(i.iter.Error())
		}
		valid = i.skip()
		if !valid && i.iter.Error() != nil {
			return false // there is nothing that can be read up to the bound
		}
	}
	if valid {
		i.last = append(i.last[:0], i.iter.Key()...)
	}
	return valid
}

// skip goes to the first key behind last that can be read.
func (i *Iter) skip() bool {
	bad, good := append([]byte(nil), i.last...), i.upper
	for mid := between(bad, good); mid != nil; mid = between(bad, good) {
		if _, readable := i.seek(mid); readable {
			good = mid
		} else {
			bad = mid
		}
	}
	valid, _ := i.seek(good)
	return valid
}

// seek goes to a key. It does so twice after an error: a seek that leaves a table for
// another one reports the error that the table had before.
func (i *Iter) seek(key []byte) (valid, readable bool) {
	for range 2 {
		if valid = i.iter.SeekGE(key); valid || !pebble.IsCorruptionError(i.iter.Error()) {
			return valid, true
		}
	}
	return false, false
}

// between returns a key about in the middle between a and b, a < b. It returns nil if
// they are too close to each other.
func between(a, b []byte) []byte {
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	size := same + precision
	low, high := number(a, size), number(b, size)
	mid := new(big.Int).Add(low, high)
	mid.Rsh(mid, 1)
	if mid.Cmp(low) <= 0 || mid.Cmp(high) >= 0 {
		return nil
	}
	return bytes.TrimRight(mid.FillBytes(make([]byte, size)), "\x00")
}

// number is what the first bytes of a key are as a number of that many bytes.
func number(key []byte, size int) *big.Int {
	digits := make([]byte, size)
	copy(digits, key)
	return new(big.Int).SetBytes(digits)
}
