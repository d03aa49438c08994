package chat

import (
	"errors"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// rights returns what the session's user may do in a room; with an empty name,
// in the hub.
func (s *Session) rights(room string) Rights {
	return s.hub.settings().Policies.For(s.identity.Load(), room)
}

// mayRead returns why the session's user may not read a room, or nil.
func (s *Session) mayRead(room string) error {
	if err := s.hub.sanctions.check(banned, s.user().ID, room); err != nil {
		return err
	}
	rights := s.rights(room)
	if _, isRaw := s.talk.(*rawTalk); !rights.Read || isRaw && !rights.Raw {
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
