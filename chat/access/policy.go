package access

import (
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

	// The next four are for conversations. Direct is a conversation of two, who read and
	// write. Create is who may found conversations of this pattern, Invite who may
	// add others beside moderators, OpenTo who may add themselves.
	Direct                 bool
	Create, Invite, OpenTo []Subject
	// History is how much of what was said readers are shown.
	History History
	// Retention is how much the journal keeps. Zero: the journal's own default.
	Retention journal.Retention
	// MaxMembers bounds the users who are present in one room, on however many devices,
	// and raw sessions, which are not users; or, in conversations, who belongs to it. 0:
	// no bound, and DefaultMembers in conversations.
	MaxMembers int
	// Receipts shows members of conversations how far the others have read, where they are
	// so many at most. 0: nobody is shown that.
	Receipts int
	// NoPresence hides who is in the room from those who are in it.
	NoPresence bool
	// NoRaw keeps clients of the raw dialect out. They never enter conversations.
	NoRaw bool
}

// History is how far back a room is shown. Zero fields do not limit.
type History struct {
	// Entries is how many of the newest entries are shown. Below 0: none.
	Entries int
	// Age is how old they may be.
	Age time.Duration
	// Joined hides what was said before the reader became a member.
	Joined bool
}

// Rights are what somebody may do in one room, and what they are shown of it.
type Rights struct {
	Read, Write bool
	Moderate    bool // recall messages of others, mute, kick and ban
	Presence    bool // see who is in the room
	Raw         bool // use the raw dialect

	Conversation bool // it has members, and the rest has a meaning
	Direct       bool // of two
	Invite       bool // add others
	Open         bool // add oneself
	Receipts     int  // see how far others have read, where members are so many at most

	History    History
	MaxMembers int // 0: no bound
}

// Policies are the policies of a site. The first one whose pattern matches a room
// applies, and no other. Only somebody whose token grants it
// may use a room that matches none. Without any
// policy, every room is open to everybody.
//
// Rooms whose names begin with @ belong to the server: no policy is about them. A user may
// read the own room, @ and the id, and nobody else has any rights in any of them.
//
// The empty name stands for the whole hub. Only a pattern that consists of * alone
// matches it: the moderators of such a policy moderate the hub.
type Policies []Policy

// MaxConversation is how many members a conversation may have, whatever a policy says;
// DefaultMembers is how many if it says nothing.
const (
	MaxConversation = 5000
	DefaultMembers  = 500
)

// IsConversation reports whether rooms of this policy are conversations: who belongs
// to one is said by its entries.
func (p *Policy) IsConversation() bool {
	if p.Direct {
		return true
	}
	for _, list := range [][]Subject{p.Read, p.Write, p.Moderate, p.Invite} {
		if namesMembers(list) {
			return true
		}
	}
	return false
}

// Seats returns how many members a conversation of this policy may have.
func (p *Policy) Seats() int {
	switch {
	case p.Direct:
		return 2
	case p.MaxMembers == 0:
		return DefaultMembers
	}
	return p.MaxMembers
}

// Lists reports whether somebody who has that role in a conversation may read it, so that it
// is in their list. Which claims they have is not known there, so none counts.
func (ps Policies) Lists(user, room string, role Role) bool {
	p, owned := ps.find(room, user)
	if p == nil || !p.IsConversation() || journal.IsReserved(room) {
		return false
	}
	id := Identity{User: journal.User{ID: user, Guest: strings.HasPrefix(user, GuestPrefix)}}
	return p.rights(&id, owned, role).Read
}

// For returns what somebody may do in a room, where they have that role if it is a
// conversation. A nil id stands for a guest who has shown no credential. The grants of the credential add to what the policies
// permit. Without policies, only the grants count, if there are any. In a room of
// the server one may read one's own and nothing else: every door asks here, so this is
// the only place that says so.
//
// It compares the name with each policy's pattern and allocates nothing: ten
// policies take some hundred nanoseconds.
func (ps Policies) For(id *Identity, room string, role Role) Rights {
	if journal.IsReserved(room) {
		return Rights{Read: id != nil && IsOwnRoom(room) && room[1:] == id.User.ID}
	}
	if id == nil {
		id = &unknown
	}
	r := Rights{Presence: true, Raw: true}
	if p, owned := ps.find(room, id.User.ID); p != nil {
		r = p.rights(id, owned, role)
	} else if len(ps) == 0 && id.Grants == nil {
		r.Read, r.Write = true, true
	}
	if g := Granted(id, room); id.Grants != nil {
		r.Read, r.Write, r.Moderate = r.Read || g.Read, r.Write || g.Write, r.Moderate || g.Moderate
	}
	return r
}

// Granted returns what somebody may do in a room by their credential alone, whatever the
// policies permit.
func Granted(id *Identity, room string) Rights {
	r := Rights{Presence: true, Raw: true}
	if id == nil || id.Grants == nil || journal.IsReserved(room) {
		return r
	}
	r.Read = grants(id.Grants.Read, id, room)
	r.Write = grants(id.Grants.Write, id, room)
	r.Moderate = grants(id.Grants.Moderate, id, room)
	return r
}

func (p *Policy) rights(id *Identity, owned bool, role Role) Rights {
	r := Rights{
		Read:       includes(p.Read, id, owned, role),
		Write:      includes(p.Write, id, owned, role),
		Moderate:   includes(p.Moderate, id, owned, role),
		Presence:   !p.NoPresence,
		Raw:        !p.NoRaw,
		History:    p.History,
		MaxMembers: p.MaxMembers,
	}
	if !p.IsConversation() {
		return r
	}
	r.Conversation, r.Direct, r.Raw = true, p.Direct, false
	r.MaxMembers, r.Receipts = p.Seats(), p.Receipts
	if p.Direct {
		r.Read, r.Write = role >= Member, role >= Member
		return r
	}
	r.Invite = r.Moderate || includes(p.Invite, id, owned, role)
	r.Open = includes(p.OpenTo, id, owned, role)
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
