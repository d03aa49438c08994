package list

import (
	"context"
	"encoding/json"

	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Rooms are those of this node.
type Rooms interface {
	ShowFrom(room, user string, from journal.Seq)
	SetApart(room string, apart bool)
}

// Changed makes hold, for those who are in a room at this node, what a user has changed of it:
// the user has cleared the entries before from, and may have blocked the other one of two, or
// blocks them no more.
func (l *Live) Changed(ctx context.Context, rooms Rooms, room, user string, from journal.Seq) error {
	rooms.ShowFrom(room, user, from)
	l.hideBefore(user, place{room: room, from: from}) // no head shows it any more
	return l.SetApart(ctx, rooms, room, user)
}

// NoteBan notes, for lists that are read later, that a ban of a member has begun or was lifted. It
// must come when that holds: a list that was read before is told of it, and one that is read
// during a ban is read whole the next time.
func (r *Reader) NoteBan(ctx context.Context, user, room string) error {
	records := r.Journal.Records()
	seat, err := records.Get(ctx, members.InKey(user, room))
	if err != nil || seat.Value == nil {
		return err
	}
	return records.Update(ctx, SettingsKey(user, room), func(old []byte) ([]byte, error) {
		if old == nil {
			return json.Marshal(Settings{})
		}
		return old, nil // its stamp is new
	})
}

// SetApart reads whether one of two has blocked the other, one of whom is the user, and says it to
// their room at this node.
func (l *Live) SetApart(ctx context.Context, rooms Rooms, room, user string) error {
	unlock, err := l.parting.Lock(ctx, room) // whoever reads last says it last
	if err != nil {
		return err
	}
	defer unlock()
	found, err := l.reader.Memberships(ctx, user, []string{room})
	if err == nil && len(found[0].Room.Direct) > 0 {
		rooms.SetApart(room, found[0].Row.Block || found[0].Blocked)
	}
	return err
}
