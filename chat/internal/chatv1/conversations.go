package chatv1

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/view"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// create founds a conversation.
func (s *Session) create(ctx context.Context, t acts.Turn, c *wire.Create) error {
	name, duplicate, err := t.Create(ctx, c)
	if err == nil {
		s.answer(&wire.Created{ID: c.ID, Room: name, Duplicate: duplicate})
	}
	return err
}

// setMembers gives users a role in a conversation.
func (s *Session) setMembers(ctx context.Context, t acts.Turn, c *wire.SetMembers) error {
	receipt, err := t.SetMembers(ctx, c)
	return s.governed(c.ID, c.Room, receipt, err)
}

// setInfo changes what a conversation is called.
func (s *Session) setInfo(ctx context.Context, t acts.Turn, c *wire.SetInfo) error {
	receipt, err := t.SetInfo(ctx, c)
	return s.governed(c.ID, c.Room, receipt, err)
}

// governed answers a command that has changed a conversation, or found that it is so
// already.
func (s *Session) governed(id, name string, r journal.Receipt, err error) error {
	if err == nil && id != "" {
		s.answer(&wire.Sent{ID: id, Room: name, Seq: uint64(r.Seq), At: r.At, Duplicate: r.Duplicate})
	}
	return err
}

// members lists who belongs to a conversation.
func (s *Session) members(t acts.Turn, c *wire.ListMembers) error {
	s.host.AwaitClient() // before anything is read for it
	limit := c.Limit
	if limit == 0 {
		limit = wire.MaxUsers
	}
	list, err := t.Members(t.Soon(), c.Room, c.After, limit)
	if err != nil {
		return err
	}
	list.ID = c.ID
	s.answer(list)
	return nil
}

// conversation returns what the client is told of a room that has members.
func conversation(missed *view.Missed) *wire.Conversation {
	of := &missed.Of
	c := &wire.Conversation{
		Info: wire.Info{Title: of.Title, Avatar: of.Avatar, About: of.About, Closed: of.Closed},
		Role: missed.Role.String(),
		Size: of.Size,
	}
	if missed.With.ID != "" {
		with := wire.User(missed.With)
		c.With = &with
	}
	return c
}

// list answers with a part of the list of conversations.
func (s *Session) list(t acts.Turn, c *wire.List) error {
	s.host.AwaitClient() // before anything is read for it
	defer t.ListReady()
	rows, err := t.List(t.Soon(), c)
	if err == nil {
		s.answer(rows)
	}
	return err
}

// setRow changes how the user has a conversation in the list.
func (s *Session) setRow(t acts.Turn, c *wire.SetRow) error {
	err := t.SetRow(t.Soon(), c)
	if err == nil {
		s.acknowledge(c.ID, c.Room)
	}
	return err
}
