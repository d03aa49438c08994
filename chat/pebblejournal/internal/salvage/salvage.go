// Package salvage reads a store that has damaged blocks. An iterator of Pebble ends at
// the first block that it cannot read. Iter goes on behind it, so that a damaged block
// costs what it held and nothing more. It goes forward only: going backward, Pebble reads
// the block before a key to return it.
//
// Pebble merges several tables, and an iterator that cannot read one of them shows nothing
// of the others there either: nothing of the newer ones, in which the block may be
// overwritten. So Iter reads the tables one by one at such a place.
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
//	between.go  what is in the middle of two keys
//	memory.go   what is known to be damaged
//	table.go    what can be read of one table
//	tables.go   what can be read of several tables, where one of them is damaged
//	reader.go   reading what is not known to be damaged
//	salvage.go  the iterator
package salvage

import (
	"bytes"
	"slices"

	"github.com/cockroachdb/pebble/v2"
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

	// At a damaged place: what can be read there all the same. iter is behind the place.
	current *pair
	rest    []pair
	from    []byte // what is not read yet of the place: from ≤ key < to
	to      []byte
	behind  bool // there is something behind the place
}

// New opens an iterator. If r is a *Reader, it skips what is known to be damaged, notes
// what it finds, ends with the context, and looks into the tables one by one. damaged, which
// may be nil, is called at each damaged place, with Pebble's error or ErrKnown. upper must
// not be nil.
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
	i.current, i.rest, i.from, i.to = nil, nil, nil, nil
	return i.move(i.iter.First)
}

// Next goes to the next key that can be read. It returns false as First does.
func (i *Iter) Next() bool {
	if i.current != nil && !i.ended() {
		return i.takeIntact()
	}
	return i.move(i.iter.Next)
}

// move goes on by step, or behind what is known to be damaged.
func (i *Iter) move(step func() bool) bool {
	if i.ended() {
		return false
	}
	if i.reader != nil {
		if end := i.reader.at(i.next); end != nil {
			i.tell(ErrKnown)
			valid, readable := i.seek(end)
			if readable {
				return i.enterDamaged(end, valid)
			}
			return i.settle(valid)
		}
	}
	return i.settle(step())
}

func (i *Iter) tell(why error) {
	if i.damaged != nil {
		i.damaged(why)
	}
}

// AtDamage reports whether the key is from a damaged place, where it was found in an intact
// table: others are missing, before it or behind it.
func (i *Iter) AtDamage() bool { return i.current != nil }

// ended reports whether the iterator has ended with its context.
func (i *Iter) ended() bool {
	if i.err == nil && i.reader != nil {
		i.err = i.reader.ended()
	}
	return i.err != nil
}

// Key is the key, until the iterator moves.
func (i *Iter) Key() []byte {
	if i.current != nil {
		return i.current.key
	}
	return i.iter.Key()
}

// Value is the value, until the iterator moves.
func (i *Iter) Value() []byte {
	if i.current != nil {
		return i.current.value
	}
	return i.iter.Value()
}

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
	if valid || !pebble.IsCorruptionError(i.iter.Error()) {
		return i.arrive(valid)
	}
	i.tell(i.iter.Error())
	valid, end := i.skip()
	if i.ended() {
		return false
	}
	if !valid && i.iter.Error() != nil {
		end = i.upper // there is nothing that can be read up to the bound
	}
	return i.enterDamaged(end, valid)
}

// enterDamaged goes to what intact tables have at a damaged place, which ends at end. iter
// has been moved behind it; behind says whether anything is there.
func (i *Iter) enterDamaged(end []byte, behind bool) bool {
	i.rest, i.behind = nil, behind
	i.from, i.to = slices.Clone(i.next), end
	if i.reader == nil || i.reader.tables == nil {
		i.from = end
	} else {
		i.err = i.reader.tables.flush(i.reader.ctx)
	}
	return i.err == nil && i.takeIntact()
}

// takeIntact goes to the next key of a damaged place, or behind the place.
func (i *Iter) takeIntact() bool {
	for len(i.rest) == 0 && bytes.Compare(i.from, i.to) < 0 {
		if i.rest, i.from, i.err = i.reader.tables.intact(i.reader.ctx, i.from, i.to); i.err != nil {
			return false
		}
	}
	if len(i.rest) > 0 {
		i.current, i.rest = &i.rest[0], i.rest[1:]
		return i.arrive(true)
	}
	i.current = nil
	return i.arrive(i.behind)
}

// arrive remembers where the iterator is.
func (i *Iter) arrive(valid bool) bool {
	if valid {
		i.last = append(i.last[:0], i.Key()...)
		i.next = append(append(i.next[:0], i.last...), 0)
	}
	return valid
}

// skip goes to the first key behind last that can be read, or to one soon after it. It
// returns where that is.
func (i *Iter) skip() (valid bool, good []byte) {
	bad, most := slices.Clone(i.last), failsAtName
	good = i.upper
	precise := i.fails < failsMax
	switch {
	case !precise:
		most = 1
	case i.numbered:
		most = failsAtNumber
	}
	for mid := i.between(bad, good); mid != nil && most > 0; mid = i.between(bad, good) {
		if i.ended() {
			return false, nil
		}
		if _, readable := i.seek(mid); readable {
			good = mid
		} else {
			bad = mid
			most--
		}
	}
	valid, _ = i.seek(good)
	// If nothing follows, something may yet be written there.
	if valid && precise && i.reader != nil {
		i.reader.Note(i.next, good)
	}
	return valid, good
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
