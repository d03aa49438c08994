package view

import (
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Position is what a client has of a room.
type Position struct {
	Room   string
	Resume bool // Epoch and After are set
	Epoch  string
	After  journal.Seq // the newest entry that it has

	Joins  bool        // the session was not in the room before
	Joined journal.Seq // then: every entry above it was said after the session joined, or at the same time
	Apart  bool        // one of two had blocked the other, as was read before it joined
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
