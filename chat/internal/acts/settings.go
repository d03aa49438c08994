package acts

import (
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/internal/view"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Settings are those of a hub that acts need. chat.Settings says what each means.
type Settings struct {
	MaxConnections, MaxConnectionsPerIP            int
	MaxSessions, MaxRooms, MaxInHand               int
	MaxText, MaxPage, Marks, Conversations, Listed int
	MaxMessage                                     int // bytes that an entry can have
	SessionRate, SessionBytes, UserRate, UserBytes access.Rate
	ConnectRate, NewRooms, ReadBytes, CreateRate   access.Rate
	ListRate, KeyRate                              access.Rate
	RequestBytes                                   int // that all requests over plain HTTP hold
	RecallWindow, EditWindow                       time.Duration
	Policies                                       access.Policies
	Keys                                           access.Keys
	Checks                                         check.Chain
}

// Counters only grow.
type Counters struct {
	TooFast  atomic.Uint64 // frames and requests that a rate has refused, or that had to wait
	Attempts atomic.Uint64 // to connect or to log in, that came too soon
	Resumed  [view.Resumes]atomic.Uint64
}

// PageBytes is about how many bytes of entries one answer has.
const PageBytes = 128 << 10

// Page is a page of a room as an actor is shown it.
type Page struct {
	journal.Page
	Tags tags.OfPage
}

// Session is a session as moderation needs it.
type Session interface {
	room.Session
	command.Session
}

// Sessions are all sessions of the hub. The methods may take the hub's mutex.
type Sessions interface {
	// Of returns the sessions of a user.
	Of(user string) []Session
	// Add lists a session as its user's, unless admit returns an error. admit makes the user
	// known, and is told how many others the user has; one of the same device ends first. It
	// is called with the mutex held, so that a ban finds the session or is found by admit.
	Add(session, user, device string, admit func(others int) error) error
}
