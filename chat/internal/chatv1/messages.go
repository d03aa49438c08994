package chatv1

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// publish hands a message to the journal. The answer comes when it is recorded.
func (s *Session) publish(t acts.Turn, c *wire.Send, checked *acts.Checked) error {
	sub, err := s.joined(c.Room)
	if err != nil {
		return err
	}
	var e acts.Checked
	if checked != nil {
		e = *checked
	} else if e, err = t.Check(t.Lasting(), c.Room, c.Entry()); err != nil {
		return err
	}
	return t.Publish(t.Soon(), sub, e, s.answered(c.ID, c.Room, recorded))
}

// edit replaces the body of a message.
func (s *Session) edit(t acts.Turn, c *wire.Edit, checked *acts.Checked) error {
	sub, err := s.joined(c.Room)
	if err != nil {
		return err
	}
	var e acts.Checked
	if checked != nil {
		e = *checked
	} else if e, err = t.CheckEdit(t.Lasting(), c.Room, journal.Seq(c.Seq), journal.Entry{Key: c.Key, Body: c.Body}); err != nil {
		return err
	}
	return t.Edit(t.Soon(), sub, e, s.answered(c.ID, c.Room, recorded))
}

func recorded(r journal.Receipt) *wire.Sent { return &wire.Sent{Seq: uint64(r.Seq), At: r.At} }

// tag tags a message. If nothing changes, the answer has no seq.
func (s *Session) tag(t acts.Turn, c *wire.SetTag) error {
	sub, err := s.joined(c.Room)
	if err != nil {
		return err
	}
	return t.Tag(t.Soon(), sub, c, s.answered(c.ID, c.Room, changed))
}

// changed is the answer to what may have changed nothing.
func changed(r journal.Receipt) *wire.Sent {
	if r.Duplicate {
		return &wire.Sent{}
	}
	return recorded(r)
}

// recall takes a message back. If it is already recalled, the answer has no seq.
func (s *Session) recall(t acts.Turn, c *wire.Recall) error {
	sub, err := s.joined(c.Room)
	if err != nil {
		return err
	}
	return t.Recall(t.Soon(), sub, c.Room, journal.Seq(c.Seq), s.answered(c.ID, c.Room, changed))
}

// typingInterval is how often others are told at most that somebody is typing.
const typingInterval = 2 * time.Second

// typing tells the others that the user is typing.
func (s *Session) typing(t acts.Turn, c *wire.Typing) error {
	sub, err := s.joined(c.Room)
	if err != nil {
		return err
	}
	now := time.Now()
	tells := now.Sub(s.typedAt[sub]) >= typingInterval
	if err := t.Typing(t.Soon(), sub, c.Room, tells); err != nil {
		return err
	}
	if tells {
		if s.typedAt == nil {
			s.typedAt = map[*room.Subscription]time.Time{}
		}
		s.typedAt[sub] = now
	}
	s.acknowledge(c.ID, c.Room)
	return nil
}

// history answers with a page of any room that the user may read.
func (s *Session) history(t acts.Turn, c *wire.History) error {
	s.host.AwaitClient() // before anything is read for it
	q := journal.Query{Room: c.Room, Backward: !c.Forward, After: journal.Seq(c.After), Before: journal.Seq(c.Before)}
	page, err := t.History(t.Soon(), q, c.Limit)
	if err != nil {
		return err
	}
	s.answer(&wire.Page{
		ID:      c.ID,
		Room:    c.Room,
		Epoch:   page.Epoch,
		Entries: page.Tags.Entries(page.Entries),
		More:    page.More,
	})
	return nil
}

// read moves the user's read mark: also in a room that is not joined, as from a list.
func (s *Session) read(t acts.Turn, c *wire.Read) error {
	if err := wire.CheckRoom(c.Room); err != nil {
		return err
	}
	mark, unread, err := t.MarkRead(t.Soon(), c.Room, journal.Seq(c.Seq))
	if err != nil {
		return err
	}
	if c.ID != "" {
		s.answer(&wire.Marked{ID: c.ID, Room: c.Room, Seq: uint64(mark), Unread: unread})
	}
	return nil
}
