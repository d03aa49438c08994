package access

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Subject is a set of users to whom a policy permits something.
type Subject struct {
	kind         subjectKind
	claim, value string
}

type subjectKind uint8

const (
	anyone subjectKind = iota + 1
	guests
	users
	named
	members
	admins
	claimant
)

var subjects = map[string]subjectKind{
	"anyone": anyone, "guests": guests, "users": users, userSlot: named, "members": members, "admins": admins,
}

// NoClaims are claims of tokens that no policy can refer to: what is only shown, times, and what
// this server reads by itself.
var NoClaims = []string{"name", "avatar", "chat", "exp", "nbf", "iat"}

// ParseSubject reads a subject:
//
//	anyone        everybody
//	guests        guests
//	users         everybody but guests
//	{user}        the user whose id is in the room's name, at {user} in the pattern
//	members       who belongs to the room, which is then a conversation
//	admins        its admins and its owner
//	claim=value   users whose credential has this claim, as a text or in a list
//
// The claim sub is always the user's id.
func ParseSubject(text string) (Subject, error) {
	if kind, ok := subjects[text]; ok {
		return Subject{kind: kind}, nil
	}
	claim, value, ok := strings.Cut(text, "=")
	switch {
	case !ok:
		return Subject{}, fmt.Errorf("subject %q is not anyone, guests, users, members, admins, {user} or claim=value", text)
	case claim == "" || value == "":
		return Subject{}, fmt.Errorf("subject %q needs a claim and a value, such as role=admin", text)
	case slices.Contains(NoClaims, claim):
		return Subject{}, fmt.Errorf("subject %q can never match: policies are not told of the claims %s", text, strings.Join(NoClaims, ", "))
	case strings.ContainsFunc(text, unicode.IsControl):
		return Subject{}, fmt.Errorf("subject %q has a control character", text)
	}
	return Subject{claimant, claim, value}, nil
}

// String returns the text that ParseSubject reads.
func (s Subject) String() string {
	if s.kind == claimant {
		return s.claim + "=" + s.value
	}
	for text, kind := range subjects {
		if kind == s.kind {
			return text
		}
	}
	return ""
}

// includes reports whether one of the subjects includes id, who has that role in the
// room. owned says that the room's name has the id of the user.
func includes(list []Subject, id *Identity, owned bool, role Role) bool {
	return slices.ContainsFunc(list, func(s Subject) bool {
		switch s.kind {
		case anyone:
			return true
		case guests:
			return id.User.Guest
		case users:
			return !id.User.Guest
		case named:
			return owned
		case members:
			return role >= Member
		case admins:
			return role >= Admin
		case claimant:
			if s.claim == "sub" {
				return s.value == id.User.ID
			}
			return slices.Contains(id.Claims[s.claim], s.value)
		}
		return false
	})
}

// namesMembers reports whether a list names those who belong to a room.
func namesMembers(list []Subject) bool {
	return slices.ContainsFunc(list, func(s Subject) bool { return s.kind == members || s.kind == admins })
}
