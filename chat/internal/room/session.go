package room

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Session is a session as a room needs it. Its methods do not wait and may be
// called from any goroutine.
type Session interface {
	ID() string
	// Addr is the client's address.
	Addr() netip.Addr
	// User is who speaks. It does not change while the session is in a room.
	User() journal.User
	// Deliver queues whole frames for the client. A client that does not read
	// them in time is cut off.
	Deliver(frames []byte)
	// Close tells the client why its session ends, and ends it.
	Close(why wire.Code)
	// MayHear returns why the session may not hear a room where its user has that role, and
	// which was a conversation when it came in, as a *wire.Error, or nil.
	MayHear(room string, role access.Role, conversation bool) error
}

// Terms are how a session comes into a room.
type Terms struct {
	Encoding Encoding
	// By a Visible subscription the session's user is present in the room: others see it,
	// and Remove and TellUser find it.
	Visible bool
	// Max bounds the members of the room: the users who are present, and raw sessions; 0
	// is no bound.
	Max   int
	Role  access.Role // of the user, as far as is known: see SetRole
	Apart bool        // those in the room are not told of each other, as far as is known: see Rooms.SetApart

	Conversation bool // the room is one
}

// Settings of rooms. They may change at any time.
type Settings struct {
	MaxRooms      int                    // rooms that somebody is in
	OutboxLimit   int                    // bytes of frames that are held for one subscription
	HeldLimit     int                    // bytes of frames that are held for all of them
	AwayDelay     time.Duration          // a user whose connection was lost counts as present for so long
	HidesPresence func(room string) bool // does not tell who is in it
}

// Counters only grow. They are changed once for each batch, not once for each
// delivery.
type Counters struct {
	MessagesIn atomic.Uint64 // what people said, handed to the journal
	BytesIn    atomic.Uint64 // of their bodies
	Entries    atomic.Uint64 // passed on
	Deliveries atomic.Uint64 // of entries, to subscriptions
	BytesOut   atomic.Uint64 // of their frames
	Batches    atomic.Uint64 // of entries, passed on together
	FanOut     atomic.Int64  // nanoseconds spent on that
}
