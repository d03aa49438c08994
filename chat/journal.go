package chat

import (
	"context"
	"errors"
	"time"
)

// Journal is the ordered record of every room. It decides the order of a room's
// entries and numbers them: nothing is shown to any member until the journal
// delivers it, on one node or on many. It never hears of sessions.
//
// Implementations must be safe for concurrent use. Prove one with
// journaltest.Run.
type Journal interface {
	// Append hands e in as the next entry of e.Room. It does not wait: done is
	// called exactly once, by any goroutine, possibly before Append returns.
	// done must not block. With a nil error the entry is as durable as the
	// journal promises; with an error it is not recorded and never will be, so
	// that the same key may be tried again.
	//
	// Entries handed in by one goroutine one after the other keep that order
	// within a room. An e.Key that e.From.ID used in this room before, for as
	// long as that entry is kept and at least 24 hours, records nothing: the
	// receipt is the first one's, with Duplicate set. That also holds while the
	// first is still being written.
	//
	// A Recall erases the body of the Message it targets in the same stroke; a
	// target that is gone or never was is no error.
	//
	// A transient entry is passed on to followers, in order with the others,
	// and gets the zero Receipt but for its time.
	Append(e Entry, done func(Receipt, error))

	// Read returns a page of a room. A room that nobody has spoken in is empty,
	// not an error.
	Read(ctx context.Context, q Query) (Page, error)

	// Follow calls deliver for every entry appended to room from now on, in
	// order, without holes, never concurrently and never with a lock held; not
	// before the entry is durable. deliver must not block. Several followers of
	// one room are independent. stop may be called from anywhere but deliver,
	// and returns after the last call.
	Follow(room string, deliver func(Entry)) (stop func(), err error)

	// Records returns the small records kept beside the entries.
	Records() Records

	// Close ends every Follow, finishes what was appended and releases the
	// journal. Further calls get ErrJournalClosed.
	Close() error
}

// Receipt tells what became of an appended entry.
type Receipt struct {
	Epoch     string
	Seq       Seq
	At        int64 // Unix milliseconds
	Duplicate bool
}

// Query asks for a page of a room's entries. Without Backward it is the entries
// numbered above After, from there upwards. With Backward it is those below
// Before, or the newest where Before is 0. Limit bounds their number; a journal
// may return fewer than Limit and say so by Page.More.
type Query struct {
	Room     string
	After    Seq
	Before   Seq
	Backward bool
	Limit    int
}

// Page is part of a room's record.
type Page struct {
	// Epoch is the life of the numbering. Positions of another epoch mean
	// nothing here.
	Epoch string
	// First is the oldest entry still kept and Last the newest number given;
	// First is Last+1 where nothing is kept. In an empty room Last is 0.
	First, Last Seq
	// Entries are in ascending order in both directions, contiguous.
	Entries []Entry
	// More says that there are further entries in the direction asked for.
	More bool
}

// Records keeps small values that are not entries: read marks, bans. Keys are
// valid UTF-8 of at most 512 bytes, values at most 4 KiB.
type Records interface {
	// Put keeps value under key, or deletes it where value is nil. When Put
	// returns nil it is as durable as an entry.
	Put(ctx context.Context, key string, value []byte) error
	// Get returns nil where there is none.
	Get(ctx context.Context, key string) ([]byte, error)
	// Scan calls each for the records whose keys begin with prefix, in the
	// order of their keys, until each returns an error, which Scan returns.
	Scan(ctx context.Context, prefix string, each func(key string, value []byte) error) error
}

// Retention says how much of a room is kept. Zero fields don't limit. Entries
// go oldest first; numbers are never given twice.
type Retention struct {
	Count int
	Age   time.Duration
	Bytes int64
}

// ErrJournalClosed is returned after Close.
var ErrJournalClosed = errors.New("journal is closed")

// ErrUnavailable is wrapped by errors of a journal that can't record just now,
// for example because its disk is full, and may be able to later. Reading goes
// on meanwhile.
var ErrUnavailable = errors.New("journal can't record now")
