package transfer

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// roomName is the room of a line: its name, or the two users of a conversation of two,
// whose name follows from the policies of the hub that imports it.
type roomName struct {
	name   string
	direct []string // two ids in byte order, or nil
}

// MarshalJSON implements json.Marshaler.
func (r roomName) MarshalJSON() ([]byte, error) { return wire.AppendString(nil, r.name), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (r *roomName) UnmarshalJSON(text []byte) error {
	if len(text) == 0 || text[0] != '{' {
		if json.Unmarshal(text, &r.name) != nil {
			return &wire.Malformed{Field: "room", What: "must be a name, or direct with the ids of two users"}
		}
		return nil
	}
	var given struct {
		Direct []string `json:"direct"`
	}
	if err := wire.Unmarshal(text, &given); err != nil {
		return err
	}
	if r.direct = given.Direct; len(r.direct) != 2 || r.direct[0] == r.direct[1] || !wire.IsUserID(r.direct[0]) || !wire.IsUserID(r.direct[1]) {
		return &wire.Malformed{Field: "room.direct", What: "must be the ids of two users"}
	}
	slices.Sort(r.direct)
	return nil
}

// isServers reports whether a room is one of the server, and of no user.
func isServers(room string) bool { return journal.IsReserved(room) && !access.IsOwnRoom(room) }

var errServers = errors.New("rooms whose names begin with @ belong to the server and are not imported, but @ and the id of a user")

// resolve sets the name of a room that has none yet.
func (r *roomName) resolve(name func(user, other string) (string, error)) (err error) {
	switch {
	case r.direct == nil:
		return nil
	case name == nil:
		return errors.New("the journal alone does not know the names of conversations of two")
	}
	r.name, err = name(r.direct[0], r.direct[1])
	return err
}
