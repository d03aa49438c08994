package chat

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/chatv1"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Sleep implements rawdialect.Host.
func (s *session) Sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.hub.context.Done():
	}
}

// v1Host implements chatv1.Host.
type v1Host struct {
	*session
	registry *registry
	signIn   *acts.SignIn
}

func (h *v1Host) Settings() chatv1.Settings {
	set := h.hub.settings()
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

func (h *v1Host) HelloDone() { h.registry.greeting.leave(h.session) }

func (h *v1Host) Refusal(err error) *wire.Error { return h.hub.core.Refusal(err, "command") }

func (h *v1Host) Refused(code wire.Code) { h.hub.counts.errors[code].Add(1) }

func (h *v1Host) SignIn(c *wire.Hello) (*access.Identity, error) {
	id, err := h.signIn.Identify(h.hub.context, c)
	if err == nil {
		err = h.registry.addToUser(h.session, id, c.Device)
	}
	if err != nil {
		h.hub.counts.refused[RefusedIdentity].Add(1)
		h.hub.core.LogCause(err)
		return nil, err
	}
	h.hub.counts.known.Add(1)
	return id, nil
}

func (h *v1Host) Renew(token string) (*access.Identity, error) {
	return h.signIn.Renew(h.hub.context, token)
}
