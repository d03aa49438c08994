package chat

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Policy says who may do what in the rooms whose names fit a pattern, and how
// these are run. Its zero fields permit nothing and limit nothing.
type Policy struct {
	// Pattern is what the rooms' names look like; see CheckPattern.
	Pattern string

	Read, Write, Moderate []Subject

	// History is how much of what was said a reader gets to see.
	History History
	// Retention is how much the journal keeps; zero: whatever it does by itself.
	Retention Retention
	// MaxMembers bounds the users in one room; 0: no bound.
	MaxMembers int
	// NoPresence keeps from the members who the others are.
	NoPresence bool
	// NoRaw keeps clients of the raw dialect out.
	NoRaw bool
}

// History is how far back a room is shown. Zero fields don't limit.
type History struct {
	// Entries is how many of the newest entries are shown; below 0: none.
	Entries int
	// Age is how old they may be.
	Age time.Duration
}

// Rights are what an identity may do in one room, and how it is shown that room.
type Rights struct {
	Read, Write bool
	Moderate    bool // recall anybody's messages, mute, kick and ban
	Presence    bool // see who is there
	Raw         bool // come by the raw dialect

	History    History
	MaxMembers int // 0: no bound
}

// Policies are those of a site: the first whose pattern a room fits says all
// there is to say of it, and a room that fits none is nobody's. Without any
// policy at all every room is open to everybody.
//
// The name of no room, the empty one, stands for the whole hub. It fits only
// patterns of nothing but *, whose moderators are thereby the hub's.
type Policies []Policy

// Validate returns an error that names the first policy that can't be meant.
func (ps Policies) Validate() error {
	for i, p := range ps {
		if err := p.validate(); err != nil {
			return err
		}
		for _, before := range ps[:i] {
			if before.Pattern == p.Pattern {
				return fmt.Errorf("policy %q stands twice: only the first would count", p.Pattern)
			}
		}
	}
	return nil
}

func (p *Policy) validate() error {
	if err := CheckPattern(p.Pattern); err != nil {
		return err
	}
	for _, list := range [][]Subject{p.Read, p.Write, p.Moderate} {
		for _, s := range list {
			if s.kind == 0 {
				return fmt.Errorf("policy %q has an empty subject", p.Pattern)
			}
			if s.kind == owner && !strings.Contains(p.Pattern, place) {
				return fmt.Errorf("policy %q: %s is nobody, since the pattern has no %s", p.Pattern, place, place)
			}
		}
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"max_members", int64(p.MaxMembers)},
		{"history", int64(p.History.Age)},
		{"retention", int64(p.Retention.Count)},
		{"retention", int64(p.Retention.Age)},
		{"retention", p.Retention.Bytes},
	} {
		if n.value < 0 {
			return fmt.Errorf("policy %q: %s must not be negative", p.Pattern, n.name)
		}
	}
	return nil
}

// For returns what id, nil for a guest of whom nothing is known, may do in a
// room. What its credential grants comes on top of what the policies permit;
// without policies only the grants count, if it has any.
//
// It goes through the policies and allocates nothing: some hundred nanoseconds
// for ten of them.
func (ps Policies) For(id *Identity, room string) Rights {
	if id == nil {
		id = &nobody
	}
	r := Rights{Presence: true, Raw: true}
	if p, owned := ps.find(room, id.User.ID); p != nil {
		r = Rights{
			Read:       includes(p.Read, id, owned),
			Write:      includes(p.Write, id, owned),
			Moderate:   includes(p.Moderate, id, owned),
			Presence:   !p.NoPresence,
			Raw:        !p.NoRaw,
			History:    p.History,
			MaxMembers: p.MaxMembers,
		}
	} else if len(ps) == 0 && id.Grants == nil {
		r.Read, r.Write = true, true
	}
	if g := id.Grants; g != nil {
		r.Read = r.Read || grants(g.Read, id, room)
		r.Write = r.Write || grants(g.Write, id, room)
		r.Moderate = r.Moderate || grants(g.Moderate, id, room)
	}
	return r
}

// Retention returns how much is kept of a room, and false where no policy says
// anything of it.
func (ps Policies) Retention(room string) (Retention, bool) {
	if p, _ := ps.find(room, ""); p != nil && p.Retention != (Retention{}) {
		return p.Retention, true
	}
	return Retention{}, false
}

// hides reports whether a room does not tell who is there.
func (ps Policies) hides(room string) bool {
	p, _ := ps.find(room, "")
	return p != nil && p.NoPresence
}

// find returns the policy of a room, nil for none, and whether user is one of
// those in its places.
func (ps Policies) find(room, user string) (p *Policy, owned bool) {
	for i := range ps {
		if ok, owned := fits(ps[i].Pattern, room, user); ok {
			return &ps[i], owned
		}
	}
	return nil, false
}

// nobody is the identity of a guest of whom nothing is known.
var nobody = Identity{User: User{Guest: true}}

// grants reports whether one of a credential's patterns fits the room. Its
// places are for the credential's own user.
func grants(patterns []string, id *Identity, room string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, owned := fits(p, room, id.User.ID)
		return ok && (owned || !strings.Contains(p, place))
	})
}

// Validate returns an error that names the first pattern that is unsound.
func (g *Grants) Validate() error {
	for _, list := range [][]string{g.Read, g.Write, g.Moderate} {
		for _, p := range list {
			if err := CheckPattern(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// Subject is whom a policy permits something.
type Subject struct {
	kind         subjectKind
	claim, value string
}

type subjectKind uint8

const (
	anyone subjectKind = iota + 1
	guests
	users
	owner
	claimant
)

var subjects = map[string]subjectKind{"anyone": anyone, "guests": guests, "users": users, place: owner}

// ParseSubject reads a subject:
//
//	anyone        everybody who is let in at all
//	guests        guests
//	users         everybody but guests
//	{user}        those whose ids are in the room's name, where the pattern says
//	claim=value   whose credential has this claim, as a text or in a list of texts
//
// The claim sub is the user's id, whatever the credential.
func ParseSubject(text string) (Subject, error) {
	if kind, ok := subjects[text]; ok {
		return Subject{kind: kind}, nil
	}
	claim, value, ok := strings.Cut(text, "=")
	switch {
	case !ok:
		return Subject{}, fmt.Errorf("subject %q is not anyone, guests, users, {user} or claim=value", text)
	case claim == "" || value == "":
		return Subject{}, fmt.Errorf("subject %q needs a claim and a value, such as role=admin", text)
	case strings.ContainsFunc(text, unicode.IsControl):
		return Subject{}, fmt.Errorf("subject %q has a control character", text)
	}
	return Subject{claimant, claim, value}, nil
}

// String returns the subject as ParseSubject reads it.
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

// includes reports whether id is one of the subjects.
func includes(list []Subject, id *Identity, owned bool) bool {
	return slices.ContainsFunc(list, func(s Subject) bool {
		switch s.kind {
		case anyone:
			return true
		case guests:
			return id.User.Guest
		case users:
			return !id.User.Guest
		case owner:
			return owned
		case claimant:
			if s.claim == "sub" {
				return s.value == id.User.ID
			}
			return slices.Contains(id.Claims[s.claim], s.value)
		}
		return false
	})
}
