package members

import (
	"context"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// By is who wants a change.
type By struct {
	User   string
	Role   access.Role   // in this room
	Rights access.Rights // in this room, with that role
	// Operator is not bound by roles: it may remove the owner, too.
	Operator bool
}

// MaxUsers is how many users one command names at most.
const MaxUsers = 100

// SetRole returns what it takes to give users a role in a conversation: access.NoRole
// removes them. It returns nil if they have that role already. Each user stands once in
// the list.
func (s *State) SetRole(by By, users []journal.User, role access.Role) (*Change, error) {
	if s.Version == 0 || len(s.Direct) > 0 {
		return nil, wire.Forbidden.Error("")
	}
	blind := !by.Operator && !by.Rights.Read
	if blind && !by.mayComeOrGo(users, role) {
		return nil, wire.Forbidden.Error("") // as if nobody had founded it
	}
	if role == access.Owner && len(users) != 1 {
		e := wire.BadFrame.Error("")
		e.Field, e.Message = "users", "users must be one user, since a room has one owner"
		return nil, e
	}
	var changing []journal.User
	size := s.Size
	for i, u := range users {
		seat := s.Seats[u.ID]
		if seat.Role == role {
			continue
		}
		if !s.may(by, u.ID, seat.Role, role) {
			if blind {
				return nil, wire.Forbidden.Error("")
			}
			return nil, ForbiddenUser(i)
		}
		if seat.Role == access.NoRole {
			size++
		}
		changing = append(changing, u)
	}
	switch {
	case len(changing) == 0:
		return nil, nil
	case size > s.Size && size > by.Rights.MaxMembers:
		return nil, wire.RoomFull.Error("")
	}
	return s.change(changing, role)
}

// mayComeOrGo reports whether that is what somebody may do who does not read the room: go,
// or come where everybody may.
func (by *By) mayComeOrGo(users []journal.User, role access.Role) bool {
	if len(users) != 1 || users[0].ID != by.User {
		return false
	}
	return by.Role > access.NoRole && role == access.NoRole || by.Rights.Open && role == access.Member
}

// may reports whether somebody may make a user, who has the role from, to one who has the
// other role to.
func (s *State) may(by By, user string, from, to access.Role) bool {
	self := user == by.User
	switch {
	case from == access.NoRole && (s.Closed || to == access.Owner):
		return false // the owner hands over to a member
	case by.Operator:
		return true
	case to == access.NoRole && self:
		return true
	case from == access.Owner:
		return false // who hands over first
	case !self && !by.Rights.Read:
		return false
	case from == access.Admin && to != access.Owner && self:
		return true // nobody has to stay an admin
	case from == access.Admin || to >= access.Admin:
		return by.Role == access.Owner
	case to == access.NoRole:
		return by.Rights.Moderate
	}
	return by.Rights.Invite || self && by.Rights.Open
}

// ForbiddenUser is the refusal of a command because of one of its users.
func ForbiddenUser(i int) *wire.Error {
	e := wire.Forbidden.Error("")
	e.Field = fmt.Sprintf("users[%d]", i)
	e.Message = e.Field + ": " + e.Message
	return e
}

// OwnID is the refusal of a conversation with oneself.
func OwnID(direct bool, i int) error {
	e := ForbiddenUser(i)
	e.Code, e.Retry = wire.BadFrame, wire.Never
	if direct {
		e.Field = "direct"
	}
	e.Message = e.Field + " is your own id"
	return e
}

// Patch is what somebody wants to change about a conversation. Nil fields stay.
type Patch struct {
	Title, Avatar, About *string
	Closed               *bool
}

// SetInfo returns what it takes to change what a conversation is called, or to close or
// reopen it. It returns nil if nothing changes.
func (s *State) SetInfo(by By, p Patch) (*Change, error) {
	if s.Version == 0 || len(s.Direct) > 0 || !by.Rights.Moderate || !by.Rights.Read {
		return nil, wire.Forbidden.Error("")
	}
	next := s.Room
	for _, f := range []struct {
		to   *string
		from *string
	}{{&next.Title, p.Title}, {&next.Avatar, p.Avatar}, {&next.About, p.About}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if p.Closed != nil && *p.Closed != s.Closed {
		if by.Role != access.Owner && !by.Operator {
			e := wire.Forbidden.Error("")
			e.Field, e.Message = "closed", "only the owner may close or reopen the room"
			return nil, e
		}
		next.Closed = *p.Closed
	}
	if next.Title == s.Title && next.Avatar == s.Avatar && next.About == s.About && next.Closed == s.Closed {
		return nil, nil
	}
	body := wire.Info{Title: next.Title, Avatar: next.Avatar, About: next.About, Closed: next.Closed}
	c := &Change{room: s.Name, kind: journal.Info, body: body.Append(nil), since: s.Version + 1}
	return c, c.write(&next)
}

// MayModerate returns why somebody who moderates a conversation in a role may not act against a
// user: its admins are protected from all but the owner.
func MayModerate(ctx context.Context, r journal.Records, room, user string, own access.Role) error {
	state, err := Load(ctx, r, room, []string{user}, false)
	role := state.Seats[user].Role
	if err == nil && (role == access.Owner || role == access.Admin && own != access.Owner) {
		err = wire.Forbidden.Error("")
	}
	return err
}
