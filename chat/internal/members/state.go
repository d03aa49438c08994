package members

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// State is what the records say of a conversation, at one moment or, if somebody
// changes it meanwhile, at two: then an entry with Since is refused.
type State struct {
	Name string
	Room
	// Seats are those of the users who were asked for, and of nobody else unless All is
	// set.
	Seats map[string]Seat
	All   bool
}

// Load reads a room and the seats of some users. If all is set it reads the seats of
// all members: up to [access.MaxConversation].
func Load(ctx context.Context, r journal.Records, room string, users []string, all bool) (State, error) {
	if all {
		users = nil
	}
	// The room stands first: its version must not be newer than what is judged by it. The seats
	// of a room that nobody has founded are read, too: how long a refusal takes must not say
	// whether somebody has.
	keys := append(make([]string, 0, 1+len(users)), RoomKey(room))
	for _, user := range users {
		keys = append(keys, RoleKey(room, user))
	}
	records, err := r.GetMany(ctx, keys)
	if err != nil {
		return State{}, err
	}
	s, err := Parse(room, users, records)
	if err == nil && all && s.Version > 0 {
		err = s.LoadAll(ctx, r)
	}
	return s, err
}

// Parse reads the record of a room, which stands first, and those of the seats of some users.
func Parse(room string, users []string, records []journal.Record) (s State, err error) {
	s = State{Name: room, Seats: make(map[string]Seat, len(users))}
	if s.Room, err = ParseRoom(records[0]); err != nil {
		return s, err
	}
	for i, user := range users {
		if s.Seats[user], err = ParseSeat(records[1+i]); err != nil {
			return s, err
		}
	}
	return s, nil
}

// LoadAll reads the seats of all members, too.
func (s *State) LoadAll(ctx context.Context, r journal.Records) error {
	s.All = true
	prefix := RolesKey(s.Name)
	return r.Scan(ctx, prefix, func(record journal.Record) error {
		seat, err := ParseSeat(record)
		s.Seats[strings.TrimPrefix(record.Key, prefix)] = seat
		return err
	})
}

// Newcomers returns, for each of the users, its id if it has no seat yet, or no text.
func (s *State) Newcomers(users []string) []string {
	list := make([]string, len(users))
	for i, user := range users {
		if s.Seats[user].Role == access.NoRole {
			list[i] = user
		}
	}
	return list
}

// heir returns who follows the owner of a room of which all seats are known: the admin
// who has been there for longest, or else the member. It returns false if everybody
// leaves.
func (s *State) heir(leaving []journal.User) (user string, ok bool) {
	var best Seat
	for id, seat := range s.Seats {
		if seat.Role == access.NoRole || slices.ContainsFunc(leaving, func(u journal.User) bool { return u.ID == id }) {
			continue
		}
		if !ok || cmp.Or(cmp.Compare(best.Role, seat.Role), cmp.Compare(seat.Since, best.Since), cmp.Compare(id, user)) < 0 {
			user, best, ok = id, seat, true
		}
	}
	return user, ok
}
