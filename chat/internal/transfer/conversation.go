package transfer

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// conversation is the line behind the entries of a room that has members: what its
// records say. Older entries may be gone, so these do not follow from what is kept. A user's own
// room has the user as its only member, whom no entry has made one.
type conversation struct {
	Room    roomName     `json:"room"`
	Version journal.Seq  `json:"version,omitempty"` // the newest governing entry
	State   members.Room `json:"state"`
	Members []memberLine `json:"members"` // by id
}

type memberLine struct {
	ID     string      `json:"id"`
	Name   string      `json:"name,omitempty"`
	Avatar string      `json:"avatar,omitempty"`
	Guest  bool        `json:"guest,omitempty"`
	Role   string      `json:"role"`
	Since  journal.Seq `json:"since,omitempty"`
	// Count is there in lines of earlier versions. It follows from Since.
	Count uint64 `json:"count,omitempty"`
	own
}

// own is how a member has a conversation. Fields that say nothing are absent.
type own struct {
	Read    journal.Seq `json:"read,omitempty"`    // the newest entry that the member has read
	Notify  *bool       `json:"notify,omitempty"`  // absent: true
	Top     bool        `json:"top,omitempty"`     // above the others in the list
	Hidden  bool        `json:"hidden,omitempty"`  // until somebody says something
	Cleared journal.Seq `json:"cleared,omitempty"` // the member is shown what is above it
	Block   bool        `json:"block,omitempty"`   // the other one of two says nothing here
}

func (m *memberLine) user() journal.User {
	return access.CleanUser(journal.User{ID: m.ID, Name: m.Name, Avatar: m.Avatar, Guest: m.Guest})
}

// conversationOf returns what a line has of a conversation, beside what is each member's
// own. Where seats cannot be read, it has the members that are left, and the owner, whom the room
// names: as of now, since nobody knows since when. Seats may be older or newer than the room then, which decides.
func conversationOf(s *members.State) *conversation {
	c := conversation{Room: roomName{name: s.Name}, Version: s.Version, State: s.Room, Members: []memberLine{}}
	if _, there := s.Seats[s.Owner]; s.Owner != "" && !there {
		c.Members = append(c.Members, memberLine{ID: s.Owner, Role: access.Owner.String(), Since: s.Version})
	}
	for id, seat := range s.Seats {
		if id == s.Owner {
			seat.Role = access.Owner
		} else if seat.Role == access.Owner {
			seat.Role = access.Admin
		}
		seat.Since = min(seat.Since, s.Version)
		c.Members = append(c.Members, memberLine{ID: id, Role: seat.Role.String(), Since: seat.Since})
	}
	c.State.Size = len(c.Members)
	slices.SortFunc(c.Members, func(a, b memberLine) int { return strings.Compare(a.ID, b.ID) })
	return &c
}

// append appends the line.
func (c *conversation) append(dst []byte) ([]byte, error) {
	dst, err := appendJSON(dst, struct {
		Conversation *conversation `json:"conversation"`
	}{c})
	return append(dst, '\n'), err
}

// check returns what is wrong with a line.
func (c *conversation) check() error {
	if c.Room.direct != nil && c.State.Direct == nil {
		c.State.Direct = c.Room.direct
	}
	if err := journal.CheckRoom(c.Room.name); err != nil {
		return err
	}
	if access.IsOwnRoom(c.Room.name) {
		return c.checkOwnRoom()
	}
	if journal.IsReserved(c.Room.name) || c.Version < 1 || c.Version > journal.MaxSeq {
		return errors.New("conversation must have a room of users, and the number of a governing entry")
	}
	if err := cmp.Or(checkTexts("conversation.state", c.State.Title, c.State.Avatar, c.State.About), c.checkDirect()); err != nil {
		return err
	}
	if len(c.Members) > access.MaxConversation {
		return fmt.Errorf("a conversation has at most %d members, not %d", access.MaxConversation, len(c.Members))
	}
	owner, stands := "", map[string]bool{}
	for i := range c.Members {
		m := &c.Members[i]
		role, err := access.ParseRole(m.Role)
		if err != nil {
			return err
		}
		if stands[m.ID] || role == access.NoRole || m.Since < 1 || m.Since > c.Version {
			return fmt.Errorf("member %q must stand once, with a role and the entry with which they came", m.ID)
		}
		shown := lineUser{ID: m.ID, Name: m.Name, Avatar: m.Avatar}
		if err := shown.check(fmt.Sprintf("conversation.members[%d]", i)); err != nil {
			return err
		}
		stands[m.ID] = true
		if role == access.Owner {
			if m.ID != c.State.Owner {
				return fmt.Errorf("member %q cannot be the owner: conversation.state.owner is %q", m.ID, c.State.Owner)
			}
			owner = m.ID
		}
	}
	if len(c.Members) > 0 && c.State.Owner == "" && c.State.Direct == nil {
		return errors.New("a conversation with members has an owner, unless it is one of two")
	}
	if len(stands) != c.State.Size || owner != c.State.Owner {
		return errors.New("conversation: size or owner differ from the members")
	}
	return nil
}

// checkDirect returns an error if a conversation of two can not be so.
func (c *conversation) checkDirect() error {
	of := c.State.Direct
	if of == nil {
		return nil
	}
	if c.Room.direct != nil && !slices.Equal(of, c.Room.direct) {
		return errors.New("conversation.state.direct must be those of the room")
	}
	if len(of) != 2 || of[0] >= of[1] || !wire.IsUserID(of[0]) || !wire.IsUserID(of[1]) {
		return errors.New("conversation.state.direct must be the ids of two users, in byte order")
	}
	if c.State.Title+c.State.Avatar+c.State.About+c.State.Owner != "" || slices.ContainsFunc(c.Members, func(m memberLine) bool { return !slices.Contains(of, m.ID) }) {
		return errors.New("a conversation of two has these two as its members, no owner, and no title, avatar or about")
	}
	return nil
}

// ownRoom returns the line of a user's own room, beside what the user has of it.
func ownRoom(room string) *conversation {
	return &conversation{
		Room: roomName{name: room}, State: members.Room{Size: 1},
		Members: []memberLine{{ID: strings.TrimPrefix(room, "@"), Role: access.Member.String()}},
	}
}

// checkOwnRoom is check for a user's own room.
func (c *conversation) checkOwnRoom() error {
	want := ownRoom(c.Room.name)
	if len(c.Members) == 1 {
		m := &c.Members[0]
		if err := (&lineUser{ID: m.ID, Name: m.Name, Avatar: m.Avatar}).check("conversation.members[0]"); err != nil {
			return err
		}
		own := &want.Members[0]
		own.Name, own.Avatar, own.Guest, own.Count, own.own = m.Name, m.Avatar, m.Guest, m.Count, m.own
	}
	if !reflect.DeepEqual(c, want) {
		return fmt.Errorf("a user's own room has that user as its only member, with the role member and without since, and no version: %q has not", c.Room.name)
	}
	return nil
}

// saysNothing reports whether the user has nothing of the own room.
func (c *conversation) saysNothing() bool { return reflect.DeepEqual(c, ownRoom(c.Room.name)) }
