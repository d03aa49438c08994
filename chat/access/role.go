package access

import "fmt"

// Role is what a user is in one conversation.
type Role uint8

// The roles, each with the rights of those before it.
const (
	NoRole Role = iota // the user does not belong to it
	Member
	Admin
	Owner
)

var roleNames = [...]string{NoRole: "none", Member: "member", Admin: "admin", Owner: "owner"}

// String returns the name that the protocol has for the role.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("Role(%d)", uint8(r))
}

// ParseRole reads the name of a role.
func ParseRole(name string) (Role, error) {
	for r, n := range roleNames {
		if n == name {
			return Role(r), nil
		}
	}
	return NoRole, fmt.Errorf("role %q is not member, admin, owner or none", name)
}
