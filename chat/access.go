package chat

import (
	"errors"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// rights returns what the session's user may do in a room; with an empty name,
// in all of them.
func (s *Session) rights(string) Rights {
	id := s.identity.Load()
	return Rights{Read: true, Write: true, Presence: true, Moderate: id != nil && id.Grants != nil && len(id.Grants.Moderate) > 0}
}

// mayRead returns why the session's user may not read a room, or nil.
func (s *Session) mayRead(room string) error {
	if err := s.hub.sanctions.check(banned, s.user().ID, room); err != nil {
		return err
	}
	if !s.rights(room).Read {
		return wire.Forbidden.Error("")
	}
	return nil
}

// mayWrite returns why the session's user may not write to a room that it has
// joined, or nil.
func (s *Session) mayWrite(room string) error {
	if !s.rights(room).Write {
		return wire.Forbidden.Error("")
	}
	return s.hub.sanctions.check(muted, s.user().ID, room)
}

// review ends the membership of those who may no longer read the room. It is
// called by the worker.
func (r *room) review(members []*member) {
	for _, m := range members {
		var why *wire.Error
		if m.gone.Load() || !errors.As(m.session.mayRead(r.name), &why) {
			continue
		}
		if m.attendee == nil {
			m.session.close(why.Code.Bye())
			continue
		}
		r.leave(m, textFrame(&wire.Removed{Room: r.name, Why: why}), true)
	}
}
