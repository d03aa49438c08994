package chat

import (
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/chatv1"
	"github.com/caddychat/caddy-chat/chat/wire"
)

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
			Edit:    set.EditWindow,
		},
	}
}

func (h *v1Host) HelloDone() { h.registry.greeting.leave(h.session) }

func (h *v1Host) Refusal(err error) *wire.Error { return h.hub.core.Refusal(err, "command") }

func (h *v1Host) Refused(code wire.Code) { h.hub.counts.errors[code].Add(1) }

func (h *v1Host) SignIn(t acts.Turn, c *wire.Hello) (*access.Identity, error) {
	id, err := t.SignIn(h.hub.context, h.signIn, c)
	if err != nil {
		h.hub.counts.refused[RefusedIdentity].Add(1)
		h.hub.core.LogCause(err)
		return nil, err
	}
	h.hub.counts.known.Add(1)
	return id, nil
}

func (h *v1Host) Renew(t acts.Turn, token string) (*access.Identity, error) {
	return t.Renew(h.hub.context, h.signIn, token)
}
