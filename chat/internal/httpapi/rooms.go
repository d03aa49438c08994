package httpapi

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

func create(ctx context.Context, t acts.Turn, c *wire.Create) (Answer, error) {
	room, duplicate, err := t.Create(ctx, c)
	return frame(&wire.Created{Room: room, Duplicate: duplicate}, !duplicate), err
}

func state(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	room := c.Path["room"]
	m, err := t.State(ctx, room)
	if err != nil {
		return Answer{}, err
	}
	s := wire.Room{
		Name: room, Epoch: m.Page.Epoch, Last: uint64(m.Page.Last), Read: uint64(m.Read), Unread: m.Unread,
		Write: m.Write, Moderate: m.Moderate, Pins: m.Pins,
	}
	if m.Conversation {
		s.Conversation = &wire.Conversation{
			Info: wire.Info{Title: m.Of.Title, Avatar: m.Of.Avatar, About: m.Of.About, Closed: m.Of.Closed},
			Role: m.Role.String(), Size: m.Of.Size,
		}
		if m.With.ID != "" {
			with := wire.User(m.With)
			s.Conversation.With = &with
		}
	}
	return frame(&wire.Summary{Room: s}, false), nil
}

func setInfo(ctx context.Context, t acts.Turn, c *wire.SetInfo) (Answer, error) {
	r, err := t.SetInfo(ctx, c)
	return recorded(c.Room, r, err)
}

// closeRoom closes a conversation, or erases a room.
func closeRoom(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	room := c.Path["room"]
	text, err := c.once("erase")
	if err != nil {
		return Answer{}, err
	}
	switch {
	case text == "true":
		done, err := t.EraseRoom(ctx, room)
		if err != nil {
			return Answer{}, err
		}
		return asJSON(done)
	case text != "" && text != "false" || text == "" && c.Query.Has("erase"):
		return Answer{}, refuse(wire.BadFrame, "erase", "must be true or false")
	}
	closed := true
	r, err := t.SetInfo(ctx, &wire.SetInfo{Room: room, Closed: &closed})
	return recorded(room, r, err)
}

func members(ctx context.Context, t acts.Turn, c *wire.ListMembers) (Answer, error) {
	limit := c.Limit
	if limit == 0 {
		limit = wire.MaxUsers
	}
	list, err := t.Members(ctx, c.Room, c.After, limit)
	if err != nil {
		return Answer{}, err
	}
	return frame(list, false), nil
}

func setMembers(ctx context.Context, t acts.Turn, c *wire.SetMembers) (Answer, error) {
	r, err := t.SetMembers(ctx, c)
	return recorded(c.Room, r, err)
}

func read(ctx context.Context, t acts.Turn, c *wire.Read) (Answer, error) {
	mark, unread, err := t.MarkRead(ctx, c.Room, journal.Seq(c.Seq))
	return frame(&wire.Marked{Room: c.Room, Seq: uint64(mark), Unread: unread}, false), err
}

func listRooms(ctx context.Context, t acts.Turn, c *wire.List) (Answer, error) {
	rows, err := t.List(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	return frame(rows, false), nil
}

func setRow(ctx context.Context, t acts.Turn, c *wire.SetRow) (Answer, error) {
	return frame(&wire.OK{Room: c.Room}, false), t.SetRow(ctx, c)
}

func history(ctx context.Context, t acts.Turn, c *wire.History) (Answer, error) {
	q := journal.Query{Room: c.Room, Backward: !c.Forward, After: journal.Seq(c.After), Before: journal.Seq(c.Before)}
	page, err := t.History(ctx, q, c.Limit)
	if err != nil {
		return Answer{}, err
	}
	return frame(&wire.Page{Room: c.Room, Epoch: page.Epoch, Entries: page.Tags.Entries(page.Entries), More: page.More}, false), nil
}

// send reads the body only for who may write.
func send(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	room := c.Path["room"]
	r, err := t.Post(ctx, room, func() (journal.Entry, error) {
		command, err := c.decode()
		if err != nil {
			return journal.Entry{}, err
		}
		return command.(*wire.Send).Entry(), nil
	})
	return recorded(room, r, err)
}

func edit(ctx context.Context, t acts.Turn, c *wire.Edit) (Answer, error) {
	r, err := t.EditFromOutside(ctx, c)
	return recorded(c.Room, r, err)
}

func recall(ctx context.Context, t acts.Turn, c *wire.Recall) (Answer, error) {
	r, err := t.RecallFromOutside(ctx, c.Room, journal.Seq(c.Seq))
	return recorded(c.Room, r, err)
}

func tagsOf(ctx context.Context, t acts.Turn, c *wire.Recall) (Answer, error) { // which has a room and a seq
	q := journal.Query{Room: c.Room, After: journal.Seq(c.Seq) - 1}
	page, err := t.History(ctx, q, 1)
	if err != nil {
		return Answer{}, err
	}
	for _, e := range page.Tags.Entries(page.Entries) {
		if e.Seq == c.Seq && !e.Gone && e.Kind.Erasable() {
			return frame(&wire.Tagged{Room: c.Room, Seq: c.Seq, Tags: e.Tags}, false), nil
		}
	}
	return Answer{}, wire.NotFound.Error("")
}

func tag(ctx context.Context, t acts.Turn, c *wire.SetTag) (Answer, error) {
	r, err := t.TagFromOutside(ctx, c)
	return recorded(c.Room, r, err)
}

func mute(ctx context.Context, t acts.Turn, c *wire.Mute) (Answer, error) {
	return frame(&wire.OK{Room: c.Room}, false), t.Mute(ctx, c.Room, c.User, c.For)
}

func kick(ctx context.Context, t acts.Turn, c *wire.Kick) (Answer, error) {
	return frame(&wire.OK{Room: c.Room}, false), t.Kick(ctx, c.Room, c.User)
}

func ban(ctx context.Context, t acts.Turn, c *wire.Ban) (Answer, error) {
	return frame(&wire.OK{Room: c.Room}, false), t.Ban(ctx, c.Room, c.User, c.For)
}
