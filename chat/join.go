package chat

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/internal/chatv1"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// join is the act of subscribing a session to a room. The result is held: see
// room.Rooms.Join.
func (c *core) join(s room.Session, a *actor, name string, enc room.Encoding) (*room.Subscription, <-chan int, error) {
	if err := a.MayRead(name); err != nil {
		return nil, nil, err
	}
	return c.rooms.Join(name, s, enc, !a.raw, a.Rights(name).MaxMembers)
}

// catchUp is the act of reading what a client has missed in a room, as PROTOCOL.md
// says under "Coming back without a hole": at least so many entries, or else as
// many as fit into so many bytes.
func (a *actor) catchUp(ctx context.Context, from chatv1.Position, bytes, least int) (chatv1.Missed, error) {
	rights := a.Rights(from.Room)
	m := chatv1.Missed{Write: rights.Write, Moderate: rights.Moderate, Presence: rights.Presence}
	bounds := pageBounds{a.core.settings().MaxPage, bytes, least}
	newest := journal.Query{Room: from.Room, Backward: true}
	var page journal.Page
	var err error
	if from.Resume {
		page, err = a.readPage(ctx, journal.Query{Room: from.Room, After: from.After}, bounds)
		m.Gap = page.Epoch != from.Epoch || from.After > page.Last || from.After+1 < page.First
		m.More = !m.Gap && page.More
		if err == nil {
			a.core.counts.resumed[resumeOf(m)].Add(1)
		}
	}
	if err == nil && (!from.Resume || m.Gap) {
		page, err = a.readPage(ctx, newest, bounds)
	}
	if err != nil {
		return m, err
	}
	user := a.User()
	m.Read, err = a.core.marks.get(ctx, markKey{user.ID, from.Room}, page.Epoch, user.Guest)
	if err != nil {
		return m, err
	}
	m.Page, m.Unread = page, unreadAbove(page, m.Read)
	return m, nil
}

func resumeOf(m chatv1.Missed) Resume {
	switch {
	case m.Gap:
		return ResumedGap
	case m.More:
		return ResumedPaged
	}
	return ResumedWhole
}
