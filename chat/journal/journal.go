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
// What waits for a disk or a server has a context, or ends within a bound that its
// comment names. Implementations must be safe for concurrent use. Prove one with
// journaltest.Run.
type Journal interface {
	Reader
	Feeder

	// Append hands in e as the next entry of e.Room. It does not wait for the
	// entry to be durable, but it may wait for a place in a queue while too much
	// waits to be written; ctx bounds that wait. Afterwards nothing cancels the entry.
	// The journal calls done exactly once, from any goroutine, possibly before
	// Append returns. done must not block.
	//
	// If done gets a nil error, the entry is as durable as the journal promises.
	// If it gets an error, the entry is not recorded and never will be, so that
	// the same key may be tried again; only after ErrUncertain it may be recorded
	// or not, and the same key tells.
	//
	// Entries that one goroutine hands in one after the other keep that order
	// within a room.
	//
	// An empty key never counts. A key that the user e.From.ID used in this room before
	// records nothing: the receipt is that of the first entry, with Duplicate set.
	// This holds for as long as the first entry is kept and for at least 24 hours,
	// and also while the first entry is still being written. Only a bound on the whole
	// store can make a journal forget the key of a removed entry earlier.
	//
	// An entry whose kind has the effect Erase erases the body of its target in
	// the same write. It is no error if the target is gone or never existed. With the
	// effect Replace it puts its own body in the place of the target's, and keeps none
	// itself: so the target has the one copy, which a recall erases. If the target is
	// not a message that is kept and not recalled, the error is ErrNoTarget.
	//
	// If e.Since is above 0 and a governing entry of the room has that number or a
	// higher one, the error is ErrStale. So a writer that judged the room as of the
	// governing entry v passes v+1, and one who founds it passes 1. If several of
	// these rules apply, the first one holds: a known key, ErrNoTarget, ErrStale.
	//
	// The records of e.With are written in the same commit, with the stamp of e, if
	// and only if e is recorded now. In the commit of several entries the last word
	// for a key counts.
	//
	// A transient entry is passed on to followers, in order with the others. Its
	// receipt has a time and nothing else.
	Append(ctx context.Context, e Entry, done func(Receipt, error))

	// Follow calls f.Deliver for every entry of room behind the number after, or from
	// now on if after is Newest or above the room's last number. Entries come in
	// order, one call at a time, with no lock held, and not before they are durable.
	// Recorded entries come without holes, unless retention or damage made one:
	// whoever asks for a number can see that by Seq. Transient entries come in order
	// with the rest; those from before the follower has caught up with the room may be
	// left out. On several nodes, a transient entry comes behind what its node has handed in
	// and shown before it, and in no order with what another node hands in meanwhile.
	//
	// Several followers of one room are independent of each other. The first calls
	// may come before Follow returns.
	Follow(room string, after Seq, f Follower) (Start, error)

	// Records returns the small values that are kept beside the entries.
	Records() Records

	// Trim forgets the entries of a room below a number. It gives no number again. With
	// All it forgets all entries, their keys, and the room's head unless somebody
	// follows the room: its next entry then begins with 1, in another epoch.
	Trim(ctx context.Context, room string, below Seq) error

	// Nodes returns the processes that use the store.
	Nodes() Nodes

	// Close ends every Follow and Watch, finishes what was appended and releases the
	// journal. What it cannot settle in 5 seconds it answers with ErrUncertain, and
	// returns. Later calls of all methods get ErrClosed.
	Close() error
}

// Retention says how much of a room is kept. Zero fields do not limit. The oldest
// entries go first. A number is never given twice in an epoch.
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
	Damaged     uint64        // counter: entries and records that could not be read
	Lost        uint64        // counter: entries and changes of records that were found missing, at least
	Unavailable bool          // nothing can be recorded now
}

// ErrUnavailable is wrapped by the errors of a journal that cannot record now,
// for example because its disk is full, and may be able to record later. Nothing was
// recorded. Reading still works.
var ErrUnavailable = errors.New("journal can't record now")

// ErrUncertain is wrapped by the errors of a journal that does not know whether it
// has recorded something. The same key, or Find, tells later.
var ErrUncertain = errors.New("it is not certain whether the journal has recorded it")

// ErrStale says that a room has a governing entry that the writer did not know:
// Entry.Since. Judge again and append again.
var ErrStale = errors.New("the room has changed: judge again")

// ErrNoTarget says that an entry would change one that is not kept, is recalled or is
// no message.
var ErrNoTarget = errors.New("there is no message with the number of the target")
