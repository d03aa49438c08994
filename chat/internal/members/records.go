package members

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// RoomKey is the key of the record of a conversation.
func RoomKey(room string) string { return "room\x00" + room }

// RolesKey is what the keys of the seats of a room's members begin with.
func RolesKey(room string) string { return "role\x00" + room + "\x00" }

// RoleKey is the key of a member's seat.
func RoleKey(room, user string) string { return RolesKey(room) + user }

// Seats is what the keys of the seats of all users begin with.
const Seats = "in\x00"

// UserKey is what the keys of the seats of a user, in all rooms, begin with.
func UserKey(user string) string { return Seats + user + "\x00" }

// InKey is the key of a user's seat in a room, also of one that they have left.
func InKey(user, room string) string { return UserKey(user) + room }

// Room is what is known of a conversation beside its members. The zero Room was not
// founded.
type Room struct {
	Title  string `json:"title,omitempty"`
	Avatar string `json:"avatar,omitempty"`
	About  string `json:"about,omitempty"`
	Closed bool   `json:"closed,omitempty"` // nobody writes in it, and nobody is added
	Size   int    `json:"size"`             // members
	Owner  string `json:"owner,omitempty"`  // the user's id
	// Direct are the two users of a conversation of two, in byte order.
	Direct []string `json:"direct,omitempty"`

	// Version is the number of the room's newest governing entry; 0: there is none.
	Version journal.Seq `json:"-"`
}

// Info is what a conversation is called.
type Info struct{ Title, Avatar, About string }

// ParseRoom reads the record of a conversation. A record that is not there is the zero
// Room.
func ParseRoom(r journal.Record) (room Room, err error) {
	if r.Value == nil {
		return Room{}, nil
	}
	if err := json.Unmarshal(r.Value, &room); err != nil {
		return Room{}, fmt.Errorf("the record of a conversation makes no sense: %w", err)
	}
	room.Version = r.Stamp.Seq
	return room, nil
}

// With returns the other user of a conversation of two, or an empty text.
func (r *Room) With(user string) string {
	if len(r.Direct) != 2 {
		return ""
	}
	if r.Direct[0] == user {
		return r.Direct[1]
	}
	return r.Direct[0]
}

// Seat is what a user is in a conversation, and since when. The zero Seat is that of
// somebody who has never belonged to it.
type Seat struct {
	Role access.Role
	// Since is the entry with which the user became a member, Count how many counting
	// entries there were then. In what is written, 0 is the entry it is written with.
	Since journal.Seq
	Count uint64
	// Left is when the membership ended.
	Left time.Time
}

// value returns the value of a seat's record.
func (s Seat) value() []byte {
	switch {
	case s.Role == access.NoRole:
		return fmt.Appendf(nil, "%s %d", s.Role, s.Left.UnixMilli())
	case s.Since == 0:
		return []byte(s.Role.String())
	}
	return fmt.Appendf(nil, "%s %d %d", s.Role, s.Since, s.Count)
}

// ParseSeat reads the record of a seat. A record that is not there is the zero Seat.
func ParseSeat(r journal.Record) (Seat, error) {
	if r.Value == nil {
		return Seat{}, nil
	}
	seat, err := parseSeat(strings.Split(string(r.Value), " "))
	if err != nil {
		return Seat{}, fmt.Errorf("the record of a member makes no sense: %w", err)
	}
	if seat.Role != access.NoRole && seat.Since == 0 {
		seat.Since, seat.Count = r.Stamp.Seq, r.Stamp.Count
	}
	return seat, nil
}

func parseSeat(words []string) (s Seat, err error) {
	if s.Role, err = access.ParseRole(words[0]); err != nil {
		return s, err
	}
	var numbers [2]uint64
	if len(words) > 3 {
		return s, fmt.Errorf("it has %d words", len(words))
	}
	for i, word := range words[1:] {
		if numbers[i], err = strconv.ParseUint(word, 10, 63); err != nil {
			return s, err
		}
	}
	switch {
	case s.Role == access.NoRole && len(words) == 2:
		s.Left = time.UnixMilli(int64(numbers[0]))
	case s.Role != access.NoRole && len(words) != 2:
		s.Since, s.Count = journal.Seq(numbers[0]), numbers[1]
	default:
		return s, fmt.Errorf("it has %d words", len(words))
	}
	return s, nil
}
