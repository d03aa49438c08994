package list

import (
	"strings"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
)

// OwnRoom is the room of one user: the site writes to it, and that user reads it. It is in the
// user's list once something was said there. Guests have theirs in no list: there are too many
// to keep a mark of each.
//
// Who has a list open follows the room anyway, so it takes no place among the rooms that are
// watched: each of its entries is told by a row.
func OwnRoom(user string) string { return "@" + user }

// OwnSeat is where a user sits in the own room: they are its only member, from its beginning on.
func OwnSeat(user, room string) (seat members.Seat, of members.Room) {
	if room == OwnRoom(user) && !strings.HasPrefix(user, access.GuestPrefix) {
		seat.Role, of.Size = access.Member, 1
	}
	return seat, of
}
