package journal

// User is who said something.
type User struct {
	ID     string
	Name   string
	Avatar string
	Guest  bool
}

// Origin is where an entry came from. Two nodes may use the same id for a session.
type Origin struct {
	Node    string // Node.ID
	Session string
}

// Entry is anything a journal records or passes on. After it was handed to a
// journal, many goroutines share it: neither the entry nor what it refers to may be
// changed.
type Entry struct {
	Room string
	Kind Kind

	// Text says that Body is not JSON but the plain UTF-8 text of a raw client's
	// frame. It stands for the JSON string of that text.
	Text bool

	// Quiet says that a kind that counts does not count here: the entry is shown
	// and raises no unread count.
	Quiet bool

	// Recalled is set by the journal: this is a Message whose body was erased.
	Recalled bool

	From User

	// Key is chosen by the client. It makes Append idempotent per room and user.
	// With an empty key the same message may be said twice.
	Key string

	// Target is the number of the entry that this one is about, or 0. For a Message
	// it is the one that it replies to, which need not exist.
	Target Seq

	// Mentions are ids of users whom a Message names, at most MaxMentions; or "*"
	// alone, for everybody. A Recall has those of its target.
	Mentions []string

	// Via names the service key that spoke for From, or is empty.
	Via string

	// Body is a JSON value, unless Text is set.
	Body []byte

	// Origin says who handed the entry in. Followers get it. A journal need not
	// record it, because no session outlives the journal.
	Origin Origin

	// Since is a condition, and 0 is none: see Journal.Append. With are the records
	// that are written together with the entry. Neither is recorded or delivered.
	Since Seq
	With  []Record

	// The journal sets the rest.

	Seq Seq
	At  int64 // Unix milliseconds; never decreases within a room

	// Count is how many counting entries the room has had up to and including this
	// one, kept or not.
	Count uint64

	// Position is the entry's place in the feed. 0: it was recorded before there was
	// a feed.
	Position Position

	// Edited is the number of the newest Edit of a Message, or 0.
	Edited Seq

	// Epoch is the epoch of the room. Only Feed and FollowFeed set it: a Page and a
	// Start have one for all their entries.
	Epoch string
}

// Counts reports whether the entry counts as unread.
func (e *Entry) Counts() bool { return kinds[e.Kind].counts && !e.Quiet }

// Size returns what an entry counts for where bytes in memory are bounded: its
// texts, and 320 bytes for the rest.
func (e *Entry) Size() int {
	n := len(e.Body) + len(e.Key) + len(e.From.ID) + len(e.From.Name) + len(e.From.Avatar) + len(e.Via) + 320
	for _, m := range e.Mentions {
		n += len(m) + 16
	}
	return n
}

// Receipt tells what became of an appended entry. Count and Position are 0 for a
// duplicate whose first entry is no longer kept.
type Receipt struct {
	Epoch     string // of the room
	Seq       Seq
	At        int64 // Unix milliseconds
	Duplicate bool
	Count     uint64   // as in Entry
	Position  Position // as in Entry
}
