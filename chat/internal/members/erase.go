package members

import (
	"encoding/json"
	"slices"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// seatsAtOnce is how many seats the records of one entry have at most, beside the room's.
const seatsAtOnce = (journal.MaxWith - 1) / 2

// Erase returns the changes after which no record of a conversation is left. All its
// seats are known. The entries are for the records' sake: they are erased with the room.
func (s *State) Erase() []journal.Entry {
	if s.Version == 0 {
		return nil
	}
	users := make([]string, 0, len(s.Seats))
	for user := range s.Seats {
		users = append(users, user)
	}
	slices.Sort(users)
	closed := wire.Info{Closed: true}
	var entries []journal.Entry
	for part := range slices.Chunk(users, seatsAtOnce) {
		e := journal.Entry{Room: s.Name, Kind: journal.Info, Body: closed.Append(nil)}
		for _, user := range part {
			e.With = append(e.With, journal.Record{Key: RoleKey(s.Name, user)}, journal.Record{Key: InKey(user, s.Name)})
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		entries = []journal.Entry{{Room: s.Name, Kind: journal.Info, Body: closed.Append(nil)}}
	}
	last := &entries[len(entries)-1]
	last.With = append(last.With, journal.Record{Key: RoomKey(s.Name)})
	return entries
}

// Forget returns what it takes to remove a user, who may have left long ago, with all that
// is known of them in a conversation. Its owner is followed by somebody else; a
// conversation of two is closed. All seats are known.
func (s *State) Forget(user string) (*Change, error) {
	if s.Seats[user].Role == access.NoRole {
		body := wire.Info{Title: s.Title, Avatar: s.Avatar, About: s.About, Closed: s.Closed}
		c := &Change{room: s.Name, kind: journal.Info, body: body.Append(nil), since: s.Version + 1}
		c.with = []journal.Record{{Key: InKey(user, s.Name)}}
		return c, c.write(&s.Room)
	}
	c, err := s.change([]journal.User{{ID: user}}, access.NoRole)
	if err != nil {
		return nil, err
	}
	for i := range c.with {
		r := &c.with[i]
		switch {
		case r.Key == InKey(user, s.Name):
			r.Value = nil
		case r.Key == RoomKey(s.Name) && len(s.Direct) > 0:
			next := s.Room
			next.Closed, next.Size = true, s.Size-1
			if r.Value, err = json.Marshal(&next); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}
