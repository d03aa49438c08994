package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// conversation is the line behind the entries of a room that has members: what its
// records say. Older entries may be gone, so these do not follow from what is kept.
type conversation struct {
	Room    string       `json:"room"`
	Version journal.Seq  `json:"version"` // the newest governing entry
	State   members.Room `json:"state"`
	Members []memberLine `json:"members"` // by id
}

type memberLine struct {
	ID    string      `json:"id"`
	Role  string      `json:"role"`
	Since journal.Seq `json:"since"`
	Count uint64      `json:"count"` // of counting entries, when they came
}

// appendConversation appends the line.
func appendConversation(dst []byte, s *members.State) ([]byte, error) {
	c := conversation{Room: s.Name, Version: s.Version, State: s.Room}
	for id, seat := range s.Seats {
		c.Members = append(c.Members, memberLine{id, seat.Role.String(), seat.Since, seat.Count})
	}
	slices.SortFunc(c.Members, func(a, b memberLine) int { return strings.Compare(a.ID, b.ID) })
	text, err := json.Marshal(struct {
		Conversation *conversation `json:"conversation"`
	}{&c})
	return append(append(dst, text...), '\n'), err
}

// seats returns what the line says, or what is wrong with it.
func (c *conversation) seats() (*members.State, error) {
	if err := journal.CheckRoom(c.Room); err != nil {
		return nil, err
	}
	if journal.IsReserved(c.Room) || c.Version < 1 || c.Version > journal.MaxSeq {
		return nil, errors.New("conversation must have a room of users, and the number of a governing entry")
	}
	state := members.State{Name: c.Room, Room: c.State, Seats: map[string]members.Seat{}}
	state.Version = c.Version
	for _, m := range c.Members {
		role, err := access.ParseRole(m.Role)
		if err != nil {
			return nil, err
		}
		if _, twice := state.Seats[m.ID]; twice || m.ID == "" || role == access.NoRole || m.Since < 1 || m.Since > c.Version {
			return nil, fmt.Errorf("member %q must stand once, with a role and the entry with which they came", m.ID)
		}
		state.Seats[m.ID] = members.Seat{Role: role, Since: m.Since, Count: m.Count}
	}
	if len(state.Seats) != c.State.Size || state.Seats[c.State.Owner].Role != access.Owner && c.State.Owner != "" {
		return nil, errors.New("conversation: size or owner differ from the members")
	}
	return &state, nil
}

// recordsOver returns the records that a line stands for, in a journal that may have older
// ones: who is no member any more has no seat.
func recordsOver(ctx context.Context, r journal.Records, s *members.State) ([]journal.Record, error) {
	there, err := members.Load(ctx, r, s.Name, nil, true)
	if err != nil {
		return nil, err
	}
	for id := range there.Seats {
		if _, stays := s.Seats[id]; !stays {
			s.Seats[id] = members.Seat{Left: time.Now()}
		}
	}
	return s.Records()
}
