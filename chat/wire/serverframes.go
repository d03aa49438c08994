package wire

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Frame is a frame from a server: [*Error], [*Bye], or a pointer type of this file
// that has Append. PROTOCOL.md describes each under the frame's type, which is the
// name of the Go type unless its comment names another.
type Frame interface {
	// Append appends the frame to dst. It does not allocate if dst has room.
	Append(dst []byte) []byte
}

// User is the author of an entry, or somebody who is present.
type User struct {
	ID     string
	Name   string // may be empty
	Avatar string // may be empty
	Guest  bool   // the name is not verified
}

// Entry is anything that has a number in its room. It is a frame of its own when it
// is live, and looks the same as an element of a list of entries.
type Entry struct {
	Kind journal.Kind // one that has a frame
	Room string
	Seq  uint64
	At   int64  // Unix milliseconds
	From User   // not of a Notice; the ID may be empty in a Recalled
	Via  string // the key that spoke in the sender's name; empty: the sender did
	Key  string // of a Message, chosen by its sender; may be empty
	// Body is a JSON value, or, with Text, plain UTF-8 that is encoded as a JSON
	// string. A Recalled has none, and an Edited whose message has none any more.
	Body []byte
	Text bool
	// Target is the number of the message that a Recalled takes back or an Edited
	// replaces, and of the entry that a Message replies to; 0 if it replies to none.
	Target uint64
	// Mentions and Quiet are those of a Message, as in Send. A Notice may be Quiet.
	Mentions []string
	Quiet    bool
	// Gone marks a Message that was recalled: it has no body.
	Gone bool
	// Edited is the number of the newest edit of a Message, or 0.
	Edited uint64
	// Tags are those of a Message, in lists of entries.
	Tags []Tag
}

// Tag is what a message is tagged with: by users, or, if Value is there, for all.
type Tag struct {
	Tag   string
	Users int      // that have tagged it so
	Mine  bool     // the receiver is one of them
	Some  []string // ids of up to three of them
	Value []byte   // a JSON value
}

// Room is the state of one room for a client that asked to join it.
type Room struct {
	Name string
	// Refused says why the room was not joined; the other fields are then
	// meaningless. Its ID and Field are not used.
	Refused *Error

	Epoch   string
	Last    uint64 // the newest entry's number, 0 if there never was one
	Entries []Entry
	More    bool   // other entries follow, and the room is not live yet
	Gap     bool   // the client must discard the entries it has
	Members int    // number of users present; negative if the room hides it
	Read    uint64 // the user's read mark, 0 for none
	Unread  uint64 // number of messages and notices above Read
	Write   bool   // the user may send
	// Moderate means that the user may recall other users' messages, mute, kick
	// and ban.
	Moderate bool

	Pins []uint64 // messages that are pinned, the oldest first

	Conversation *Conversation // nil: it is none
}

// Conversation is what a room with members is, for one of them.
type Conversation struct {
	Info
	Role string // the user's; none for readers who are no members
	Size int    // how many members there are
	With *User  // the other user, if there are two
}

// Welcome answers [Hello].
type Welcome struct {
	ID      string
	Session string
	At      int64 // Unix milliseconds
	User    User
	// Token lets a guest come back as the same user; empty for others.
	Token string
	// Expires is when the session's token expires, in Unix milliseconds; 0 for
	// never.
	Expires int64
	Ping    time.Duration // the ping interval
	Limits  Limits
	Rooms   []Room  // in the order of the hello
	List    *Listed // nil: it was not wanted
}

// Row is one conversation in the list of a user. Gone: it is not in the list any more, and
// the rest has no meaning.
type Row struct {
	Room string
	Gone bool

	// The half that all members share.
	Title, Avatar string
	Closed        bool
	Size          int
	Epoch         string
	Last          uint64
	At            int64  // of Entry, or else of joining; Unix milliseconds
	Count         uint64 // entries that count as unread, that the room has had
	Entry         *Entry // the newest of these that the user is shown; nil: none
	Cut           bool   // its body was shortened

	// The user's half.
	Role    string
	With    *User // the other one of two
	Read    uint64
	Unread  uint64
	Mention uint64 // the newest message above Read that mentions the user; 0: none
	Notify  bool
	Top     bool
	Hidden  bool
	Block   bool // the user has blocked the other one
}

// Listed is the list in a [Welcome].
type Listed struct {
	At     string // for ListFrom.Since of the next time
	All    bool   // the client drops what it had
	Live   bool   // changes follow
	Rows   []Row
	Next   string
	Unread uint64 // in all conversations that notify and are not hidden; only with All
}

// Info is what a conversation is called. It is the body of an entry that says so.
type Info struct {
	Title, Avatar, About string
	Closed               bool
}

// Joined answers [Join].
type Joined struct {
	ID   string
	Room Room // not refused
}

// OK, frame ok, answers commands that have no answer of their own.
type OK struct {
	ID   string
	Room string // empty if the command named none
}

// Sent, frame ok, answers [Send], [Edit], [SetTag] and [Recall].
type Sent struct {
	ID   string
	Room string
	// Seq and At are those of the entry that was recorded. They are 0 if none
	// was, because the message had been recalled before.
	Seq       uint64
	At        int64 // Unix milliseconds
	Duplicate bool  // the command had been carried out before
}

// Marked, frame ok, answers [Read].
type Marked struct {
	ID     string
	Room   string
	Seq    uint64 // the read mark
	Unread uint64 // number of messages and notices above it
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
	More    bool    // there are further entries in the requested direction
}

// Roster, frame who, answers [Who].
type Roster struct {
	ID      string
	Room    string
	Users   []User // at most MaxUsers
	Members int    // number of users present
}

// MaxUsers is the most users that a list in a frame has.
const MaxUsers = 100

// Pong answers [Ping].
type Pong struct {
	ID string
}

// Presence reports which users joined and left a room.
type Presence struct {
	Room    string
	Joined  []User // at most MaxUsers
	Left    []User // at most MaxUsers
	Members int    // number of users present now
}

// Writing, frame typing, reports that another user is typing.
type Writing struct {
	Room string
	From User
}

// Mark, frame read, reports that the user moved the read mark on another device.
type Mark struct {
	Room   string
	Seq    uint64
	Unread uint64 // number of messages and notices above it
}

// Expiring reports that the session's token expires soon.
type Expiring struct {
	Expires int64 // Unix milliseconds
}

// Silenced, frame muted, reports that a moderator muted the user or ended a mute.
type Silenced struct {
	Room string // empty for all rooms
	// For is how long from now: 0 if the mute was ended, [Forever] for no end.
	For time.Duration
}

// Removed reports that the session is no longer in a room although it did not
// leave.
type Removed struct {
	Room string
	Why  *Error // its ID and Field are not used
}

// Entry is the entry of what somebody says.
func (c *Send) Entry() journal.Entry {
	kind := journal.Message
	if c.Notice {
		kind = journal.Notice
	}
	return journal.Entry{
		Kind: kind, Key: c.Key, Target: journal.Seq(c.Reply), Mentions: c.Mentions, Quiet: c.Quiet, Body: c.Body,
	}
}

// EntryOf returns an entry of a journal as frames show it. It must be of a kind
// that has a frame.
func EntryOf(e *journal.Entry) Entry {
	return Entry{
		Kind:     e.Kind,
		Room:     e.Room,
		Seq:      uint64(e.Seq),
		At:       e.At,
		From:     User(e.From),
		Via:      e.Via,
		Key:      e.Key,
		Body:     e.Body,
		Text:     e.Text,
		Target:   uint64(e.Target),
		Mentions: e.Mentions,
		Quiet:    e.Quiet,
		Gone:     e.Recalled,
		Edited:   uint64(e.Edited),
	}
}

// EntriesOf returns entries of a journal as frames show them.
func EntriesOf(entries []journal.Entry) []Entry {
	list := make([]Entry, len(entries))
	for i := range entries {
		list[i] = EntryOf(&entries[i])
	}
	return list
}

// JSONSize returns about how many bytes an entry of a journal takes in a frame.
func JSONSize(e *journal.Entry) int {
	size := e.Size()
	if e.Text {
		size += quotedSize(e.Body) - len(e.Body)
	}
	return size
}

// Size returns about how many bytes a tag takes in a frame, without its users.
func (t *Tag) Size() int { return 48 + quotedSize(t.Tag) + len(t.Value) }

// IDSize returns how many bytes an id takes in a list.
func IDSize(id string) int { return 1 + quotedSize(id) }
