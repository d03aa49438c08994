package chatv1

import (
	"errors"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Receive carries out one command. Calls must not overlap.
func (s *Session) Receive(op ws.OpCode, payload []byte) {
	c, err := decode(op, payload)
	t, soon, goes := s.actor.Frame(len(payload)) // before it is answered, whatever it is
	switch {
	case goes:
		s.host.CloseWith(wire.TooFast.Bye())
		return
	case soon != nil:
		var invalid *wire.Error
		if errors.As(err, &invalid) {
			soon.ID = invalid.ID // c is nil then
		}
		err = soon
	case err == nil:
		err = s.carryOut(t, c)
	}
	if err != nil {
		s.refuse(s.errorFor(err, c))
	}
}

// decode reads a command. Only text frames have one.
func decode(op ws.OpCode, payload []byte) (wire.Command, error) {
	if op != ws.OpText {
		return nil, &wire.Error{Code: wire.BadFrame, Message: "a frame must be text", Retry: wire.Never}
	}
	return wire.Decode(payload)
}

// carryOut does what c says. An error is the answer to c. Without an error, c was
// answered or will be.
func (s *Session) carryOut(t acts.Turn, c wire.Command) error {
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
		return s.publish(t, c)
	case *wire.Edit:
		return s.edit(t, c)
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
		return s.create(t, c)
	case *wire.SetMembers:
		return s.setMembers(t, c)
	case *wire.ListMembers:
		return s.members(t, c)
	case *wire.List:
		return s.list(t, c)
	case *wire.SetRow:
		return s.setRow(t, c)
	case *wire.SetInfo:
		return s.setInfo(t, c)
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
