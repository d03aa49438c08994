package members

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Change is what a command makes of a conversation: one entry, with the records that
// follow from it.
type Change struct {
	room  string
	kind  journal.Kind
	body  []byte
	since journal.Seq
	with  []journal.Record
	users []string
	gone  []string
}

// Users are those whose seats change.
func (c *Change) Users() []string { return c.users }

// Gone are those of them who belong to it no more.
func (c *Change) Gone() []string { return c.gone }

// Drop keeps nothing of a user who is gone, of whom no client knows that they were there; and
// it deletes the records with these keys.
func (c *Change) Drop(user string, keys ...string) {
	for i := range c.with {
		if c.with[i].Key == InKey(user, c.room) {
			c.with[i].Value = nil
		}
	}
	for _, key := range keys {
		c.with = append(c.with, journal.Record{Key: key})
	}
}

// Entry returns the entry of the change. It is refused if the room is no longer as it
// was judged.
func (c *Change) Entry() journal.Entry {
	return journal.Entry{Room: c.room, Kind: c.kind, Body: c.body, Since: c.since, With: c.with}
}

// Found is a new conversation: of its founder, who owns it, and others.
func Found(room string, founder journal.User, others []journal.User, info Info) (*Change, error) {
	owner := wire.User(founder)
	body := wire.Members{
		Users: wireUsers(others), Role: access.Member.String(), Owner: &owner,
		Title: info.Title, Avatar: info.Avatar, About: info.About,
	}
	state := Room{Title: info.Title, Avatar: info.Avatar, About: info.About, Size: 1 + len(others), Owner: founder.ID}
	c := &Change{room: room, kind: journal.Member, body: body.Append(nil), since: 1}
	c.seat(founder.ID, Seat{Role: access.Owner})
	for _, u := range others {
		c.seat(u.ID, Seat{Role: access.Member})
	}
	return c, c.write(&state)
}

// FoundDirect is a new conversation of two. Nobody owns it.
func FoundDirect(room string, user, other journal.User) (*Change, error) {
	both := []journal.User{user, other}
	slices.SortFunc(both, func(a, b journal.User) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	body := wire.Members{Users: wireUsers(both), Role: access.Member.String()}
	c := &Change{room: room, kind: journal.Member, body: body.Append(nil), since: 1}
	for _, u := range both {
		c.seat(u.ID, Seat{Role: access.Member})
	}
	return c, c.write(&Room{Size: 2, Direct: []string{both[0].ID, both[1].ID}})
}

// Vacant reports whether one of two has no seat: the user was erased.
func (s *State) Vacant() bool {
	return slices.ContainsFunc(s.Direct, func(user string) bool { return s.Seats[user].Role == access.NoRole })
}

// Reseat gives the seats of two back that are vacant, and opens the room.
func (s *State) Reseat(both ...journal.User) (*Change, error) {
	open := *s
	open.Closed = false
	vacant := slices.DeleteFunc(both, func(u journal.User) bool { return s.Seats[u.ID].Role != access.NoRole })
	return open.change(vacant, access.Member)
}

// Records returns the records of a conversation of which all seats are known.
func (s *State) Records() ([]journal.Record, error) {
	c := Change{room: s.Name}
	for user, seat := range s.Seats {
		c.seat(user, seat)
	}
	err := c.write(&s.Room)
	for i := range c.with {
		c.with[i].Stamp.Seq = s.Version
	}
	return c.with, err
}

// write adds the record of the room.
func (c *Change) write(r *Room) error {
	value, err := json.Marshal(r)
	c.with = append(c.with, journal.Record{Key: RoomKey(c.room), Value: value})
	return err
}

// seat adds the records of a user's seat.
func (c *Change) seat(user string, s Seat) {
	role := journal.Record{Key: RoleKey(c.room, user), Value: s.value()}
	in := journal.Record{Key: InKey(user, c.room), Value: role.Value}
	if s.Role == access.NoRole {
		role.Value = nil
	}
	c.with, c.users = append(c.with, role, in), append(c.users, user)
}

// change returns the change that gives users a role. The rules permit it, and none of
// the users has that role.
func (s *State) change(users []journal.User, role access.Role) (*Change, error) {
	body := wire.Members{Users: wireUsers(users), Role: role.String()}
	c := &Change{room: s.Name, kind: journal.Member, since: s.Version + 1}
	next := s.Room
	for _, u := range users {
		seat := s.Seats[u.ID]
		switch {
		case seat.Role == access.NoRole:
			next.Size++
		case role == access.NoRole:
			next.Size--
		}
		if role == access.NoRole {
			seat = Seat{Left: time.Now()}
			c.gone = append(c.gone, u.ID)
		}
		seat.Role = role
		c.seat(u.ID, seat)
	}
	switch {
	case role == access.Owner:
		s.handOver(c, &next, users[0].ID)
	case role == access.NoRole && slices.ContainsFunc(users, func(u journal.User) bool { return u.ID == s.Owner }):
		body.Owner = s.bequeath(c, &next, users)
	}
	c.body = body.Append(nil)
	return c, c.write(&next)
}

// handOver makes the former owner an admin.
func (s *State) handOver(c *Change, next *Room, to string) {
	if former, ok := s.Seats[s.Owner]; ok && former.Role == access.Owner {
		former.Role = access.Admin
		c.seat(s.Owner, former)
	}
	next.Owner = to
}

// bequeath makes somebody else the owner, since the owner leaves. The last one to leave
// closes the room.
func (s *State) bequeath(c *Change, next *Room, leaving []journal.User) *wire.User {
	heir, ok := s.heir(leaving)
	if !ok {
		next.Owner, next.Closed = "", true
		return nil
	}
	seat := s.Seats[heir]
	seat.Role = access.Owner
	c.seat(heir, seat)
	next.Owner = heir
	return &wire.User{ID: heir}
}

func wireUsers(users []journal.User) []wire.User {
	list := make([]wire.User, len(users))
	for i, u := range users {
		list[i] = wire.User(u)
	}
	return list
}
