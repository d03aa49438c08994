package room

import (
	"sync/atomic"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Roll is told who is in which room at this node, so that it can tell other nodes. Its
// methods wait for nothing, but for what Opened returns.
type Roll interface {
	// Came and Went say that a user is in a room, or is not any more; asked says that
	// somebody wanted it. The worker of the room calls them, in order.
	Came(room string, u journal.User)
	Went(room, user string, asked bool)
	// Opened says that a room is followed from now on, and returns what is closed once it
	// is known who is in it at other nodes, or it took too long to find out. nil: there are
	// none.
	Opened(room string) <-chan struct{}
}

// noRoll is the Roll of Rooms that have no other.
type noRoll struct{}

func (noRoll) Came(string, journal.User)     {}
func (noRoll) Went(string, string, bool)     {}
func (noRoll) Opened(string) <-chan struct{} { return nil }

// environment is what every room of a hub works with. Any goroutine may use it.
type environment struct {
	journal  journal.Journal
	node     string // the journal's id of this process
	onPanic  func(value any, stack []byte)
	onLost   func(room string, l journal.Lost)
	roll     Roll
	settings atomic.Pointer[Settings]
	counters Counters
	held     atomic.Int64 // bytes of frames that are held for all receivers
}

// eviction is a call of Rooms.Evict under way.
type eviction struct {
	rooms int           // of that name that follow the journal; guarded by shared.mu
	gone  chan struct{} // closed once all of them have ended
}

func (e *eviction) ended(n int) {
	if e.rooms -= n; e.rooms == 0 {
		close(e.gone)
	}
}
