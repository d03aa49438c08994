package command

import (
	"context"
	"slices"

	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Session is a session as these need it.
type Session interface {
	Close(why wire.Code)
	// MayModerate reports whether the user moderates a room that has no members, or the
	// hub if the name is empty.
	MayModerate(room string) bool
	// RawRoom returns the room of a raw session, or false if it is not raw.
	RawRoom() (name string, ok bool)
}

// RemoveHere ends what a user with these sessions has in a room, or in the hub if no room
// is named, at this node. It returns how much that was.
func RemoveHere[S Session](ctx context.Context, of []S, rooms *room.Rooms, name, user string, why wire.Code) (n int) {
	for _, s := range of {
		if in, isRaw := s.RawRoom(); name == "" || isRaw && in == name {
			s.Close(why)
			n++
		}
	}
	if name != "" {
		n += rooms.Remove(ctx, name, user, why.Error(""))
	}
	return n
}

// Told is a Session that frames are sent to.
type Told interface {
	Session
	Deliver(frames []byte)
}

// TellHere sends a frame to those sessions of a user, at this node, that speak chat.v1: those in a
// room, or all of them if none is named.
func TellHere[S Told](of []S, rooms *room.Rooms, name, user string, frame []byte) {
	if name != "" {
		rooms.TellUser(name, user, frame)
		return
	}
	for _, s := range of {
		if _, isRaw := s.RawRoom(); !isRaw {
			s.Deliver(frame)
		}
	}
}

// Moderating returns how many of a user's sessions moderate a room, or the hub.
func Moderating[S Session](of []S, name string) (n int) {
	for _, s := range of {
		if s.MayModerate(name) {
			n++
		}
	}
	return n
}

// Present returns which of these users have sessions at this node.
func Present[S Session](users []string, of func(user string) []S) []string {
	return slices.DeleteFunc(slices.Clone(users), func(user string) bool { return len(of(user)) == 0 })
}

// Shown is a Session whose user is shown to others.
type Shown interface {
	Session
	User() journal.User
}

// NamesHere returns what is shown of those of these users who have sessions at this node: the
// newest session of a user says it.
func NamesHere[S Shown](users []string, of func(user string) []S) (list []journal.User) {
	for _, user := range users {
		if sessions := of(user); len(sessions) > 0 {
			list = append(list, sessions[len(sessions)-1].User())
		}
	}
	return list
}
