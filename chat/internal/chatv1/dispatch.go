package chatv1

import (
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// carryOut does what c says. An error is the answer to c. Without an error, c was
// answered or will be. checked is what the checks of the site have let pass, or nil if
// none of them was asked yet.
func (s *Session) carryOut(t acts.Turn, c wire.Command, checked *acts.Checked) error {
	hello, isHello := c.(*wire.Hello)
	switch {
	case isHello && s.greeted.Load():
		return wire.AlreadyHello.Error(hello.ID)
	case isHello:
		return s.hello(t, hello)
	case !s.greeted.Load():
		return wire.NoHello.Error(c.CommandID())
	}
	switch c := c.(type) {
	case *wire.Join:
		return s.joinRoom(t, c)
	case *wire.Leave:
		return s.leave(c)
	case *wire.Send:
		return s.publish(t, c, checked)
	case *wire.Edit:
		return s.edit(t, c, checked)
	case *wire.SetTag:
		return s.tag(t, c)
	case *wire.Recall:
		return s.recall(t, c)
	case *wire.Typing:
		return s.typing(t, c)
	case *wire.History:
		return s.history(t, c)
	case *wire.Read:
		return s.read(t, c)
	case *wire.Who:
		return s.who(t, c)
	case *wire.Renew:
		return s.renew(t, c)
	case *wire.Mute:
		return s.moderate(c.ID, c.Room, t.Mute(t.Soon(), c.Room, c.User, c.For))
	case *wire.Kick:
		return s.moderate(c.ID, c.Room, t.Kick(t.Soon(), c.Room, c.User))
	case *wire.Ban:
		return s.moderate(c.ID, c.Room, t.Ban(t.Soon(), c.Room, c.User, c.For))
	case *wire.Create:
		return s.create(t.Soon(), t, c)
	case *wire.SetMembers:
		return s.setMembers(t.Soon(), t, c)
	case *wire.ListMembers:
		return s.members(t, c)
	case *wire.List:
		return s.list(t, c)
	case *wire.SetRow:
		return s.setRow(t, c)
	case *wire.SetInfo:
		return s.setInfo(t.Soon(), t, c)
	case *wire.Ping:
		s.answer(&wire.Pong{ID: c.ID})
		return nil
	}
	return wire.UnknownType.Error(c.CommandID())
}

// moderate answers a mute, a kick or a ban.
func (s *Session) moderate(id, name string, err error) error {
	if err == nil {
		s.acknowledge(id, name)
	}
	return err
}
