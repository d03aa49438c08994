// Package salvage reads a store that has damaged blocks. An iterator of Pebble ends at
// the first block that it cannot read. Iter goes on behind it, so that a damaged block
// costs what it held and nothing more. It goes forward only: going backward, Pebble reads
// the block before a key to return it.
//
// Pebble does not say where a block ends. Iter finds out by halves: it seeks a key in
// the middle of what is unknown, sees whether that can be read, and so on. Most of these
// seeks are cheap. But Pebble looks for a flipped bit in a block that it cannot read,
// which takes some 10 ms for a block of 8 KiB and seconds for one of 60 KB. So the seeks
// that fail are few, a Memory knows what they have found, and a Reader ends with its
// context.
//
// # Files
//
//	memory.go   what is known to be damaged, and reading the rest
//	salvage.go  the iterator
package salvage

import (
	"bytes"
	"math/big"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// precision is how many bytes of a key behind those that are certain are looked at to
// find the end of a damaged block. If they do not suffice, some intact keys beside the
// block are skipped too.
const precision = 8

// How many seeks may fail while the end of a damaged block is looked for. Each halves what
// is unknown; numbers lie closer together than names. After failsMax in all, an Iter is
// content with one for each block, which may cost as many intact keys as the block has.
const (
	failsAtName   = 32
	failsAtNumber = 10
	failsMax      = 64
)

// Iter iterates over the keys lower ≤ key < upper that can be read. It is used by one
// goroutine.
type Iter struct {
	iter         *pebble.Iterator
	reader       *Reader // nil: nothing is known, and nothing ends it
	lower, upper []byte
	numbered     bool // all keys are as long as the bounds
	damaged      func(error)
	last         []byte // the key that the iterator was at last, or lower
	next         []byte // where what comes next begins
	fails        int    // seeks that have failed
	err          error  // why it has ended before its end, besides the error of iter
}

// New opens an iterator. If r is a *Reader, it skips what is known to be damaged, notes
// what it finds, and ends with the context. damaged, which may be nil, is called for each
// place that is skipped, with Pebble's error or ErrKnown. upper must not be nil.
func New(r pebble.Reader, lower, upper []byte, damaged func(error)) (*Iter, error) {
	reader, _ := r.(*Reader)
	if reader != nil {
		r = reader.Reader
	}
	iter, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	return &Iter{iter: iter, reader: reader, lower: lower, upper: upper, damaged: damaged}, nil
}

// NewNumbered is New for keys that are as long as the bounds, and differ from them in the
// number at their end only. Then fewer seeks fail.
func NewNumbered(r pebble.Reader, lower, upper []byte, damaged func(error)) (*Iter, error) {
	iter, err := New(r, lower, upper, damaged)
	if err == nil {
		iter.numbered = true
	}
	return iter, err
}

// SetBounds gives the iterator other bounds, which costs much less than another iterator.
// First must come next.
func (i *Iter) SetBounds(lower, upper []byte) {
	i.lower, i.upper = lower, upper
	i.iter.SetBounds(lower, upper)
}

// First goes to the first key that can be read. It returns false if there is none, or
// after an error.
func (i *Iter) First() bool {
	i.last = append(i.last[:0], i.lower...)
	i.next = append(i.next[:0], i.lower...)
	return i.move(i.iter.First)
}

// Next goes to the next key that can be read. It returns false as First does.
func (i *Iter) Next() bool { return i.move(i.iter.Next) }

// move goes on by step, or behind what is known to be damaged.
func (i *Iter) move(step func() bool) bool {
	if i.ended() {
		return false
	}
	if i.reader != nil {
		if end := i.reader.at(i.next); end != nil {
			if i.damaged != nil {
				i.damaged(ErrKnown)
			}
			step = func() bool { valid, _ := i.seek(end); return valid }
		}
	}
	return i.settle(step())
}

// ended reports whether the iterator has ended with its context.
func (i *Iter) ended() bool {
	if i.err == nil && i.reader != nil {
		i.err = i.reader.ended()
	}
	return i.err != nil
}

// Key is the key, until the iterator moves.
func (i *Iter) Key() []byte { return i.iter.Key() }

// Value is the value, until the iterator moves.
func (i *Iter) Value() []byte { return i.iter.Value() }

// Error returns what ended the iteration, if that was not its end. It is no damage.
func (i *Iter) Error() error {
	if i.err != nil {
		return i.err
	}
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
		if i.ended() || !valid && i.iter.Error() != nil {
			return false // there is nothing that can be read up to the bound
		}
	}
	if valid {
		i.last = append(i.last[:0], i.iter.Key()...)
		i.next = append(append(i.next[:0], i.last...), 0)
	}
	return valid
}

// skip goes to the first key behind last that can be read, or to one soon after it.
func (i *Iter) skip() bool {
	bad, good, most := slices.Clone(i.last), i.upper, failsAtName
	precise := i.fails < failsMax
	switch {
	case !precise:
		most = 1
	case i.numbered:
		most = failsAtNumber
	}
	for mid := i.between(bad, good); mid != nil && most > 0; mid = i.between(bad, good) {
		if i.ended() {
			return false
		}
		if _, readable := i.seek(mid); readable {
			good = mid
		} else {
			bad = mid
			most--
		}
	}
	valid, _ := i.seek(good)
	// If nothing follows, something may yet be written there.
	if valid && precise && i.reader != nil {
		i.reader.Note(i.next, good)
	}
	return valid
}

// seek goes to a key. After an error it does so with another iterator: a seek that leaves
// a table for another one reports the error that the table had before.
func (i *Iter) seek(key []byte) (valid, readable bool) {
	if i.reader != nil && !bytes.Equal(key, i.upper) {
		if end := i.reader.at(key); end != nil {
			return false, false
		}
	}
	if i.iter.Error() != nil {
		fresh, err := i.iter.Clone(pebble.CloneOptions{})
		if err != nil {
			i.err = err
			return false, false
		}
		_ = i.iter.Close() // it returns the error of before
		i.iter = fresh
	}
	if valid = i.iter.SeekGE(key); valid || !pebble.IsCorruptionError(i.iter.Error()) {
		return valid, true
	}
	i.fails++
	return false, false
}

func (i *Iter) between(a, b []byte) []byte {
	if i.numbered {
		return between(a, b, len(i.upper))
	}
	return between(a, b, max(len(a), len(b))+precision)
}

// between returns a key about in the middle between a and b, a < b. It returns nil if
// they are too close to each other. It is at most size bytes long.
func between(a, b []byte, size int) []byte {
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	size = min(size, same+precision)
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
