package chatv1

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// AwaitHello gives the client Settings.HelloTimeout to say hello. It must be
// called once, before the connection is read.
func (s *Session) AwaitHello() {
	s.timer = time.AfterFunc(s.host.Settings().HelloTimeout, s.timeUp)
}

// expiryNotice is how long before its token ends a client is told so.
const expiryNotice = time.Minute

// timeUp is called by the timer: when the time for hello is over, and when the
// token ends or will end soon.
func (s *Session) timeUp() {
	if !s.greeted.Load() {
		s.host.CloseWith(wire.HelloTimeout.Bye())
		return
	}
	expires := s.actor.Expires()
	switch left := time.Until(expires); {
	case expires.IsZero():
	case left <= 0:
		s.host.CloseWith(wire.Expired.Bye())
	case left <= expiryNotice:
		s.send(&wire.Expiring{Expires: expires.UnixMilli()})
		s.timer.Reset(left)
	default:
		s.timer.Reset(left - expiryNotice)
	}
}

// hello signs the client in and joins the rooms that it names.
func (s *Session) hello(t acts.Turn, c *wire.Hello) error {
	id, err := s.host.SignIn(t, c)
	if err != nil {
		e := s.errorFor(err, c)
		s.refuse(e)
		s.host.CloseWith(&wire.Bye{Code: e.Code, Message: e.Message, Retry: e.Retry})
		return nil
	}
	s.greeted.Store(true)
	s.host.HelloDone()
	set := s.host.Settings()
	welcome := &wire.Welcome{
		ID:      c.ID,
		Session: s.host.ID(),
		At:      time.Now().UnixMilli(),
		User:    wire.User(id.User),
		Token:   id.Token,
		Expires: unixMilli(id.Expires),
		Ping:    set.PingInterval,
		Limits:  set.Limits,
	}
	if c.List != nil {
		if welcome.List, err = t.ListSince(t.Soon(), s.host, *c.List); err != nil {
			e := s.errorFor(err, nil) // the answer to hello is its welcome
			e.Field = "list"
			s.refuse(e)
		}
	}
	joins := s.joinAll(t, c.Rooms)
	for _, j := range joins {
		welcome.Rooms = append(welcome.Rooms, j.state)
	}
	s.answer(welcome)
	t.ListReady()
	for _, j := range joins {
		j.open()
	}
	s.timeUp()
	return nil
}

// renew takes a fresh token.
func (s *Session) renew(t acts.Turn, c *wire.Renew) error {
	id, err := s.host.Renew(t, c.Token)
	if err != nil {
		return err
	}
	s.timeUp()
	for _, sub := range s.subs {
		sub.Review()
	}
	if c.ID != "" {
		s.answer(&wire.Renewed{ID: c.ID, Expires: unixMilli(id.Expires)})
	}
	return nil
}

// unixMilli returns a time as frames have it: 0 if there is none.
func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
