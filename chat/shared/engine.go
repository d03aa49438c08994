package shared

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Engine is a database that several nodes share. It decides the order: the entries of a
// part get their numbers and positions in one commit after the other, whichever node they
// come from.
//
// Whatever an Engine returns is durable. All methods may be called at once, but those that
// say otherwise. An error that wraps journal.ErrUnavailable says that certainly nothing has
// changed. After any other error of Commit and Swap nobody knows.
type Engine interface {
	// Parts is how many parts the feed has. It never changes.
	Parts() int

	// Commit records a batch, all of it or nothing. The same batch again has the same answer
	// and records nothing twice. One goroutine for each part calls it. It has no context,
	// because a commit that is cancelled may be recorded all the same; it returns when the
	// engine has answered or the connection is gone. ErrRolledBack says that nothing was
	// recorded, because the store has another epoch than the batch, lacks the row that it has
	// Seen, or has moved.
	Commit(b Batch) (Committed, error)

	// Marks says where the feed stands, in one round trip, and whether the store has what was seen.
	Marks(ctx context.Context, seen Standing) (Marks, error)

	// Continue lets a store go on that has moved or was rolled back, unless its epoch is no longer was. The
	// epoch stays if a node asks that ran before (same), the store has all that it has
	// seen, and what was acknowledged is lossless. Otherwise there is a new one, and all records that
	// named the old one name it. Of several nodes that ask, one does this.
	Continue(ctx context.Context, was string, same bool, seen Standing) error

	// Rows returns the rows of the feed above one number for each part, the lowest first
	// within a part, at most limit for each. A part whose number is NoRows has none.
	Rows(ctx context.Context, after []uint64, limit int) ([]Row, error)

	// Entries returns recorded entries of ranges, in the order asked, until they count for
	// more than bytes together: then all is false. Those that are no longer kept are left
	// out. They have the epoch of their room.
	Entries(ctx context.Context, ranges []Range, bytes int) (list []journal.Entry, all bool, err error)

	// Pages and Heads are those of journal.Reader. All rooms of a call take one round trip.
	// A limit of the engine may be below that of a query.
	Pages(ctx context.Context, q []PageQuery, bytes int) ([]journal.Page, error)
	Heads(ctx context.Context, rooms []string) ([]journal.Head, error)

	// Find returns the receipt for a claim of a room, or a zero one.
	Find(ctx context.Context, room string, c Claim) (journal.Receipt, error)

	// Begin makes a room that is not there, and returns its head, which has an epoch
	// although there may be no entry, and the newest row of its part.
	Begin(ctx context.Context, room string, part int) (journal.Head, uint64, error)

	// Rooms returns the names of at most limit rooms that have a head, behind a name, in
	// the order of their bytes.
	Rooms(ctx context.Context, after string, limit int) ([]string, error)

	// LetGo removes the oldest entries of rooms, at most some thousands in a call, and
	// reports how many. Claims of entries younger than young stay. Ages are by the engine's clock.
	LetGo(ctx context.Context, rooms []Limit, young time.Duration) (int, error)

	// Redact puts the names, the pictures and the bodies of entries of a room in the place of those that they had,
	// and returns the numbers of those that have other ones by now. The body of an entry that replaces another's stays.
	Redact(ctx context.Context, room string, part int, list []Redaction) (changed []journal.Seq, err error)

	// Forget removes all entries and claims of a room, and its head unless head is to stay.
	Forget(ctx context.Context, room string, part int, stays bool) error

	// Sweep removes kept claims that are older than claims, and rows of the feed and changes of records that
	// are older than rest, by the engine's clock: at most some thousands, and reports how many.
	Sweep(ctx context.Context, claims, rest time.Duration) (int, error)

	// Restore records entries of one room as they are, if its newest number is still After. It
	// returns their receipts, or none if it is not. A key that was used before does not count.
	Restore(ctx context.Context, r Restored) (Committed, error)
	// RestoreRecords is that of journal.Restorer.
	RestoreRecords(ctx context.Context, list []journal.Record) (written int, err error)

	// GetMany and Scan read records. Scan calls each for those of each prefix in the order of their
	// keys, as all of them were at one moment, until each returns an error, which it returns as it is. It
	// returns the newest revision of that moment, and holds few records at a time.
	GetMany(ctx context.Context, keys []string) ([]journal.Record, error)
	Scan(ctx context.Context, prefixes []string, each func(prefix int, r journal.Record) error) (revision uint64, err error)

	// Swap changes records that still have the value that was read, each by itself, and all that
	// changes in one commit. One goroutine calls it. Like Commit it has no context.
	Swap(changes []Change) ([]Swapped, error)

	// Changes returns what Swap has changed above a revision, the lowest first, at most limit.
	Changes(ctx context.Context, after uint64, limit int) ([]Changed, error)

	// Succeed lets a store that has recorded nothing go on in the epoch of another journal, with rows of the
	// feed above a number; dropped says that the other one has forgotten rooms. empty is false if something was recorded.
	Succeed(ctx context.Context, epoch string, dropped bool, above uint64) (empty bool, err error)

	// RestoreHead makes a room that goes on with the entry First, unless it has entries, and
	// returns when its life began. Seen and Epoch of the batch are as for Restore.
	RestoreHead(ctx context.Context, h RestoredHead) (born journal.Position, err error)

	// ForgetFeed forgets all rows of the feed.
	ForgetFeed(ctx context.Context) error

	// Send tells all nodes things of at most MaxHint bytes, this node included. They may be
	// lost. One goroutine calls it.
	Send(hints [][]byte) error

	// Listen calls heard for what nodes send from now on until ctx ends or the connection is
	// gone; then it returns. ready is called once it hears. heard keeps nothing of a hint. What this
	// node sends begins with own; it may be left out.
	Listen(ctx context.Context, own []byte, ready func(), heard func(hint []byte)) error

	// Beat says that a node is alive and returns those that have beaten in the last 10 seconds by the
	// engine's clock, ordered by ID. Leave says that it is gone.
	Beat(ctx context.Context, n journal.Node) ([]journal.Node, error)
	Leave(ctx context.Context, id string) error

	// Lease takes or renews a lease of a node for some seconds. It is false if another node has it.
	Lease(ctx context.Context, name, node string, seconds int) (bool, error)

	// Stats are the engine's figures: Entries and Bytes.
	Stats(ctx context.Context) (journal.Stats, error)

	// Close ends all connections. Calls that wait end with an error.
	Close() error
}

// MaxHint bounds what Send tells at once. PostgreSQL's NOTIFY takes 8000 bytes of text.
const MaxHint = 5_900

// Claim is what a user's key is known by in a room: the beginning of a hash of both.
// Without a key it is random.
type Claim [16]byte

// Nonce names a batch.
type Nonce [16]byte

// Seen is the newest row of a part that a node has acknowledged or shown. Row 0 is none.
type Seen struct {
	Row   uint64
	Nonce Nonce
}

// Standing is what a node has seen of a store. A store that was rolled back, as by the promotion of a
// standby that lacked the newest commits, lacks a part of it. Rows that were swept are not missed.
type Standing struct {
	Turn     uint64 // of the epoch
	Parts    []Seen // none: nothing is compared
	Revision uint64 // of changes of records
}

// ErrRolledBack says that a store is not, or perhaps not, what a node has seen. Nothing was recorded.
var ErrRolledBack = errors.New("the store was rolled back")

// Batch is what one commit records.
type Batch struct {
	Part  int
	Nonce Nonce
	Epoch string // of the store
	Seen  Seen
	Items []Item // at most MaxBatch. No claim of a room is there twice, nor the target of an effect.
}

// MaxBatch is how many entries a commit may have.
const MaxBatch = 1022

// positionsOfRow is how many positions a row of the feed has: those of row n are above (n-1) times
// that, and at most n times.
const positionsOfRow = 1023

// PartOf is that of so many parts in which a room is.
func PartOf(room string, parts int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(room))
	return int(h.Sum32() % uint32(parts))
}

// RowOf is the row of the feed that has a position.
func RowOf(p journal.Position) uint64 { return (uint64(p) + positionsOfRow - 1) / positionsOfRow }

// LastOf is the newest position that a row of the feed can have. That of its entries may be lower.
func LastOf(row uint64) journal.Position { return journal.Position(row * positionsOfRow) }

// Item is an entry with its claim.
type Item struct {
	Entry *journal.Entry
	Claim Claim
}

// Restored are entries of one room that go on after a number, with their Seq, At, Count and Edited.
type Restored struct {
	Batch
	After  journal.Seq
	Before uint64        // with After 0: how many counting entries there were before the first
	States []journal.Seq // the newest governing entry, as of each entry
	Moot   []bool        // what an entry does to its target was done
}

// RestoredHead is where a room stands before its first entry, which was of the life that Born tells.
type RestoredHead struct {
	Batch // without items
	Room  string
	Born  journal.Position
	First journal.Seq
	At    int64
	Count uint64
	State journal.Seq
}

// Result says what became of an item.
type Result uint8

// The results.
const (
	Recorded Result = iota // by this batch
	Known                  // the claim was recorded before
	Stale                  // journal.ErrStale
	NoTarget               // journal.ErrNoTarget
	Full                   // the room has no more numbers
)

// Committed is the answer to a batch: to each item, and the row of the feed, which is 0 if
// nothing was recorded. Alone says that there was at most one node.
type Committed struct {
	Row      uint64
	Outcomes []Outcome
	Alone    bool
}

// Outcome is the answer to an item. Without a number, the receipt is zero.
type Outcome struct {
	Result  Result
	Receipt journal.Receipt
}

// Marks is where a store stands.
type Marks struct {
	Epoch    string // of rooms that were never dropped
	Turn     uint64 // counts the epochs of the store
	Parts    []Mark
	Revision uint64 // the newest of a change of a record
	Now      int64  // Unix milliseconds, by the engine's clock
	Lacks    bool   // a part of what was seen
	Moved    bool   // to another server: until Continue, nothing can be committed
	Lossless bool   // what is acknowledged is on each server that the store may move to
}

// Mark is where a part of the feed stands.
type Mark struct {
	Row   uint64           // the newest
	Nonce Nonce            // of that one, if it is kept
	Last  journal.Position // its newest entry
	Gone  uint64           // the newest row that is no longer kept
}

// NoRows asks for no rows of a part.
const NoRows = 1<<63 - 1

// Row is what one commit has recorded. The numbers of a part are 1, 2, 3 … without holes.
// The entries have the first positions of the row, in the order of the ranges.
type Row struct {
	Part   int
	Number uint64
	Nonce  Nonce
	Ranges []Range
}

// Range is entries of one room that follow each other.
type Range struct {
	Room   string
	Lo, Hi journal.Seq
}

// PageQuery is a query and the part of its room.
type PageQuery struct {
	journal.Query
	Part int
}

// Limit says which entries of a room go: those below a number, those that are not among the
// newest Keep, those older than Age, and those with Bytes or more
// behind them. Zero fields do not limit.
type Limit struct {
	Room  string
	Below journal.Seq
	Keep  int
	Age   time.Duration
	Bytes int64
}

// Redaction is an entry as it was read, and as it is to be.
type Redaction struct{ Was, Now journal.Entry }

// Change replaces the value of a record. A nil value is no record.
type Change struct {
	Key      string
	Old, New []byte
	Blind    bool // whatever the old value is; the record gets no stamp
}

// Swapped is the answer to a Change: its revision, or 0 and the value that the record has.
type Swapped struct {
	Revision uint64
	Now      []byte
}

// Changed is a record as a Change made it.
type Changed struct {
	Revision uint64
	Record   journal.Record
}
