package chat

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/chatv1"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// rawHost implements rawdialect.Host: it turns calls into acts of the session's
// actor.
type rawHost struct {
	*session
	joined journal.Seq // the room's newest entry from before the session joined
}

func (h rawHost) Sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.core.context.Done():
	}
}

func (h rawHost) Publish(sub *room.Subscription, e journal.Entry, done func(journal.Receipt, error)) error {
	return h.publish(h.core.soon(), sub, sub.Room(), e, done)
}

func (h rawHost) LastMessages(name string, n int) ([]journal.Entry, journal.Seq, error) {
	return h.lastMessages(h.core.soon(), name, h.joined, n)
}

// v1Host implements chatv1.Host: it turns calls into acts of the session's actor.
type v1Host struct {
	*session
	hub    *Hub
	signIn *signIn
}

func (h *v1Host) Settings() chatv1.Settings {
	set := h.core.settings()
	return chatv1.Settings{
		HelloTimeout: set.HelloTimeout,
		PingInterval: set.PingInterval,
		Limits: wire.Limits{
			Message: set.MaxMessage,
			Text:    set.MaxText,
			Page:    set.MaxPage,
			Rooms:   set.MaxRooms,
			Recall:  set.RecallWindow,
		},
	}
}

func (h *v1Host) HelloDone() { h.hub.releaseHello() }

func (h *v1Host) Refusal(err error) *wire.Error { return h.core.refusal(err, "command") }

func (h *v1Host) Refused(code wire.Code) { h.core.counts.errors[code].Add(1) }

func (h *v1Host) Identity() *access.Identity { return h.identity.Load() }

func (h *v1Host) SignIn(c *wire.Hello) (*access.Identity, error) {
	id, err := h.signIn.identify(h.core.context, c)
	if err == nil {
		err = h.hub.addToUser(h.session, id, c.Device)
	}
	if err != nil {
		h.core.counts.refused[RefusedIdentity].Add(1)
		h.core.logCause(err)
		return nil, err
	}
	h.core.counts.known.Add(1)
	return id, nil
}

func (h *v1Host) Renew(token string) (*access.Identity, error) {
	id, err := h.signIn.renew(h.core.context, token, h.identity.Load())
	if err == nil {
		h.identity.Store(id)
	}
	return id, err
}

func (h *v1Host) Join(name string, enc room.Encoding) (*room.Subscription, <-chan int, error) {
	return h.core.join(h.core.soon(), h.session, &h.actor, name, enc)
}

func (h *v1Host) CatchUp(from []chatv1.Position, bytes int) ([]chatv1.Missed, error) {
	return h.catchUp(h.core.soon(), from, bytes)
}

func (h *v1Host) Who(sub *room.Subscription) ([]wire.User, int, error) {
	if !h.Rights(sub.Room()).Presence {
		return nil, 0, wire.Forbidden.Error("")
	}
	users, count := sub.Who()
	return users, count, nil
}

func (h *v1Host) Publish(sub *room.Subscription, e journal.Entry, done func(journal.Receipt, error)) error {
	return h.publish(h.core.soon(), sub, sub.Room(), e, done)
}

func (h *v1Host) MaySignal(name string) error { return h.mayWrite(name) }

func (h *v1Host) Signal(sub *room.Subscription, f wire.Frame) error {
	return h.publish(h.core.soon(), sub, sub.Room(), journal.Entry{Kind: journal.Signal, Body: f.Append(nil)}, func(journal.Receipt, error) {})
}

func (h *v1Host) Recall(sub *room.Subscription, target journal.Seq, done func(journal.Receipt, error)) error {
	return h.recall(h.core.soon(), sub, sub.Room(), target, done)
}

func (h *v1Host) History(q journal.Query, limit int) (journal.Page, error) {
	return h.history(h.core.soon(), q, limit)
}

func (h *v1Host) MarkRead(sub *room.Subscription, seq journal.Seq) (mark journal.Seq, unread uint64, err error) {
	return h.markRead(h.core.soon(), sub, seq)
}

func (h *v1Host) Mute(name, user string, d time.Duration) error {
	if err := h.hub.mayModerate(&h.actor, name, user); err != nil {
		return err
	}
	return h.hub.Mute(name, user, d)
}

func (h *v1Host) Ban(name, user string, d time.Duration) error {
	if err := h.hub.mayModerate(&h.actor, name, user); err != nil {
		return err
	}
	return h.hub.Ban(name, user, d)
}

func (h *v1Host) Kick(name, user string) error {
	if err := h.hub.mayModerate(&h.actor, name, user); err != nil {
		return err
	}
	if !h.hub.Kick(name, user) {
		return wire.NotFound.Error("")
	}
	return nil
}
