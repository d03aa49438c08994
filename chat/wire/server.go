package wire

import "time"

// Frame is what a server says: [*Error], [*Bye] or a pointer type of this file.
// PROTOCOL.md describes each under the frame's type, which is the Go type's name
// unless its comment says otherwise.
type Frame interface {
	// Append appends the frame to dst. It allocates nothing where dst has room.
	Append(dst []byte) []byte
}

// User is who speaks.
type User struct {
	ID     string
	Name   string // may be empty
	Avatar string // may be empty
	Guest  bool   // nobody vouches for the name
}

// EntryType says what an entry does.
type EntryType uint8

// The types of entries.
const (
	// Message is something that From said.
	Message EntryType = iota + 1
	// Recalled says that From took the message Target back.
	Recalled
	// Notice is something that the server or its operator said.
	Notice
)

// String returns the type as frames have it.
func (t EntryType) String() string { return entryTypes[t] }

// Entry is anything that has a number in its room: the live frame, and the
// element of a list of entries, which is the same.
type Entry struct {
	Type EntryType
	Room string
	Seq  uint64
	At   int64  // Unix milliseconds
	From User   // not of a Notice; of a Recalled its ID may be empty
	Key  string // of a Message, as its sender chose it; may be empty
	// Body is a JSON value; or, with Text, the plain UTF-8 that stands for the
	// JSON string of it. Not of a Recalled.
	Body []byte
	Text bool
	// Target is the number of the message that a Recalled is about.
	Target uint64
	// Gone says of a Message that it has been recalled: it has no body.
	Gone bool
}

// Room tells of one room that was asked for.
type Room struct {
	Name string
	// Refused says why it was not joined; its ID and Field are not used. The
	// other fields are meaningless then.
	Refused *Error

	Epoch   string
	Last    uint64 // the newest entry's number, 0 where there never was one
	Entries []Entry
	More    bool   // entries follow, and the room is not live yet
	Gap     bool   // what the client had is stale
	Members int    // users that are present; negative where that is not told
	Read    uint64 // up to where the user has read, 0 for nothing
	Unread  uint64 // entries above Read
	Write   bool   // the user may send
	// Moderate says that the user may recall, mute, kick and ban.
	Moderate bool
}

// Welcome answers [Hello].
type Welcome struct {
	ID      string
	Session string
	At      int64 // Unix milliseconds
	User    User
	// Token lets a guest come back as the same user; empty for others.
	Token string
	// Expires is when the session's token ends, in Unix milliseconds, 0 for
	// never.
	Expires int64
	Ping    time.Duration // the ping interval
	Limits  Limits
	Rooms   []Room // as the hello named them
}

// Joined answers [Join].
type Joined struct {
	ID   string
	Room Room // not refused
}

// OK, frame ok, answers commands of which there is no more to tell.
type OK struct {
	ID   string
	Room string // empty where the command named none
}

// Sent, frame ok, answers [Send] and [Recall].
type Sent struct {
	ID   string
	Room string
	// Seq and At are those of the entry that was made; 0 where none was,
	// because the message had been recalled before.
	Seq       uint64
	At        int64 // Unix milliseconds
	Duplicate bool  // it had been done before
}

// Marked, frame ok, answers [Read].
type Marked struct {
	ID     string
	Room   string
	Seq    uint64 // where the mark stands now
	Unread uint64
}

// Renewed, frame ok, answers [Renew].
type Renewed struct {
	ID      string
	Expires int64 // Unix milliseconds, 0 for never
}

// Page, frame history, answers [History].
type Page struct {
	ID      string
	Room    string
	Epoch   string
	Entries []Entry // ascending
	More    bool    // further entries lie in the direction asked for
}

// Roster, frame who, answers [Who].
type Roster struct {
	ID      string
	Room    string
	Users   []User // at most MaxUsers
	Members int    // how many there are
}

// MaxUsers is how many users a list in a frame has at most.
const MaxUsers = 100

// Pong answers [Ping].
type Pong struct {
	ID string
}

// Presence says who came and went.
type Presence struct {
	Room    string
	Joined  []User // at most MaxUsers
	Left    []User // at most MaxUsers
	Members int    // how many there are now
}

// Writing, frame typing, says that somebody else is writing.
type Writing struct {
	Room string
	From User
}

// Mark, frame read, says that the user has read on, on another device.
type Mark struct {
	Room   string
	Seq    uint64
	Unread uint64
}

// Expiring says that the session's token ends soon.
type Expiring struct {
	Expires int64 // Unix milliseconds
}

// Silenced, frame muted, says that the user was muted, or that a mute was
// lifted.
type Silenced struct {
	Room string // empty: everywhere
	// For is how long from now, 0 where it was lifted, [Forever] for no end.
	For time.Duration
}

// Removed says that the session is no longer in a room and did not ask for it.
type Removed struct {
	Room string
	Why  *Error // its ID and Field are not used
}
