package chat

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// awaitHello gives the client some time to say hello.
func (t *conversation) awaitHello() {
	t.alarm = time.AfterFunc(t.session.hub.settings().HelloTimeout, t.ring)
}

// ring is called when the time to hello is over, and when the token of the
// session ends, or will soon.
func (t *conversation) ring() {
	if !t.greeted.Load() {
		t.session.close(wire.HelloTimeout.Bye())
		return
	}
	expires := t.session.identity.Load().Expires
	switch left := time.Until(expires); {
	case expires.IsZero():
	case left <= 0:
		t.session.close(wire.Expired.Bye())
	case left <= expiryNotice:
		t.say(&wire.Expiring{Expires: expires.UnixMilli()})
		t.alarm.Reset(left)
	default:
		t.alarm.Reset(left - expiryNotice)
	}
}

// expiryNotice is how long before its token ends a client is told.
const expiryNotice = time.Minute

// hello lets the client in: it finds out who it is, joins the rooms that it
// names and says welcome.
func (t *conversation) hello(c *wire.Hello) error {
	id, err := t.identify(c)
	if err == nil {
		err = t.session.hub.enrol(t.session, id, c.Device)
	}
	if err != nil {
		t.session.hub.counts.refused[RefusedIdentity].Add(1)
		t.turnAway(err, c)
		return nil
	}
	t.session.hub.counts.known.Add(1)
	t.greeted.Store(true)
	t.session.hub.greeted()
	welcome := t.welcome(c, id)
	entrances := t.enterAll(c.Rooms)
	for _, e := range entrances {
		welcome.Rooms = append(welcome.Rooms, e.state)
	}
	t.answer(welcome)
	for _, e := range entrances {
		e.open()
	}
	t.ring()
	return nil
}

// identify finds out who says hello: the token in it comes before all that the
// handshake said.
func (t *conversation) identify(c *wire.Hello) (*Identity, error) {
	id, err := t.shown, t.refused
	if c.Token != "" {
		id, err = t.authenticate(c.Token)
		t.tokened = true
	}
	t.shown, t.refused = nil, nil
	if err != nil {
		return nil, err
	}
	if !id.Settled {
		named := *id
		if c.Name != "" {
			named.User.Name = c.Name
		}
		if c.Avatar != "" {
			named.User.Avatar = c.Avatar
		}
		id = &named
	}
	return id, nil
}

func (t *conversation) authenticate(token string) (*Identity, error) {
	id, err := t.auth.Authenticate(t.context(), Credential{Token: token})
	if errors.Is(err, ErrNoCredential) {
		return nil, wire.BadToken.Error("")
	}
	return id, err
}

// turnAway answers a hello whose user is not let in, and ends the connection.
func (t *conversation) turnAway(err error, c *wire.Hello) {
	t.session.hub.noteCause(err)
	e := t.wireError(err, c)
	t.refuse(e)
	t.session.close(&wire.Bye{Code: e.Code, Message: e.Message, Retry: e.Retry})
}

// noteCause logs what is behind an error that a client is told of without it.
func (h *Hub) noteCause(err error) {
	if _, told := err.(*wire.Error); told || errors.Is(err, ErrNoCredential) || errors.Is(err, context.Canceled) {
		return // or who asked has gone
	}
	if c := h.log.Check(zap.WarnLevel, "client refused for a reason of ours"); c != nil {
		c.Write(zap.Error(err))
	}
}

func (t *conversation) welcome(c *wire.Hello, id *Identity) *wire.Welcome {
	w := &wire.Welcome{
		ID:      c.ID,
		Session: t.session.id,
		At:      time.Now().UnixMilli(),
		User:    wireUser(id.User),
		Token:   id.Token,
		Expires: expiresMillis(id.Expires),
	}
	set := t.session.hub.settings()
	w.Ping = set.PingInterval
	w.Limits = wire.Limits{
		Message: set.MaxMessage,
		Text:    set.MaxText,
		Page:    set.MaxPage,
		Rooms:   set.MaxRooms,
		Recall:  set.RecallWindow,
	}
	return w
}

func expiresMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
