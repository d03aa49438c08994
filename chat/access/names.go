package access

import "strings"

// IsReservedUser reports whether a user's id is one that only the server gives. The
// hub refuses a credential with such an id, whatever its Authenticator says.
func IsReservedUser(id string) bool {
	return strings.HasPrefix(id, "bot-") || strings.HasPrefix(id, "hub-")
}

// GuestPrefix begins the ids of guests, and of nobody else.
const GuestPrefix = "guest-"

// IsOwnRoom reports whether a name is that of a user's own room: @ and the user's id.
func IsOwnRoom(room string) bool {
	return len(room) > 1 && room[0] == '@' && !IsReservedUser(room[1:])
}
