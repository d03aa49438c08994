package chat

import (
	"cmp"
	"context"
	"slices"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/chatv1"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// here is what a node tells other nodes that ask, and does for them.
type here struct {
	*registry
	rooms  *room.Rooms
	core   *acts.Core
	others *command.Commands
	node   string // the journal's id of this process
}

// obey does here what a node has asked for, be it this one or another.
func (h *here) obey(ctx context.Context, what command.Command) (a command.Answer) {
	users := listed{h.registry}
	switch what.Act {
	case command.Remove:
		a.N = command.RemoveHere(ctx, users.Of(what.User), h.rooms, what.Room, what.User, wire.Kicked)
	case command.Moderates:
		a.N = command.Moderating(users.Of(what.User), what.Room)
	case command.Online:
		a.Online = command.Present(what.Users, users.Of)
	case command.Names:
		command.Fill(&a, len(what.Users), command.NamesHere(what.Users, users.Of))
	case command.Count:
		a.N = h.countHere(ctx, users, what.Room, what.User)
	case command.Rooms:
		command.Fill(&a, what.Limit, h.roomsHere(what.After))
	case command.Sessions:
		command.Fill(&a, what.Limit, h.sessionsHere(ctx, SessionFilter{what.User, what.Room}, what.After))
	case command.Renew:
		a.N = len(h.rooms.SessionIDs(ctx, what.Room))
		if what.By != h.node { // which lets nobody in meanwhile
			h.rooms.Renew(what.Room)
		}
	case command.Row:
		a.Err = h.core.RowChanged(ctx, what.Room, what.User, journal.Seq(what.From))
	case command.Arrive:
		before, replaced := h.arrivedBefore(&what, h.node)
		for _, s := range replaced {
			s.Close(wire.Replaced)
		}
		command.Fill(&a, len(before), before)
	case command.Find, command.End:
		s := h.session(what.Session)
		if s == nil {
			break
		}
		a.N = 1
		if what.Act == command.End {
			s.Close(wire.Kicked)
			break
		}
		command.Fill(&a, 1, []SessionInfo{h.infoOf(s)})
	}
	return a
}

// counted ends a session of this node whose user has too many that came before it, at all
// nodes.
func (h *here) counted(e command.Arrived, before int) {
	if s := h.session(e.Session); s != nil && before >= s.hub.settings().MaxSessions {
		s.Close(wire.TooManySessions)
	}
}

// RoomInfo tells of a room that somebody is in.
type RoomInfo struct {
	Name     string `json:"name"`
	Sessions int    `json:"sessions"` // in it, or about to be
}

func (h *here) roomsHere(after string) (list []RoomInfo) {
	for _, r := range h.rooms.List() {
		if r.Name > after {
			list = append(list, RoomInfo(r))
		}
	}
	return list
}

// countHere counts the sessions of all users if none is named.
func (h *here) countHere(ctx context.Context, users acts.Sessions, name, user string) (n int) {
	var inRoom map[string]bool
	if name != "" {
		inRoom = h.rooms.SessionIDs(ctx, name)
	}
	if user == "" {
		return len(inRoom)
	}
	for _, s := range users.Of(user) {
		if name == "" || inRoom[s.ID()] {
			n++
		}
	}
	return n
}

// SessionInfo tells of a session.
type SessionInfo struct {
	// ID is that of the session. While there are several nodes, it begins with that of the
	// node and a dot.
	ID      string `json:"id"`
	User    string `json:"user,omitempty"` // empty until it is known
	Name    string `json:"name,omitempty"`
	Guest   bool   `json:"guest,omitempty"`
	Device  string `json:"device,omitempty"`
	Dialect string `json:"dialect"` // raw or chat.v1
	Address string `json:"address"`
	Since   int64  `json:"since"` // Unix milliseconds
}

// SessionFilter selects sessions. Empty fields do not limit.
type SessionFilter struct{ User, Room string }

func (h *here) sessionsHere(ctx context.Context, f SessionFilter, after string) (list []SessionInfo) {
	var inRoom map[string]bool
	if f.Room != "" {
		inRoom = h.rooms.SessionIDs(ctx, f.Room)
	}
	sessions, known := h.snapshot()
	devices := make(map[*session]string, len(known))
	for _, us := range known {
		devices[us.session] = us.device
	}
	prefix := h.idPrefix()
	for _, s := range sessions {
		if prefix+s.ID() > after && (f.Room == "" || inRoom[s.ID()]) {
			if info := sessionInfo(s, prefix, devices[s]); f.User == "" || info.User == f.User {
				list = append(list, info)
			}
		}
	}
	slices.SortFunc(list, func(a, b SessionInfo) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// idPrefix is what the ids of sessions of this node begin with.
func (h *here) idPrefix() string {
	if h.others.IsAlone() {
		return ""
	}
	return h.node + "."
}

// infoOf tells of a session of this node.
func (h *here) infoOf(s *session) SessionInfo {
	prefix, device := h.idPrefix(), ""
	h.mu.Lock()
	defer h.mu.Unlock()
	if u := h.users[s.User().ID]; u != nil {
		for _, us := range u.sessions {
			if us.session == s {
				device = us.device
			}
		}
	}
	return sessionInfo(s, prefix, device)
}

func sessionInfo(s *session, prefix, device string) SessionInfo {
	info := SessionInfo{ID: prefix + s.ID(), Device: device, Dialect: chatv1.Subprotocol, Address: s.Addr().String(), Since: s.began.UnixMilli()}
	if s.IsRaw() {
		info.Dialect = "raw"
	}
	if id := s.Identity(); id != nil {
		info.User, info.Name, info.Guest = id.User.ID, id.User.Name, id.User.Guest
	}
	return info
}
