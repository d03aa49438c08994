package journal

import (
	"context"
	"errors"
	"time"
)

// Journal is the ordered record of every room. It decides the order of a room's
// entries and numbers them. Nobody in a room is shown an entry before the journal
// has delivered it, on one node or on many. A journal knows nothing of sessions.
//
// Implementations must be safe for concurrent use. Prove one with
// journaltest.Run.
type Journal interface {
	// Append hands in e as the next entry of e.Room. It does not wait for the
	// entry to be durable, but it may wait while too much waits to be written.
	// The journal calls done exactly once, from any goroutine, possibly before
	// Append returns. done must not block.
	//
	// If done gets a nil error, the entry is as durable as the journal promises.
	// If it gets an error, the entry is not recorded and never will be, so that
	// the same key may be tried again.
	//
	// Entries that one goroutine hands in one after the other keep that order
	// within a room.
	//
	// An empty key never counts. A key that the user e.From.ID used in this room before records nothing: the
	// receipt is that of the first entry, with Duplicate set. This holds for as
	// long as the first entry is kept and for at least 24 hours, and also while
	// the first entry is still being written.
	//
	// An entry whose kind has the effect Erase erases the body of its target in
	// the same write. It is no error if the target is gone or never existed.
	//
	// A transient entry is passed on to followers, in order with the others. Its
	// receipt has a time and nothing else.
	Append(e Entry, done func(Receipt, error))

	// Read returns a page of a room. A room in which nothing was said is empty;
	// that is no error.
	Read(ctx context.Context, q Query) (Page, error)

	// Follow calls deliver for every entry that is appended to room from now on:
	// in order, without holes, one call at a time, with no lock held, and not
	// before the entry is durable. deliver must not block. Several followers of
	// one room are independent of each other. stop may be called from anywhere
	// but deliver; it returns after the last call of deliver.
	Follow(room string, deliver func(Entry)) (stop func(), err error)

	// Records returns the small values that are kept beside the entries.
	Records() Records

	// Close ends every Follow, finishes what was appended and releases the
	// journal. Later calls get ErrClosed.
	Close() error
}

// Receipt tells what became of an appended entry.
type Receipt struct {
	Epoch     string
	Seq       Seq
	At        int64 // Unix milliseconds
	Duplicate bool
}

// Query asks for a page of a room's entries. Without Backward these are the
// entries above After, beginning with the lowest. With Backward they are the
// entries below Before, or the newest ones if Before is 0. Limit bounds their
// number. A journal may return fewer and say so with Page.More.
type Query struct {
	Room     string
	After    Seq
	Before   Seq
	Backward bool
	Limit    int
}

// Page is a part of a room's history.
type Page struct {
	// Epoch is the life of the numbering. Numbers of another epoch mean nothing
	// here.
	Epoch string
	// First is the number of the oldest entry that is kept; Last is the newest
	// number that was given. First is Last+1 if nothing is kept. In an empty room
	// Last is 0.
	First, Last Seq
	// Entries are in ascending order in both directions, without holes.
	Entries []Entry
	// More says that there are further entries in the direction of the query.
	More bool
}

// Retention says how much of a room is kept. Zero fields do not limit. The oldest
// entries go first. A number is never given twice.
type Retention struct {
	Count int
	Age   time.Duration
	Bytes int64
}

// Stats are a journal's figures, as far as it has them. Counters begin at 0 when
// the journal is opened.
type Stats struct {
	Entries     uint64        // kept now
	Bytes       int64         // that all of it takes now
	Commits     uint64        // counter: groups of entries made durable
	Recorded    uint64        // counter: entries in these groups
	CommitTime  time.Duration // counter: spent on these groups
	Unavailable bool          // nothing can be recorded now
}

// ErrClosed is returned after Close.
var ErrClosed = errors.New("journal is closed")

// ErrUnavailable is wrapped by the errors of a journal that cannot record now,
// for example because its disk is full, and may be able to record later. Reading
// still works.
var ErrUnavailable = errors.New("journal can't record now")
