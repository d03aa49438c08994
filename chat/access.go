package chat

import (
	"errors"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// rights returns what a user, nil for one of whom nothing is known, may do in a
// room; with an empty name, in the hub.
func (h *Hub) rights(id *Identity, room string) Rights {
	return h.settings().Policies.For(id, room)
}

// mayRead returns why a user may not read a room, or nil.
func (h *Hub) mayRead(id *Identity, room string) error {
	if id != nil {
		if err := h.sanctions.check(banned, id.User.ID, room); err != nil {
			return err
		}
	}
	if !h.rights(id, room).Read {
		return wire.Forbidden.Error("")
	}
	return nil
}

// mayWrite returns why a user who may read a room may not write to it, or nil.
func (h *Hub) mayWrite(id *Identity, room string) error {
	if !h.rights(id, room).Write {
		return wire.Forbidden.Error("")
	}
	if id == nil {
		return nil
	}
	return h.sanctions.check(muted, id.User.ID, room)
}

func (s *Session) rights(room string) Rights { return s.hub.rights(s.identity.Load(), room) }

func (s *Session) mayRead(room string) error {
	if _, isRaw := s.talk.(*rawTalk); isRaw && !s.rights(room).Raw {
		return wire.Forbidden.Error("")
	}
	return s.hub.mayRead(s.identity.Load(), room)
}

func (s *Session) mayWrite(room string) error { return s.hub.mayWrite(s.identity.Load(), room) }

// review ends the membership of those who may no longer read the room. It is
// called by the worker.
func (r *room) review(members ...*member) {
	for _, m := range members {
		var why *wire.Error
		if m.gone.Load() || !errors.As(m.session.mayRead(r.name), &why) {
			continue
		}
		if m.attendee == nil {
			m.endSession(why.Code)
			continue
		}
		r.leave(m, textFrame(&wire.Removed{Room: r.name, Why: why}), true)
	}
}
