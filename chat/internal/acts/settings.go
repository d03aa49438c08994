package acts

import (
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Settings are those of a hub that acts need. chat.Settings says what each means.
type Settings struct {
	MaxConnections, MaxConnectionsPerIP            int
	MaxSessions, MaxRooms, MaxInHand               int
	MaxText, MaxPage, Marks                        int
	SessionRate, SessionBytes, UserRate, UserBytes access.Rate
	ConnectRate, NewRooms, ReadBytes               access.Rate
	CreateRate, ListRate, KeyRate                  access.Rate
	Conversations, Listed                          int
	RequestBytes                                   int // that all requests over plain HTTP hold
	RecallWindow, EditWindow                       time.Duration
	Policies                                       access.Policies
	Keys                                           access.Keys
	Checks                                         check.Chain
}

// Counters only grow.
type Counters struct {
	TooFast   atomic.Uint64 // frames and requests that a rate has refused, or that had to wait
	Attempts  atomic.Uint64 // to connect or to log in, that came too soon
	NoVerdict atomic.Uint64 // questions that a check gave no verdict on
	Resumed   [Resumes]atomic.Uint64
}

// Resume is how a client came back to a room.
type Resume uint8

// The outcomes.
const (
	ResumedWhole Resume = iota // it got everything that it had missed at once
	ResumedPaged               // it must ask for more pages
	ResumedGap                 // entries are gone, or the epoch is another one
	ResumedAhead               // it has seen entries that the journal does not have: a gap, too

	Resumes = iota
)

// String returns the outcome as a word for metrics.
func (r Resume) String() string { return [Resumes]string{"whole", "paged", "gap", "ahead"}[r] }

// PageBytes is about how many bytes of entries one answer has.
const PageBytes = 128 << 10

// Page is a page of a room as an actor is shown it.
type Page struct {
	journal.Page
	Tags tags.OfPage
}

// Position is what a client has of a room.
type Position struct {
	Room   string
	Resume bool // Epoch and After are set
	Epoch  string
	After  journal.Seq // the newest entry that it has

	Joins  bool        // the session was not in the room before
	Joined journal.Seq // then: every entry above it was said after the session joined, or at the same time
}

// Missed is what a client has missed in a room, and how it is shown the room.
type Missed struct {
	Err    error // why the room cannot be read; then nothing else counts
	Page   journal.Page
	First  journal.Seq // the first entry of the room that the user is shown; 0: all are
	Tags   tags.OfPage
	Pins   []uint64 // messages that are pinned, of those that the user is shown
	Gap    bool     // entries between After and the page are gone
	More   bool     // there are more entries behind the page
	Read   journal.Seq
	Unread uint64

	Write, Moderate bool // the user may
	Presence        bool // the user is shown who is there

	// Of a conversation.
	Conversation bool
	Role         access.Role // the user's
	Of           members.Room
	With         journal.User // the other user, if there are two
	Apart        bool         // one of the two has blocked the other
}

// Session is a session as moderation needs it.
type Session interface {
	room.Session
	// MayModerate reports whether the user moderates a room that has no members, or the
	// hub if the name is empty.
	MayModerate(room string) bool
	// RawRoom returns the room of a raw session, or false if it is not raw.
	RawRoom() (name string, ok bool)
}

// Sessions are all sessions of the hub. The methods may take the hub's mutex.
type Sessions interface {
	// Of returns the sessions of a user.
	Of(user string) []Session
	// Add lists a session as its user's, unless admit returns an error. admit makes the
	// user known, and is told how many other sessions the user has; one of the same
	// device ends and does not count. It is called with the mutex held, so that a ban
	// either finds the session or is found by admit.
	Add(session, user, device string, admit func(others int) error) error
}
