package admin

import (
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// moderation is the body of mute, ban and kick.
type moderation struct {
	Room string `json:"room"` // empty: the whole hub
	User string `json:"user"`
	// For is the duration: milliseconds, or a string like "10m". 0 ends a sanction;
	// if For is missing, the sanction has no end.
	For any `json:"for"`
}

// read decodes the body and returns its duration.
func (m *moderation) read(r *http.Request) (time.Duration, error) {
	if err := decode(r, m); err != nil {
		return 0, err
	}
	if m.User == "" {
		return 0, apiError(http.StatusBadRequest, "user is missing")
	}
	if m.Room != "" {
		if err := journal.CheckRoom(m.Room); err != nil {
			return 0, apiError(http.StatusBadRequest, "%w", err)
		}
	}
	d := wire.Forever
	switch value := m.For.(type) {
	case nil:
	case float64:
		// It is checked before it is converted: a fraction would become 0, which
		// lifts the sanction, and a large number would wrap around.
		if value != math.Trunc(value) || value < 0 || value > float64(wire.MaxFor/time.Millisecond) {
			return 0, errBadFor
		}
		d = time.Duration(value) * time.Millisecond
	case string:
		var err error
		if d, err = caddy.ParseDuration(value); err != nil {
			return 0, apiError(http.StatusBadRequest, "for is not a duration: %w", err)
		}
		if d < 0 || d > wire.MaxFor {
			return 0, errBadFor
		}
	default:
		return 0, errBadFor
	}
	return d, nil
}

var errBadFor = apiError(http.StatusBadRequest, "for must be whole milliseconds or a string like \"10m\", from 0 to %v", wire.MaxFor)

func mute(hub *chat.Hub, r *http.Request) (any, error) {
	var m moderation
	d, err := m.read(r)
	if err != nil {
		return nil, err
	}
	return nil, hub.Mute(m.Room, m.User, d)
}

func ban(hub *chat.Hub, r *http.Request) (any, error) {
	var m moderation
	d, err := m.read(r)
	if err != nil {
		return nil, err
	}
	return nil, hub.Ban(m.Room, m.User, d)
}

func kick(hub *chat.Hub, r *http.Request) (any, error) {
	var m moderation
	if _, err := m.read(r); err != nil {
		return nil, err
	}
	if m.For != nil {
		return nil, apiError(http.StatusBadRequest, "a kick has no duration; use a ban instead")
	}
	if !hub.Kick(m.Room, m.User) {
		return nil, apiError(http.StatusNotFound, "user %q is not present", m.User)
	}
	return nil, nil
}

func announce(hub *chat.Hub, r *http.Request) (any, error) {
	var a struct {
		Room string          `json:"room"` // empty: every room with somebody in it
		Body json.RawMessage `json:"body"`
	}
	if err := decode(r, &a); err != nil {
		return nil, err
	}
	body, err := wire.DecodePost([]byte(`{"body":` + string(a.Body) + `}`))
	if err != nil {
		return nil, apiError(http.StatusBadRequest, "body: %w", err)
	}
	if a.Room == "" {
		rooms, err := hub.AnnounceToAll(r.Context(), body)
		return map[string]any{"rooms": rooms}, err
	}
	if err := journal.CheckRoom(a.Room); err != nil {
		return nil, apiError(http.StatusBadRequest, "%w", err)
	}
	receipt, err := hub.Announce(r.Context(), a.Room, body)
	if err != nil {
		return nil, err
	}
	return map[string]any{"room": a.Room, "seq": receipt.Seq, "at": receipt.At}, nil
}

func recall(hub *chat.Hub, r *http.Request) (any, error) {
	var message struct {
		Room string      `json:"room"`
		Seq  journal.Seq `json:"seq"`
	}
	if err := decode(r, &message); err != nil {
		return nil, err
	}
	if err := journal.CheckRoom(message.Room); err != nil || message.Seq == 0 {
		return nil, apiError(http.StatusBadRequest, "room and seq must name a message")
	}
	found, err := hub.Recall(r.Context(), message.Room, message.Seq)
	if err == nil && !found {
		err = apiError(http.StatusNotFound, "room %q has no message %d", message.Room, message.Seq)
	}
	return nil, err
}
