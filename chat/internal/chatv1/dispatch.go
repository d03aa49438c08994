package chatv1

import (
	"errors"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// maxStrikes is how many frames in a row a client may send although it was told to
// wait.
const maxStrikes = 100

// Receive carries out one command. Calls must not overlap.
func (s *Session) Receive(op ws.OpCode, payload []byte) {
	c, err := decode(op, payload)
	// Every frame is charged before it is answered, whatever it is.
	if wait := s.actor.Charge(len(payload), 0); wait > 0 {
		if s.strikes++; s.strikes > maxStrikes {
			s.host.CloseWith(wire.TooFast.Bye())
			return
		}
		soon := wire.TooSoon(wait)
		var invalid *wire.Error
		if errors.As(err, &invalid) {
			soon.ID = invalid.ID // c is nil then
		}
		err = soon
	} else if s.strikes = 0; err == nil {
		err = s.carryOut(c)
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
func (s *Session) carryOut(c wire.Command) error {
	hello, isHello := c.(*wire.Hello)
	switch {
	case isHello && s.greeted.Load():
		return wire.AlreadyHello.Error(hello.ID)
	case isHello:
		return s.hello(hello)
	case !s.greeted.Load():
		return wire.NoHello.Error(c.CommandID())
	}
	switch c := c.(type) {
	case *wire.Join:
		return s.joinRoom(c)
	case *wire.Leave:
		return s.leave(c)
	case *wire.Send:
		return s.publish(c)
	case *wire.Recall:
		return s.recall(c)
	case *wire.Typing:
		return s.typing(c)
	case *wire.History:
		return s.history(c)
	case *wire.Read:
		return s.read(c)
	case *wire.Who:
		return s.who(c)
	case *wire.Renew:
		return s.renew(c)
	case *wire.Mute:
		return s.moderate(c.ID, c.Room, s.actor.Mute(s.actor.Soon(), c.Room, c.User, c.For))
	case *wire.Kick:
		return s.moderate(c.ID, c.Room, s.actor.Kick(c.Room, c.User))
	case *wire.Ban:
		return s.moderate(c.ID, c.Room, s.actor.Ban(s.actor.Soon(), c.Room, c.User, c.For))
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
