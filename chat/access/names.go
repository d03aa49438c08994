package access

import "strings"

// What belongs to the server: names of rooms that begin with @, and ids of users
// that begin with bot- or hub-.

// IsReserved reports whether a room belongs to the server. Nobody may do anything
// in it: see Policies.For.
func IsReserved(room string) bool { return strings.HasPrefix(room, "@") }

// IsReservedUser reports whether a user's id is one that only the server gives. The
// hub refuses a credential with such an id, whatever its Authenticator says.
func IsReservedUser(id string) bool {
	return strings.HasPrefix(id, "bot-") || strings.HasPrefix(id, "hub-")
}
