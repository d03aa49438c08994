package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// marks is a line behind the entries of a room: what its messages are tagged with, and
// which mention members. A room may have several.
type marks struct {
	Room     roomName    `json:"room"`
	Tags     []tags.Kept `json:"tags,omitempty"`
	Mentions []mention   `json:"mentions,omitempty"`
}

// mention is the newest message that mentions a member; * is everybody.
type mention struct {
	User string      `json:"user"`
	Seq  journal.Seq `json:"seq"`
}

// marksAtOnce is how many marks a line has.
const marksAtOnce = 200

// exportMarks calls each for the lines of the marks of a room, as of an entry. It has read
// everything before, since each may be slow.
func exportMarks(ctx context.Context, records journal.Records, s *members.State, upTo journal.Seq, each func(line []byte) error) error {
	all, err := tags.OfWholeRoom(ctx, records, s.Name, upTo)
	if err != nil {
		return err
	}
	mentions, err := mentionsIn(ctx, records, s, upTo)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(all, marksAtOnce) {
		if err := eachMarks(marks{Room: roomName{name: s.Name}, Tags: part}, each); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(mentions, marksAtOnce) {
		if err := eachMarks(marks{Room: roomName{name: s.Name}, Mentions: part}, each); err != nil {
			return err
		}
	}
	return nil
}

func eachMarks(m marks, each func(line []byte) error) error {
	line, err := appendJSON(nil, struct {
		Marks *marks `json:"marks"`
	}{&m})
	if err != nil {
		return err
	}
	return each(append(line, '\n'))
}

// mentionsIn returns the mentions of the members of a conversation.
func mentionsIn(ctx context.Context, records journal.Records, s *members.State, upTo journal.Seq) (found []mention, err error) {
	if s.Version == 0 {
		return nil, nil
	}
	users := []string{wire.Everybody}
	for user := range s.Seats {
		users = append(users, user)
	}
	slices.SortFunc(users, strings.Compare)
	list, err := records.GetMany(ctx, mentionKeys(s.Name, users))
	for i, r := range list {
		if seq := r.Stamp.Seq; seq > 0 && seq <= upTo {
			found = append(found, mention{users[i], seq})
		}
	}
	return found, err
}

func mentionKeys(room string, users []string) (keys []string) {
	for _, r := range list.Mention(room, users) {
		keys = append(keys, r.Key)
	}
	return keys
}

// restore writes what the line stands for.
func (m *marks) restore(ctx context.Context, j Target) (written int, err error) {
	list, err := m.records()
	if err != nil {
		return 0, err
	}
	page, err := read(ctx, j, journal.Query{Room: m.Room.name})
	if err != nil {
		return 0, err
	}
	for i := range list {
		if list[i].Stamp.Seq > page.Last {
			return 0, fmt.Errorf("marks of room %q name the entry %d, and the last one of the room is %d", m.Room.name, list[i].Stamp.Seq, page.Last)
		}
	}
	return j.RestoreRecords(ctx, list)
}

// records returns what the line stands for, or what is wrong with it.
func (m *marks) records() ([]journal.Record, error) {
	if err := journal.CheckRoom(m.Room.name); err != nil {
		return nil, err
	}
	if isServers(m.Room.name) {
		return nil, errServers
	}
	records, err := tags.Restored(m.Room.name, m.Tags)
	for _, to := range m.Mentions {
		if !wire.IsUserID(to.User) || to.Seq < 1 || to.Seq > journal.MaxSeq {
			return nil, errors.New("a mention must have a user, and the number of a message")
		}
		r := list.Mention(m.Room.name, []string{to.User})[0]
		r.Stamp.Seq = to.Seq
		records = append(records, r)
	}
	return records, err
}
