package chat

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Mute forbids a user to write in a room, or anywhere if room is empty, for d:
// [wire.Forever] for no end, 0 to lift it. It takes effect at once on all devices
// of the user, which are told, and outlives a restart if the journal does.
func (h *Hub) Mute(room, user string, d time.Duration) error {
	if err := h.sanctions.change(h.soon(), access.Sanction{Kind: access.Mute, Room: room, User: user}, d); err != nil {
		return err
	}
	h.tellUser(room, user, &wire.Silenced{Room: room, For: d})
	return nil
}

// Ban removes a user from a room, or from the hub if room is empty, and keeps them
// out for d: [wire.Forever] for no end, 0 to lift it.
func (h *Hub) Ban(room, user string, d time.Duration) error {
	err := h.sanctions.change(h.soon(), access.Sanction{Kind: access.Ban, Room: room, User: user}, d)
	if err != nil || d == 0 {
		return err
	}
	h.remove(room, user, wire.Banned)
	return nil
}

// Kick removes a user, who may come back, from a room, or from the hub if room is
// empty. It returns false if the user was not there.
func (h *Hub) Kick(room, user string) bool {
	return h.remove(room, user, wire.Kicked)
}

func (h *Hub) remove(name, user string, why wire.Code) (found bool) {
	for _, s := range h.sessionsOf(user) {
		if name == "" || s.rawSub != nil && s.rawSub.Room() == name {
			s.Close(why)
			found = true
		}
	}
	if name != "" && h.rooms.Remove(name, user, why.Error("")) > 0 {
		return true
	}
	return found
}

// tellUser sends f to the user's sessions of chat.v1: those in the room, or all of
// them if none is named.
func (h *Hub) tellUser(name, user string, f wire.Frame) {
	frame := room.Frame(f)
	if name != "" {
		h.rooms.TellUser(name, user, frame)
		return
	}
	for _, s := range h.sessionsOf(user) {
		if !s.raw {
			s.Deliver(frame)
		}
	}
}

// mayModerate returns why an actor may not act against a user of a room, or of the
// hub if no room is named. A user who is connected and may moderate there is
// protected.
func (h *Hub) mayModerate(a *actor, name, user string) error {
	if !a.Rights(name).Moderate {
		return wire.Forbidden.Error("")
	}
	if name != "" {
		// Who may not read a room, or is banned from it, does not moderate it.
		if err := a.MayRead(name); err != nil {
			return err
		}
	}
	for _, s := range h.sessionsOf(user) {
		if s.Rights(name).Moderate {
			return wire.Forbidden.Error("")
		}
	}
	return nil
}
