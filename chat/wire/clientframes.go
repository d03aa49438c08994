package wire

import "time"

// Command is a frame from a client: one of the pointer types of this file.
// Servers get commands from [Decode], which checks every field against the limits
// of the protocol. Clients written in Go create them themselves.
type Command interface {
	// CommandID returns the id that the answer must carry. If it is empty, the
	// command is not answered by ok, and other answers have no id.
	CommandID() string
	// Append appends the frame to dst.
	Append(dst []byte) []byte
}

// Hello is the first command: it signs in. The answer is a [Welcome].
type Hello struct {
	ID string
	// Token proves who the user is. It is empty for guests and for users that
	// the handshake identified.
	Token string
	// Device is the same each time this device connects, and different for each
	// device of the user. If it is empty, the connection replaces no other.
	Device string
	// Name and Avatar are used if the user's identity does not determine them. They
	// are as the client has sent them: access.CleanUser makes them fit to be shown.
	Name, Avatar string
	// Rooms are the rooms to join, each named once.
	Rooms []Place
	// List asks for the list of conversations. nil: it is not wanted.
	List *ListFrom
}

// ListFrom, in a hello, asks for the list, and for its changes from then on.
type ListFrom struct {
	Since string // Rows.At of an earlier answer, or empty
	Limit int    // 0 for the server's own
}

// Place is a room to join, and the last entry of it that the client has.
type Place struct {
	Room string
	// Resume means that the client has the room's entries up to After, counted
	// in Epoch. With After 0 it knows the epoch and has no entry. Without Resume
	// it has nothing, and Epoch and After are zero.
	Resume bool
	Epoch  string
	After  uint64
}

// Join joins a room, or asks for the entries that follow in a room whose last
// answer had more of them than it could carry. The answer is a [Joined].
type Join struct {
	ID string
	Place
}

// Leave leaves a room. The answer is an [OK].
type Leave struct {
	ID   string
	Room string
}

// Send sends a message to a room. The answer is a [Sent].
type Send struct {
	ID   string
	Room string
	// Key, chosen by the client, makes it safe to send the same message again.
	// Without a key it may be recorded twice.
	Key string
	// Reply is the number of the entry that this answers, or 0.
	Reply uint64
	// Mentions are ids of users, each once; or "*" alone, for everybody.
	Mentions []string
	// Quiet says that the message does not count as unread.
	Quiet bool
	// Notice says that this is a notice and no message. Only keys send any.
	Notice bool
	// Body is a JSON value without white space between its tokens.
	Body []byte
}

// History asks for older entries of a room. The answer is a [Page].
type History struct {
	ID   string
	Room string
	// With Forward the answer has the entries that follow After. Otherwise it has
	// those before Before, or the newest if Before is 0.
	Forward bool
	After   uint64
	Before  uint64
	// Limit is the most entries to return, 0 for the server's own limit.
	Limit int
}

// Edit replaces the body of a message. The answer is a [Sent].
type Edit struct {
	ID   string
	Room string
	Seq  uint64
	Key  string // as in Send
	Body []byte // as in Send
}

// SetTag, frame tag, sets or removes a tag of a message. The answer is a [Sent].
type SetTag struct {
	ID   string
	Room string
	Seq  uint64
	Tag  string
	// Value is true or false, or with Shared any JSON value without white space between
	// its tokens; false removes the tag.
	Value []byte
	// Shared says that the tag belongs to the message and not to the user.
	Shared bool
}

// Recall takes a message back. The answer is a [Sent].
type Recall struct {
	ID   string
	Room string
	Seq  uint64
}

// Typing reports that the user is typing. The answer is an [OK].
type Typing struct {
	ID   string
	Room string
}

// Read moves the user's read mark to an entry. The answer is a [Marked].
type Read struct {
	ID   string
	Room string
	Seq  uint64
}

// Who asks for the users in a room. The answer is a [Roster].
type Who struct {
	ID   string
	Room string
}

// Ping asks for a [Pong].
type Ping struct {
	ID string
}

// Renew replaces the session's token by a new one of the same user. The answer is
// a [Renewed].
type Renew struct {
	ID    string
	Token string
}

// Mute stops a user from writing. The answer is an [OK].
type Mute struct {
	ID   string
	Room string // empty for all rooms
	User string
	// For is how long, in whole milliseconds: 0 ends a mute, [Forever] has no
	// end.
	For time.Duration
}

// Kick removes a user, who may join again. The answer is an [OK].
type Kick struct {
	ID   string
	Room string // empty for all rooms
	User string
}

// Ban removes a user, who may not join again. The answer is an [OK].
type Ban struct {
	ID   string
	Room string // empty for all rooms
	User string
	// For is how long, in whole milliseconds: 0 ends a ban, [Forever] has no end.
	For time.Duration
}

func (c *Hello) CommandID() string   { return c.ID }
func (c *Join) CommandID() string    { return c.ID }
func (c *Leave) CommandID() string   { return c.ID }
func (c *Send) CommandID() string    { return c.ID }
func (c *History) CommandID() string { return c.ID }
func (c *Edit) CommandID() string    { return c.ID }
func (c *SetTag) CommandID() string  { return c.ID }
func (c *Recall) CommandID() string  { return c.ID }
func (c *Typing) CommandID() string  { return c.ID }
func (c *Read) CommandID() string    { return c.ID }
func (c *Who) CommandID() string     { return c.ID }
func (c *Ping) CommandID() string    { return c.ID }
func (c *Renew) CommandID() string   { return c.ID }
func (c *Mute) CommandID() string    { return c.ID }
func (c *Kick) CommandID() string    { return c.ID }
func (c *Ban) CommandID() string     { return c.ID }
