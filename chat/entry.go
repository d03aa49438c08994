package chat

// Seq is the number of an entry in its room: 1 and up, contiguous within an
// epoch, below 2^53 so that JavaScript can hold it. 0 means none.
type Seq uint64

// Kind says what an entry does.
type Kind uint8

// The kinds. The numbers are written to disk and must not change.
const (
	// Message is something a user said.
	Message Kind = 1
	// Recall takes back the message numbered Target, whose body the journal
	// erases.
	Recall Kind = 2
	// Notice is something the server or its operator says.
	Notice Kind = 3

	// Kinds from here on are transient: followers get them in order with the
	// rest, but they are not recorded and have no number.

	// Binary is a binary frame of a raw client.
	Binary Kind = 128
	// Signal is what passes, such as that somebody types: a frame of chat.v1 for
	// everybody but From.
	Signal Kind = 129
	// Aside is a frame of chat.v1 for From's other sessions in the room alone.
	Aside Kind = 130
)

// Transient reports whether entries of this kind are delivered but not kept.
func (k Kind) Transient() bool { return k >= 128 }

// User is who speaks.
type User struct {
	ID     string
	Name   string
	Avatar string
	Guest  bool
}

// Entry is anything a journal records or passes on. Once handed to a journal it
// is shared by many goroutines and must not be changed, its Body included.
type Entry struct {
	Room string
	Kind Kind
	// Text says that Body is not JSON but the plain UTF-8 of a raw client's text
	// frame, which stands for the JSON string of it.
	Text bool
	// Recalled is set by the journal: this is a Message whose body has been
	// erased.
	Recalled bool
	From     User

	// Key, chosen by the client, makes Append idempotent per room and user.
	// Empty means that the same thing may be said twice.
	Key string

	// Target is the entry that this one is about; 0 for most.
	Target Seq

	// Body is a JSON value, unless Text is set.
	Body []byte

	// Origin is the session that handed the entry in. It travels to followers
	// but need not be recorded: a session does not outlive its journal.
	Origin string

	// Set by the journal.

	Seq Seq
	At  int64 // Unix milliseconds, never decreasing within a room
}

// cost is what an entry counts for where bytes are bounded: its text and a
// round sum for the rest.
func (e *Entry) cost() int {
	return len(e.Body) + len(e.Key) + len(e.From.ID) + len(e.From.Name) + 160
}
