package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Policy says who may do what in the rooms whose names match a pattern, and how
// these rooms are run. Zero fields permit nothing and limit nothing.
type Policy struct {
	// Pattern is the pattern of the rooms' names; see CheckPattern.
	Pattern string

	Read, Write, Moderate []Subject

	// History is how much of what was said readers are shown.
	History History
	// Retention is how much the journal keeps. Zero: the journal's own default.
	Retention journal.Retention
	// MaxMembers bounds the members of one room: the users who are present, on however
	// many devices, and raw sessions, which are not users. 0: no bound.
	MaxMembers int
	// NoPresence hides who is in the room from those who are in it.
	NoPresence bool
	// NoRaw keeps clients of the raw dialect out.
	NoRaw bool
}

// History is how far back a room is shown. Zero fields do not limit.
type History struct {
	// Entries is how many of the newest entries are shown. Below 0: none.
	Entries int
	// Age is how old they may be.
	Age time.Duration
}

// Rights are what somebody may do in one room, and what they are shown of it.
type Rights struct {
	Read, Write bool
	Moderate    bool // recall messages of others, mute, kick and ban
	Presence    bool // see who is in the room
	Raw         bool // use the raw dialect

	History    History
	MaxMembers int // 0: no bound
}

// Policies are the policies of a site. The first one whose pattern matches a room
// applies, and no other. Only somebody whose token grants it
// may use a room that matches none. Without any
// policy, every room is open to everybody.
//
// Rooms whose names begin with @ belong to the server: no policy is about them, and
// nobody has any rights in them.
//
// The empty name stands for the whole hub. Only a pattern that consists of * alone
// matches it: the moderators of such a policy moderate the hub.
type Policies []Policy

// Validate returns an error that names the first policy that makes no sense.
func (ps Policies) Validate() error {
	for i, p := range ps {
		if err := p.validate(); err != nil {
			return err
		}
		for _, before := range ps[:i] {
			switch {
			case before.Pattern == p.Pattern:
				return fmt.Errorf("policy %q stands twice: only the first would apply", p.Pattern)
			case covers(before.Pattern, p.Pattern):
				return fmt.Errorf("policy %q never applies, because policy %q before it matches all its rooms: put it before that one", p.Pattern, before.Pattern)
			}
		}
	}
	return nil
}

func (p *Policy) validate() error {
	if err := CheckPattern(p.Pattern); err != nil {
		return err
	}
	if journal.IsReserved(p.Pattern) {
		return fmt.Errorf("policy %q: rooms whose names begin with @ belong to the server", p.Pattern)
	}
	for _, list := range [][]Subject{p.Read, p.Write, p.Moderate} {
		for _, s := range list {
			if s.kind == 0 {
				return fmt.Errorf("policy %q has an empty subject", p.Pattern)
			}
			if s.kind == owner && !strings.Contains(p.Pattern, userSlot) {
				return fmt.Errorf("policy %q: %s is nobody, since the pattern has no %s", p.Pattern, userSlot, userSlot)
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

// For returns what somebody may do in a room. A nil id stands for a guest who has
// shown no credential. The grants of the credential add to what the policies
// permit. Without policies, only the grants count, if there are any. In a room of
// the server nobody may do anything: every door asks here, so this is the only place
// that says so.
//
// It compares the name with each policy's pattern and allocates nothing: ten
// policies take some hundred nanoseconds.
func (ps Policies) For(id *Identity, room string) Rights {
	if journal.IsReserved(room) {
		return Rights{}
	}
	if id == nil {
		id = &unknown
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

// Retention returns how much is kept of a room. It returns false if no policy says
// so.
func (ps Policies) Retention(room string) (journal.Retention, bool) {
	if p, _ := ps.find(room, ""); p != nil && p.Retention != (journal.Retention{}) {
		return p.Retention, true
	}
	return journal.Retention{}, false
}

// HidesPresence reports whether a room hides who is in it.
func (ps Policies) HidesPresence(room string) bool {
	p, _ := ps.find(room, "")
	return p != nil && p.NoPresence
}

// find returns the policy of a room, or nil, and whether one of the pattern's
// slots has that user's id.
func (ps Policies) find(room, user string) (p *Policy, owned bool) {
	for i := range ps {
		if ok, owned := match(ps[i].Pattern, room, user); ok {
			return &ps[i], owned
		}
	}
	return nil, false
}

// unknown is the identity of a guest who has shown no credential.
var unknown = Identity{User: journal.User{Guest: true}}

// grants reports whether one of a credential's patterns matches the room. A slot
// of such a pattern takes only the credential's own user.
func grants(patterns []string, id *Identity, room string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, owned := match(p, room, id.User.ID)
		return ok && (owned || !strings.Contains(p, userSlot))
	})
}
