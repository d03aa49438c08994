package list

import (
	"context"

	"go.uber.org/zap"

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
func (l *Live) Changed(ctx context.Context, rooms Rooms, room, user string, from journal.Seq) {
	rooms.ShowFrom(room, user, from)
	l.hideBefore(user, place{room, from})    // no head shows it any more
	unlock, err := l.parting.Lock(ctx, room) // whoever reads last says it last
	if err == nil {
		defer unlock()
		var found []Membership
		if found, err = l.reader.Memberships(ctx, user, []string{room}); err == nil && len(found[0].Room.Direct) > 0 {
			rooms.SetApart(room, found[0].Row.Block || found[0].Blocked)
		}
	}
	if err != nil {
		l.log.Warn("not known whether two are told of each other", zap.Error(err))
	}
}
