package chat

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Mute forbids a user to write in a room, or anywhere if room is empty, for d:
// [wire.Forever] for no end, 0 to lift it. It takes effect at once on all devices
// of the user, which are told, and outlives a restart if the journal does.
func (h *Hub) Mute(room, user string, d time.Duration) error {
	if err := h.sanction(access.Sanction{Kind: access.Mute, Room: room, User: user}, d); err != nil {
		return err
	}
	h.tellUser(room, user, &wire.Silenced{Room: room, For: d})
	return nil
}

// Ban removes a user from a room, or from the hub if room is empty, and keeps them
// out for d: [wire.Forever] for no end, 0 to lift it.
func (h *Hub) Ban(room, user string, d time.Duration) error {
	err := h.sanction(access.Sanction{Kind: access.Ban, Room: room, User: user}, d)
	if err != nil || d == 0 {
		return err
	}
	h.remove(room, user, wire.Banned)
	return nil
}

// sanction changes a sanction. It can always be lifted: earlier versions took any room.
func (h *Hub) sanction(k access.Sanction, d time.Duration) error {
	if k.Room != "" && d != 0 {
		if err := mayOperate(k.Room); err != nil {
			return err
		}
	}
	return h.sanctions.change(h.soon(), k, d)
}

// mayOperate returns why an operator may do nothing in a room: it cannot exist, or it
// belongs to the server.
func mayOperate(room string) error {
	if err := journal.CheckRoom(room); err != nil {
		return err
	}
	if journal.IsReserved(room) {
		return wire.Forbidden.Error("")
	}
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
