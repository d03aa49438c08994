package chatv1

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Subprotocol is the name of the dialect in the handshake.
const Subprotocol = "chat.v1"

// PageBytes is about how many bytes of entries one answer has.
const PageBytes = 128 << 10

// Host is what the hub does for one session.
type Host interface {
	Connection
	Actor
}

// Connection is the session's connection and its figures.
type Connection interface {
	// ID is the session's.
	ID() string
	// Settings are those in force.
	Settings() Settings
	// Charge counts a frame of n bytes and returns how long the client should
	// have waited with it. If that is above patience, the frame does not count.
	Charge(n int, patience time.Duration) time.Duration
	// Deliver queues whole frames. It does not wait; a client that does not read
	// is cut off.
	Deliver(frames []byte)
	// AwaitClient waits while more than half of the outbox is full.
	AwaitClient()
	// Close says goodbye and ends the connection.
	CloseWith(b *wire.Bye)
	// HelloDone says that the client has said hello, or has gone.
	HelloDone()
	// Refusal returns what the client is told of an error. Errors that nobody
	// expects are logged.
	Refusal(err error) *wire.Error
	// Refused counts an error frame.
	Refused(code wire.Code)
}

// Actor is the user of the session: its methods are acts of the hub, which decides
// whether they are permitted. Their errors are a *wire.Error where the client did
// something wrong.
type Actor interface {
	// SignIn finds out who says hello and makes them the session's user.
	SignIn(c *wire.Hello) (*access.Identity, error)
	// Renew takes a fresh token of the same user.
	Renew(token string) (*access.Identity, error)
	// Identity is the session's user. nil before SignIn.
	Identity() *access.Identity

	// Join subscribes to a room: see room.Rooms.Join.
	Join(name string, enc room.Encoding) (*room.Subscription, <-chan int, error)
	// CatchUp reads what the client has missed in rooms, in the order asked. All of it
	// has about so many bytes. The error is of all rooms, Missed.Err of one.
	CatchUp(from []Position, bytes int) ([]Missed, error)
	// Who returns who is in a room, and how many.
	Who(sub *room.Subscription) ([]wire.User, int, error)

	// Publish hands a message to the journal, which calls done. An error that done
	// gets is one for Refusal.
	Publish(sub *room.Subscription, e journal.Entry, done func(journal.Receipt, error)) error
	// Signal hands a transient frame for other users to the journal.
	Signal(sub *room.Subscription, f wire.Frame) error
	// MaySignal returns why the user may not signal in a room, or nil.
	MaySignal(name string) error
	// Recall takes a message back. done gets a receipt with only Duplicate set if
	// it was already recalled.
	Recall(sub *room.Subscription, target journal.Seq, done func(journal.Receipt, error)) error
	// History reads a page of any room. limit bounds the entries if it is above 0.
	History(q journal.Query, limit int) (journal.Page, error)
	// MarkRead moves the user's read mark, and returns where it is now and how
	// many messages are unread.
	MarkRead(sub *room.Subscription, seq journal.Seq) (mark journal.Seq, unread uint64, err error)

	// Mute, Ban and Kick act against a user of a room, or of the hub if the name
	// is empty. d is as in the frames.
	Mute(name, user string, d time.Duration) error
	Ban(name, user string, d time.Duration) error
	Kick(name, user string) error
}

// Settings are the limits that a session keeps, and tells its client.
type Settings struct {
	HelloTimeout time.Duration // within which the client must say hello
	PingInterval time.Duration
	Limits       wire.Limits
}

// Position is what a client has of a room.
type Position struct {
	Room   string
	Resume bool // Epoch and After are set
	Epoch  string
	After  journal.Seq // the newest entry that it has
}

// Missed is what a client has missed in a room, and how it is shown the room.
type Missed struct {
	Err    error // why the room cannot be read; then nothing else counts
	Page   journal.Page
	Gap    bool // entries between After and the page are gone
	More   bool // there are more entries behind the page
	Read   journal.Seq
	Unread uint64

	Write, Moderate bool // the user may
	Presence        bool // the user is shown who is there
}
