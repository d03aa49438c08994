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
	// The room is read first: its version must not be newer than what is judged by it.
	record, err := r.Get(ctx, RoomKey(room))
	if err != nil {
		return State{}, err
	}
	s := State{Name: room, Seats: make(map[string]Seat, len(users))}
	if s.Room, err = ParseRoom(record); err != nil {
		return s, err
	}
	if all && s.Version > 0 {
		return s, s.LoadAll(ctx, r)
	}
	// The seats of a room that nobody has founded are read, too: how long a refusal takes
	// must not say whether somebody has.
	keys := make([]string, len(users))
	for i, user := range users {
		keys[i] = RoleKey(room, user)
	}
	records, err := r.GetMany(ctx, keys)
	if err != nil {
		return s, err
	}
	for i := range records {
		if s.Seats[users[i]], err = ParseSeat(records[i]); err != nil {
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
