package chatv1

import (
	"context"
	"errors"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/journal"
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
		err = s.inTurn(t, c, len(payload))
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

// inTurn carries out a command of n bytes, or lets it wait in its line. Calls must not overlap.
func (s *Session) inTurn(t acts.Turn, c wire.Command, n int) error {
	room, ok := roomOf(c)
	if s.lines == nil && !s.asks(t, c, room) {
		return s.carryOut(t, c, nil) // nobody else has the right to
	}
	if s.lines == nil {
		s.lines = newLines(t.Lasting(), s.actor.HasEnded)
	}
	if s.lines.take() != nil {
		return nil // the session has ended
	}
	defer s.lines.put()
	if !ok || !s.lines.has(room) && !s.asks(t, c, room) {
		return s.carryOut(t, c, nil)
	}
	release, err := t.Hold(n)
	if err != nil {
		return err
	}
	begins, err := s.lines.enter(room, waiting{t, c, release})
	if err != nil {
		release()
		return err
	}
	if begins {
		s.lines.running.Add(1)
		s.host.Go(func() {
			defer s.lines.running.Done()
			s.carryOutLine(room)
		})
	}
	return nil
}

// asks reports whether a check may be asked about a command for which no other one waits.
// Whoever is in no room is refused without that.
func (s *Session) asks(t acts.Turn, c wire.Command, room string) bool {
	switch c.(type) {
	case *wire.Send, *wire.Edit:
		return t.Checks(room) && s.subscription(room) != nil
	case *wire.SetInfo, *wire.SetMembers:
		return s.greeted.Load() && t.Checks(room)
	case *wire.Create:
		return s.greeted.Load() && t.HasChecks()
	}
	return false
}

// carryOutLine carries out the commands of a line, until none waits.
func (s *Session) carryOutLine(room string) {
	for w, ok := s.lines.next(room); ok; w, ok = s.lines.next(room) {
		s.carryOutWaiting(w)
	}
}

// carryOutWaiting asks the checks about a command, and then carries it out. Once the session
// has ended, or its client was told that it will, nothing is carried out or answered any more.
func (s *Session) carryOutWaiting(w waiting) {
	defer w.release()
	if s.lines.take() != nil {
		return
	}
	if ok, err := s.governs(w); ok {
		if err != nil && !s.actor.HasEnded() {
			s.refuse(s.errorFor(err, w.command))
		}
		return
	}
	room, _ := roomOf(w.command)
	joined := s.subscription(room) != nil // now: commands before it have joined and left
	s.lines.put()
	var checked *acts.Checked
	var err error
	if joined { // whoever is in no room is refused without a question
		checked, err = check(s.lines.context, w.turn, w.command)
	}
	if s.lines.take() != nil {
		return
	}
	defer s.lines.put()
	if err == nil {
		err = s.carryOut(w.turn, w.command, checked)
	}
	if err != nil {
		s.refuse(s.errorFor(err, w.command))
	}
}

// governs carries out a command that changes a conversation. These need nothing of the session,
// and ask the checks by themselves: others are carried out meanwhile.
func (s *Session) governs(w waiting) (ok bool, err error) {
	switch c := w.command.(type) {
	case *wire.Create:
		s.lines.put()
		err = s.create(s.lines.context, w.turn, c)
	case *wire.SetInfo:
		s.lines.put()
		err = s.setInfo(s.lines.context, w.turn, c)
	case *wire.SetMembers:
		s.lines.put()
		err = s.setMembers(s.lines.context, w.turn, c)
	default:
		return false, nil
	}
	return true, err
}

// check asks the checks about a command. It is nil for those about which none is asked.
func check(ctx context.Context, t acts.Turn, c wire.Command) (*acts.Checked, error) {
	var checked acts.Checked
	var err error
	switch c := c.(type) {
	case *wire.Send:
		checked, err = t.Check(ctx, c.Room, c.Entry())
	case *wire.Edit:
		checked, err = t.CheckEdit(ctx, c.Room, journal.Seq(c.Seq), journal.Entry{Key: c.Key, Body: c.Body})
	default:
		return nil, nil
	}
	return &checked, err
}
