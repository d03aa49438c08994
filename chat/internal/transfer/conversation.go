package transfer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// conversation is the line behind the entries of a room that has members: what its
// records say. Older entries may be gone, so these do not follow from what is kept.
type conversation struct {
	Room    roomName     `json:"room"`
	Version journal.Seq  `json:"version"` // the newest governing entry
	State   members.Room `json:"state"`
	Members []memberLine `json:"members"` // by id
}

type memberLine struct {
	ID     string      `json:"id"`
	Name   string      `json:"name,omitempty"`
	Avatar string      `json:"avatar,omitempty"`
	Guest  bool        `json:"guest,omitempty"`
	Role   string      `json:"role"`
	Since  journal.Seq `json:"since"`
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
// own.
func conversationOf(s *members.State) *conversation {
	c := conversation{Room: roomName{name: s.Name}, Version: s.Version, State: s.Room}
	for id, seat := range s.Seats {
		c.Members = append(c.Members, memberLine{ID: id, Role: seat.Role.String(), Since: seat.Since})
	}
	slices.SortFunc(c.Members, func(a, b memberLine) int { return strings.Compare(a.ID, b.ID) })
	return &c
}

// append appends the line.
func (c *conversation) append(dst []byte) ([]byte, error) {
	text, err := json.Marshal(struct {
		Conversation *conversation `json:"conversation"`
	}{c})
	return append(append(dst, text...), '\n'), err
}

// check returns what is wrong with a line.
func (c *conversation) check() error {
	if c.Room.direct != nil && c.State.Direct == nil {
		c.State.Direct = c.Room.direct
	}
	if err := journal.CheckRoom(c.Room.name); err != nil {
		return err
	}
	if journal.IsReserved(c.Room.name) || c.Version < 1 || c.Version > journal.MaxSeq {
		return errors.New("conversation must have a room of users, and the number of a governing entry")
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
		if err := checkMember(m); err != nil {
			return err
		}
		stands[m.ID] = true
		if role == access.Owner && m.ID == c.State.Owner {
			owner = m.ID
		}
	}
	if len(stands) != c.State.Size || owner != c.State.Owner {
		return errors.New("conversation: size or owner differ from the members")
	}
	return nil
}

// checkMember returns an error if no user could be so.
func checkMember(m *memberLine) error {
	u := m.user()
	switch {
	case u.ID != m.ID || !wire.IsUserID(m.ID):
		return fmt.Errorf("member %q must have an id of 1 to %d bytes without control characters", m.ID, wire.MaxUser)
	case utf8.RuneCountInString(m.Name) > wire.MaxName || len(m.Avatar) > wire.MaxAvatar:
		return fmt.Errorf("member %q: name may have %d characters and avatar %d bytes", m.ID, wire.MaxName, wire.MaxAvatar)
	}
	return nil
}
