package journal

import "context"

// Reader reads rooms. Whatever it returns is durable. It goes on while nothing can be
// recorded.
type Reader interface {
	// Read returns a page of a room. A room in which nothing was said is empty;
	// that is no error.
	Read(ctx context.Context, q Query) (Page, error)

	// Pages is Read for several rooms, in the order asked. bytes, if above 0, bounds
	// what the entries of all pages count for together: once it is reached, the later
	// pages have no entries, and More says that there are some.
	Pages(ctx context.Context, q []Query, bytes int) ([]Page, error)

	// Heads returns where rooms stand, in the order asked: a zero Head for a room
	// without entries.
	Heads(ctx context.Context, rooms []string) ([]Head, error)

	// Find returns the receipt that Append would give for an entry of user with this
	// key: that of the first one, with Duplicate set. It is zero if the key is new.
	Find(ctx context.Context, room, user, key string) (Receipt, error)
}

// Query asks for a page of a room's entries. Without Backward these are the
// entries above After, beginning with the lowest. With Backward they are the
// entries below Before, or the newest ones if Before is 0.
type Query struct {
	Room     string
	After    Seq
	Before   Seq
	Backward bool

	// Limit bounds the number of entries. With 0 the page has none.
	Limit int

	// Bytes, if above 0, bounds what the entries count for by Entry.Size. The journal
	// stops before the entry that would exceed it, and reads no further; but a page
	// has one entry if there is one. A journal may have a bound of its own, and
	// return fewer.
	Bytes int
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
	// Count and Dropped are those of Head.
	Count, Dropped uint64
	// Entries are in ascending order in both directions. They have no holes, except
	// where the store is damaged: Damaged says how many are missing.
	//
	// The body of an Edit is the present one of its target. It has none if the target
	// is recalled or no longer kept.
	Entries []Entry
	Damaged int
	// More says that there are further entries in the direction of the query.
	More bool
}

// Head says where a room stands.
type Head struct {
	Epoch       string
	First, Last Seq      // as in Page
	At          int64    // of the entry Last, Unix milliseconds
	Position    Position // of the entry Last
	Count       uint64   // counting entries that the room has had, kept or not
	Dropped     uint64   // of these, the ones below First
	Newest      Entry    // the newest counting entry that is kept; its Seq is 0 if there is none
	State       Seq      // the number of the newest governing entry, kept or not; 0 if there was none
}

// Unread returns how many counting entries that are kept a reader has not read whose
// mark stands at the count mark.
func (h *Head) Unread(mark uint64) uint64 { return unread(h.Count, h.Dropped, mark) }

// Unread is Head.Unread.
func (p *Page) Unread(mark uint64) uint64 { return unread(p.Count, p.Dropped, mark) }

func unread(count, dropped, mark uint64) uint64 {
	if mark = max(mark, dropped); mark < count {
		return count - mark
	}
	return 0
}
