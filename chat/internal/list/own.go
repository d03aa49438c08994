package list

import (
	"slices"
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

// own returns the user's own room, if it is one of rooms or these are nil: all.
func own(user string, rooms []string) []*item {
	room := OwnRoom(user)
	seat, _ := OwnSeat(user, room)
	if seat.Role == access.NoRole || rooms != nil && !slices.Contains(rooms, room) {
		return nil
	}
	return []*item{{room: room, seat: seat}}
}

// own reports whether it is the user's own room: no conversation is called like that.
func (it *item) own() bool { return access.IsOwnRoom(it.room) }
