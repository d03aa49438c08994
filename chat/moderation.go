package chat

import (
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Mute keeps a user from writing in a room, or anywhere where room is empty, for
// d: [wire.Forever] for no end, 0 to lift it. It is effective at once on all of
// the user's devices, which are told, and outlives restarts.
func (h *Hub) Mute(room, user string, d time.Duration) error {
	if err := h.sanctions.set(h.context, sanction{muted, room, user}, d); err != nil {
		return err
	}
	h.tellUser(room, user, &wire.Silenced{Room: room, For: d})
	return nil
}

// Ban removes a user from a room, or from the hub where room is empty, and keeps
// them out for d: [wire.Forever] for no end, 0 to lift it.
func (h *Hub) Ban(room, user string, d time.Duration) error {
	if err := h.sanctions.set(h.context, sanction{banned, room, user}, d); err != nil || d == 0 {
		return err
	}
	h.remove(room, user, wire.Banned)
	return nil
}

// Kick removes a user, who may come back, from a room, or from the hub where room
// is empty. It reports false if the user was not there.
func (h *Hub) Kick(room, user string) bool {
	return h.remove(room, user, wire.Kicked)
}

func (h *Hub) remove(name, user string, why wire.Code) (found bool) {
	for _, s := range h.sessionsOf(user) {
		t, isRaw := s.talk.(*rawTalk)
		if name == "" || isRaw && t.member.room.name == name {
			s.close(why.Bye())
			found = true
		}
	}
	if name == "" {
		return found
	}
	removed := make(chan int, 1)
	if h.inRoom(name, func(r *room) {
		defer close(removed)
		removed <- r.remove(user, why.Error(""))
	}) {
		found = <-removed > 0 || found
	}
	return found
}

// remove ends the membership of all sessions of chat.v1 that a user has here,
// and returns how many they were.
func (r *room) remove(user string, why *wire.Error) int {
	a := r.present.users[user]
	if a == nil {
		return 0
	}
	frame := textFrame(&wire.Removed{Room: r.name, Why: why})
	members := slices.Clone(a.members)
	for _, m := range members {
		r.leave(m, frame, true)
	}
	return len(members)
}

// tellUser says f to a user's sessions of chat.v1, those in the room only if one
// is named.
func (h *Hub) tellUser(name, user string, f wire.Frame) {
	frame := textFrame(f)
	if name != "" {
		h.inRoom(name, func(r *room) {
			if a := r.present.users[user]; a != nil {
				for _, m := range a.members {
					r.tell(m, frame)
				}
			}
		})
		return
	}
	for _, s := range h.sessionsOf(user) {
		if _, ok := s.talk.(*conversation); ok {
			s.deliver(frame)
		}
	}
}

// sessionsOf returns the sessions of a user. A raw client of whom nothing is
// known goes by the name of its session.
func (h *Hub) sessionsOf(user string) []*Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []*Session
	if u := h.users[user]; u != nil {
		for _, e := range u.sessions {
			list = append(list, e.session)
		}
	}
	if s := h.sessions[user]; s != nil && s.identity.Load() == nil {
		list = append(list, s)
	}
	return list
}

// inRoom has the room's worker call f, or reports false where there is no such
// room.
func (h *Hub) inRoom(name string, f func(*room)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[name]
	if r != nil {
		r.do(func() { f(r) })
	}
	return r != nil
}

// moderate carries out a command against a user of a room, or of the hub where
// none is named.
func (t *conversation) moderate(c wire.Command, room, user string, do func(h *Hub) error) error {
	h := t.session.hub
	if !t.session.rights(room).Moderate || h.moderates(user, room) {
		return wire.Forbidden.Error("")
	}
	if err := do(h); err != nil {
		return err
	}
	t.acknowledge(c.CommandID(), room)
	return nil
}

// moderates reports whether a user who is connected may moderate the room.
func (h *Hub) moderates(user, room string) bool {
	for _, s := range h.sessionsOf(user) {
		if s.rights(room).Moderate {
			return true
		}
	}
	return false
}

func (t *conversation) mute(c *wire.Mute) error {
	return t.moderate(c, c.Room, c.User, func(h *Hub) error { return h.Mute(c.Room, c.User, c.For) })
}

func (t *conversation) ban(c *wire.Ban) error {
	return t.moderate(c, c.Room, c.User, func(h *Hub) error { return h.Ban(c.Room, c.User, c.For) })
}

func (t *conversation) kick(c *wire.Kick) error {
	return t.moderate(c, c.Room, c.User, func(h *Hub) error {
		if !h.Kick(c.Room, c.User) {
			return wire.NotFound.Error("")
		}
		return nil
	})
}

// renew takes a fresh token of the same user in the place of the session's.
func (t *conversation) renew(c *wire.Renew) error {
	old := t.session.identity.Load()
	if !t.tokened {
		return wire.Forbidden.Error("")
	}
	id, err := t.authenticate(c.Token)
	if err != nil {
		return err
	}
	if id.User.ID != old.User.ID {
		e := wire.BadToken.Error("")
		e.Message = "the token is another user's"
		return e
	}
	fresh := *id
	fresh.User = old.User // it was shown to others
	t.session.identity.Store(&fresh)
	t.ring()
	for _, m := range t.members {
		m.room.do(func() { m.room.review(m) })
	}
	if c.ID != "" {
		t.answer(&wire.Renewed{ID: c.ID, Expires: expiresMillis(fresh.Expires)})
	}
	return nil
}
