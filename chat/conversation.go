package chat

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// conversation is chat.v1, as PROTOCOL.md has it: the commands of one client,
// carried out one after the other in the order in which they came.
//
// Its answers are frames like any other, and wait in the session's outbox. A
// client that asks for more than it reads is not read itself until it does.
type conversation struct {
	session *Session // fixed
	dialect dialect  // fixed

	// What the handshake said of the user, until hello. Fixed.
	auth    Authenticator
	shown   *Identity
	refused error

	// Owned by the reader, as hear is called by nobody else.
	members []*member
	tokened bool // it began with a token
	strikes int  // frames in a row that came too fast

	greeted atomic.Bool // hello was accepted
	alarm   *time.Timer // of the time to hello, then of the token's end; fixed
}

// last implements talk.
func (t *conversation) last(b *wire.Bye) []byte { return textFrame(b) }

// maxStrikes is how many frames a client may send although it was told to wait.
const maxStrikes = 100

// hear implements talk.
func (t *conversation) hear(op ws.OpCode, payload []byte) {
	if op != ws.OpText {
		t.refuse(&wire.Error{Code: wire.BadFrame, Message: "a frame must be text", Retry: wire.Never})
		return
	}
	c, err := wire.Decode(payload)
	if wait := t.session.charge(len(payload), 0); wait > 0 {
		if t.strikes++; t.strikes > maxStrikes {
			t.session.close(wire.TooFast.Bye())
			return
		}
		err = tooFast(wait)
	} else if t.strikes = 0; err == nil {
		err = t.carryOut(c)
	}
	if err != nil {
		t.refuse(t.wireError(err, c))
	}
}

// carryOut does what c says. An error is c's answer; without one it has been
// answered, or will be.
func (t *conversation) carryOut(c wire.Command) error {
	hello, ok := c.(*wire.Hello)
	switch {
	case ok && t.greeted.Load():
		return wire.AlreadyHello.Error(hello.ID)
	case ok:
		return t.hello(hello)
	case !t.greeted.Load():
		return wire.NoHello.Error(c.CommandID())
	}
	switch c := c.(type) {
	case *wire.Join:
		return t.join(c)
	case *wire.Leave:
		return t.leave(c)
	case *wire.Send:
		return t.send(c)
	case *wire.Recall:
		return t.recall(c)
	case *wire.Typing:
		return t.typing(c)
	case *wire.History:
		return t.history(c)
	case *wire.Read:
		return t.read(c)
	case *wire.Who:
		return t.who(c)
	case *wire.Renew:
		return t.renew(c)
	case *wire.Mute:
		return t.mute(c)
	case *wire.Kick:
		return t.kick(c)
	case *wire.Ban:
		return t.ban(c)
	case *wire.Ping:
		t.answer(&wire.Pong{ID: c.ID})
		return nil
	}
	return wire.UnknownType.Error(c.CommandID())
}

// wireError is err as the client is told it.
func (t *conversation) wireError(err error, c wire.Command) *wire.Error {
	id := ""
	if c != nil {
		id = c.CommandID()
	}
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		told := *e // it may be shared
		if told.ID == "" {
			told.ID = id
		}
		return &told
	case isPassing(err):
		return wire.Unavailable.Error(id)
	}
	t.session.hub.log.Error("command failed", zap.Error(err))
	return wire.Internal.Error(id)
}

// isPassing says whether an error is none of ours: the journal can't be had just
// now and says so itself, the hub is closing, or who asked has gone.
func isPassing(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrJournalClosed) || errors.Is(err, ErrHubClosed) ||
		errors.Is(err, context.Canceled)
}

// answer says f, and waits while the client leaves unread what it has asked for.
func (t *conversation) answer(f wire.Frame) {
	t.session.conn.Await(t.session.hub.settings().OutboxLimit / 2)
	t.say(f)
}

func (t *conversation) say(f wire.Frame) { t.session.deliver(t.frame(f)) }

// frame is f as this connection is sent it.
func (t *conversation) frame(f wire.Frame) []byte {
	return t.dialect.encode(nil, ws.OpText, f.Append(nil))
}

func (t *conversation) refuse(e *wire.Error) {
	t.session.hub.counts.errors[e.Code].Add(1)
	t.answer(e)
}

// acknowledge answers a command of which there is no more to tell.
func (t *conversation) acknowledge(id, room string) {
	if id != "" {
		t.answer(&wire.OK{ID: id, Room: room})
	}
}

// end implements talk.
func (t *conversation) end() {
	if !t.greeted.Load() {
		t.session.hub.greeted()
	}
	if t.alarm != nil {
		t.alarm.Stop()
	}
	for _, m := range t.members {
		m.room.do(func() { m.room.leave(m, nil, false) })
	}
}

// attends returns the user who is present wherever s is a member. Raw clients
// are heard, not seen.
func (s *Session) attends() (User, bool) {
	_, ok := s.talk.(*conversation)
	return s.user(), ok
}

// member returns the place that the client has in a room, or an error with code
// not_joined.
func (t *conversation) member(room string) (*member, error) {
	if m := t.place(room); m != nil {
		return m, nil
	}
	return nil, wire.NotJoined.Error("")
}

// place is like member. It forgets rooms that the client was removed from.
func (t *conversation) place(room string) *member {
	for i, m := range t.members {
		if m.room.name != room {
			continue
		}
		if !m.gone.Load() {
			return m
		}
		t.forget(i)
		break
	}
	return nil
}

func (t *conversation) forget(i int) {
	end := len(t.members) - 1
	t.members[i] = t.members[end]
	t.members[end] = nil
	t.members = t.members[:end]
}

// context ends with the hub's.
func (t *conversation) context() context.Context { return t.session.hub.context }
