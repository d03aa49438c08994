package acts

import (
	"context"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// ListSince is the act of asking for the list of one's conversations with hello.
//
// s is told of its changes once ListReady is called. Where no room can be a conversation
// there is no list, so that clients need not show one.
func (a Turn) ListSince(ctx context.Context, s list.Session, from wire.ListFrom) (*wire.Listed, error) {
	if !a.core.settings().Policies.HaveConversations() {
		return nil, nil
	}
	if err := a.mayList(); err != nil {
		return nil, err
	}
	a.greeted.listing = s
	answer, n, err := a.core.live.Open(ctx, s, a.User().ID, a.person(), from)
	a.owe(max(n, 1) * recordCost)
	return answer, err
}

// ListReady says that the client is about to get what was read of its list.
func (a Turn) ListReady() {
	if a.greeted != nil && a.greeted.listing != nil {
		a.core.live.Ready(a.greeted.listing, a.User().ID)
	}
}

// List is the act of asking for a page of the list, or for certain rows. If the client has
// the list open, nothing is told about it until ListReady is called.
func (a Turn) List(ctx context.Context, c *wire.List) (*wire.Rows, error) {
	if err := a.mayList(); err != nil {
		return nil, err
	}
	if wait := a.reserve(a.core.settings().ListRate, &a.core.listing); wait > 0 {
		return nil, wire.TooSoon(wait)
	}
	answer, user := &wire.Rows{ID: c.ID}, a.User().ID
	if a.greeted != nil && a.greeted.listing != nil {
		a.core.live.Hold(a.greeted.listing, user)
	}
	var err error
	if len(c.Rooms) > 0 {
		if i := slices.IndexFunc(c.Rooms, func(name string) bool { return wire.CheckRoom(name) != nil }); i >= 0 {
			e := wire.BadRoom.Error("")
			e.Field = fmt.Sprintf("rooms[%d]", i)
			return nil, e
		}
		answer.Rows, answer.More, err = a.core.lists.Rows(ctx, user, a.person(), c.Rooms)
	} else {
		answer.Rows, answer.Next, err = a.core.lists.Page(ctx, user, a.person(), c.Next, c.Limit)
		answer.More = answer.Next != ""
	}
	a.owe(max(len(answer.Rows), 1) * recordCost)
	if a.key != nil {
		answer.Rows = list.Readable(answer.Rows, len(c.Rooms) > 0, func(room string) bool { return a.rights(room, access.NoRole).Read })
	}
	return answer, err
}

// mayList returns why the actor has no list now, or nil.
func (a *Actor) mayList() error {
	if a.kind != client {
		return wire.Forbidden.Error("")
	}
	if err := a.hasMarks(); err != nil {
		return err
	}
	return a.mayReadNow()
}

// SetRow is the act of changing how the actor has a conversation in their list.
func (a Turn) SetRow(ctx context.Context, c *wire.SetRow) error {
	if err := a.hasMarks(); err != nil {
		return err
	}
	in, err := a.reader(ctx, c.Room)
	if err != nil {
		return err
	}
	if in.seat.Role == access.NoRole {
		return wire.Forbidden.Error("")
	}
	if c.Block != nil && !in.Direct {
		e := wire.Forbidden.Error("")
		e.Field, e.Message = "block", "only the other user of a conversation of two can be blocked"
		return e
	}
	head, err := list.HeadOf(ctx, a.core.journal, c.Room)
	if err != nil {
		return err
	}
	change := list.Change{Notify: c.Notify, Top: c.Top, Hide: c.Hide, Block: c.Block, Clear: c.Clear}
	now, err := list.Set(ctx, a.core.journal.Records(), a.User().ID, c.Room, &head, change)
	if err == nil {
		if c.Block != nil || c.Clear {
			err = a.core.commands.Ask(ctx, command.Command{Act: command.Row, Room: c.Room, User: a.User().ID, From: uint64(now.Cleared + 1)}).Err
		}
		a.core.live.Tell(ctx, a.User().ID, c.Room)
	}
	return err // if it does not hold everywhere, the client does it again
}

// RowChanged makes hold at this node what a user has cleared of a room, or blocked.
func (c *Core) RowChanged(ctx context.Context, room, user string, from journal.Seq) error {
	return c.live.Changed(ctx, c.rooms, room, user, from)
}
