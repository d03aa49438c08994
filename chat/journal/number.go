package journal

import "math"

// Seq is the number of an entry in its room. Numbers begin with 1, have no holes
// within an epoch and stay below 2^53, so that JavaScript can hold them. 0 means
// none.
type Seq uint64

// All, as the bound of Trim, stands for everything in a room, its head included.
const All Seq = math.MaxUint64

// Newest, as the position of Follow, stands for the newest entry: the follower gets
// what comes after it.
const Newest Seq = math.MaxUint64

// Position is the place of an entry in its part of the feed. It is unique in the
// part, and rises in the order of commits, with gaps. 0 means none.
type Position uint64

// Stamp says which entry wrote a record: its number, the count of its room at that
// entry, and its position. It is zero for what Put wrote. For what Update wrote, it
// has only a Position, which rises with each update of any record and is compared
// with nothing but other updates.
type Stamp struct {
	Seq      Seq
	Count    uint64
	Position Position
}
