package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/caddychat/caddy-chat/chat"
)

// knownRoom returns what is known of a room, or an error if there is no such room.
func knownRoom(ctx context.Context, hub *chat.Hub, name string) (chat.RoomDetails, error) {
	if err := checkRoom(name); err != nil {
		return chat.RoomDetails{}, err
	}
	room, ok, err := hub.Room(ctx, name)
	if err == nil && !ok {
		err = apiError(http.StatusNotFound, "there is no room %q%s", name, suggestion(name, roomNames(ctx, hub)))
	}
	return room, err
}

// User is the answer to GET /chat/hubs/{hub}/users/{user}.
type User struct {
	chat.UserDetails
	Sanctions []chat.Sanction `json:"sanctions"`
}

// knownUser is knownRoom for a user: somebody of whom something is kept or who is here. Only
// messages have no index of users, so they are not looked for.
func knownUser(ctx context.Context, hub *chat.Hub, id string) (User, error) {
	details, err := hub.User(ctx, id)
	user := User{details, sanctionsOf(hub, id)}
	if err == nil && details == (chat.UserDetails{ID: id}) && len(user.Sanctions) == 0 {
		err = noUser(hub, id, "no user %q is known here", id)
	}
	return user, err
}

func sanctionsOf(hub *chat.Hub, user string) []chat.Sanction {
	return sanctionsWhere(hub, func(s chat.Sanction) bool { return s.User == user })
}

// noUser returns an error about a user, with a suggestion.
func noUser(hub *chat.Hub, id, format string, args ...any) error {
	var names []string
	sessions, _ := hub.Sessions(chat.SessionFilter{}, "", maxNames)
	for _, s := range sessions {
		names = append(names, s.User)
	}
	for _, s := range hub.Sanctions() {
		names = append(names, s.User)
	}
	return apiError(http.StatusNotFound, format+"%s", append(args, suggestion(id, names))...)
}

// maxNames bounds the names among which a suggestion is looked for.
const maxNames = 10_000

var errEnough = errors.New("there are enough names")

// roomNames returns names of rooms: those that somebody is in, and kept ones.
func roomNames(ctx context.Context, hub *chat.Hub) (names []string) {
	rooms, _ := hub.Rooms("", maxNames)
	for _, r := range rooms {
		names = append(names, r.Name)
	}
	// Without these names there is only no suggestion.
	_ = hub.KeptRooms(ctx, func(name string) error {
		if names = append(names, name); len(names) >= 2*maxNames {
			return errEnough
		}
		return nil
	})
	return names
}

func getRoom(hub *chat.Hub, r *http.Request) (any, error) {
	return knownRoom(r.Context(), hub, nameIn(r, "room"))
}

func getUser(hub *chat.Hub, r *http.Request) (any, error) {
	return knownUser(r.Context(), hub, nameIn(r, "user"))
}

// ErasedRoom is the answer to DELETE /chat/hubs/{hub}/rooms/{room}. Sanctions are those
// of the room, which stay in force.
type ErasedRoom struct {
	chat.ErasedRoom
	Sanctions []chat.Sanction `json:"sanctions"`
	InFiles   bool            `json:"in_files"` // files of the journal hold what was erased until compact
}

func deleteRoom(hub *chat.Hub, r *http.Request) (any, error) {
	name := nameIn(r, "room")
	if err := checkRoom(name); err != nil {
		return nil, err
	}
	if err := notReserved(name); err != nil {
		return nil, err
	}
	done, err := hub.EraseRoom(r.Context(), name)
	if isNotFound(err) {
		_, err = knownRoom(r.Context(), hub, name)
	}
	return ErasedRoom{done, sanctionsWhere(hub, func(s chat.Sanction) bool { return s.Room == name }), hub.HasFiles()}, err
}

// ErasedUser is the answer to DELETE /chat/hubs/{hub}/users/{user}. Sanctions are those
// of the user, which stay in force.
type ErasedUser struct {
	chat.ErasedUser
	Sanctions []chat.Sanction `json:"sanctions"`
	InFiles   bool            `json:"in_files"` // as in ErasedRoom
}

func deleteUser(hub *chat.Hub, r *http.Request) (any, error) {
	id := nameIn(r, "user")
	done, err := hub.EraseUser(r.Context(), id)
	answer := ErasedUser{done, sanctionsOf(hub, id), hub.HasFiles()}
	if err == nil && done == (chat.ErasedUser{User: id}) && len(answer.Sanctions) == 0 {
		err = noUser(hub, id, "no user %q is known here", id)
	}
	return answer, err
}
