package wire

import "time"

// Command is a frame that a client says: one of the pointer types of this file.
// Clients written in Go build them; servers get them from [Decode], which has
// checked every field against the limits of the protocol.
type Command interface {
	// CommandID returns what the answer must carry; empty means that the
	// client wants to hear of failures only, and of what it asked for.
	CommandID() string
	// Append appends the frame to dst.
	Append(dst []byte) []byte
}

// Hello says who connects, and is the first frame. It is answered by [Welcome].
type Hello struct {
	ID string
	// Token proves who the user is; empty where the handshake did, or nothing
	// does.
	Token string
	// Device is the same whenever this device connects, and unlike any other
	// device of the user. Empty: the connection replaces no other.
	Device string
	// Name and Avatar count where the user's identity does not settle them.
	// Avatar is an http or https URL.
	Name, Avatar string
	// Rooms to join, no two the same.
	Rooms []Place
}

// Place is a room and what the client already has of it.
type Place struct {
	Room string
	// Resume says that the client has the room up to the entry After of Epoch,
	// where After 0 means that it knows the epoch and no entry. Without Resume
	// both are zero and the client has nothing.
	Resume bool
	Epoch  string
	After  uint64
}

// Join enters a room, or asks for its next page. It is answered by [Joined].
type Join struct {
	ID string
	Place
}

// Leave leaves a room. It is answered by [OK].
type Leave struct {
	ID   string
	Room string
}

// Send says something in a room. It is answered by [Sent].
type Send struct {
	ID   string
	Room string
	// Key, chosen by the client, makes it safe to send the same again. Empty:
	// it is not.
	Key string
	// Body is a JSON value without white space between its tokens.
	Body []byte
}

// History asks for a page of a room. It is answered by [Page].
type History struct {
	ID   string
	Room string
	// With Forward the page begins behind After; without, it ends ahead of
	// Before, or with the newest entry where Before is 0.
	Forward bool
	After   uint64
	Before  uint64
	// Limit is how many entries are wanted, 0 for as many as a page holds.
	Limit int
}

// Recall takes a message back. It is answered by [Sent].
type Recall struct {
	ID   string
	Room string
	Seq  uint64
}

// Typing says that the user is writing something.
type Typing struct {
	ID   string
	Room string
}

// Read says up to where the user has read. It is answered by [Marked].
type Read struct {
	ID   string
	Room string
	Seq  uint64
}

// Who asks who is in a room. It is answered by [Roster].
type Who struct {
	ID   string
	Room string
}

// Ping asks for a [Pong].
type Ping struct {
	ID string
}

// Renew brings a fresh token for the same user. It is answered by [Renewed].
type Renew struct {
	ID    string
	Token string
}

// Mute keeps a user from writing. It is answered by [OK].
type Mute struct {
	ID string
	// Room may be empty: then it is meant everywhere.
	Room string
	User string
	// For is how long, 0 to lift it, [Forever] for no end; whole milliseconds.
	For time.Duration
}

// Kick removes a user, who may come back. It is answered by [OK].
type Kick struct {
	ID   string
	Room string // empty: everywhere
	User string
}

// Ban removes a user and keeps them out. It is answered by [OK].
type Ban struct {
	ID   string
	Room string // empty: everywhere
	User string
	// For is how long, 0 to lift it, [Forever] for no end; whole milliseconds.
	For time.Duration
}

func (c *Hello) CommandID() string   { return c.ID }
func (c *Join) CommandID() string    { return c.ID }
func (c *Leave) CommandID() string   { return c.ID }
func (c *Send) CommandID() string    { return c.ID }
func (c *History) CommandID() string { return c.ID }
func (c *Recall) CommandID() string  { return c.ID }
func (c *Typing) CommandID() string  { return c.ID }
func (c *Read) CommandID() string    { return c.ID }
func (c *Who) CommandID() string     { return c.ID }
func (c *Ping) CommandID() string    { return c.ID }
func (c *Renew) CommandID() string   { return c.ID }
func (c *Mute) CommandID() string    { return c.ID }
func (c *Kick) CommandID() string    { return c.ID }
func (c *Ban) CommandID() string     { return c.ID }
