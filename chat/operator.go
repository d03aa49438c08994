package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// What an operator sees of a hub, and may do in it beside Mute, Ban and Kick.

// RoomInfo tells of a room that somebody is in.
type RoomInfo struct {
	Name     string `json:"name"`
	Sessions int    `json:"sessions"` // in it, or about to be
}

// Rooms returns up to limit rooms that somebody is in, by name, from the first
// one behind after.
func (h *Hub) Rooms(after string, limit int) []RoomInfo {
	h.mu.Lock()
	var list []RoomInfo
	for name, r := range h.rooms {
		if name > after {
			list = append(list, RoomInfo{name, r.refs})
		}
	}
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b RoomInfo) int { return strings.Compare(a.Name, b.Name) })
	return list[:min(limit, len(list))]
}

// SessionInfo tells of a session.
type SessionInfo struct {
	ID      string `json:"id"`
	User    string `json:"user,omitempty"` // empty until it is known
	Name    string `json:"name,omitempty"`
	Guest   bool   `json:"guest,omitempty"`
	Device  string `json:"device,omitempty"`
	Dialect string `json:"dialect"` // raw or chat.v1
	Address string `json:"address"`
	Since   int64  `json:"since"` // Unix milliseconds
}

// SessionFilter says which sessions are meant. Empty fields don't limit.
type SessionFilter struct{ User, Room string }

// Sessions returns up to limit sessions, by id, from the first one behind after.
func (h *Hub) Sessions(f SessionFilter, after string, limit int) []SessionInfo {
	var inside map[string]bool
	if f.Room != "" {
		inside = h.membersOf(f.Room)
	}
	h.mu.Lock()
	devices := map[string]string{}
	for _, u := range h.users {
		for _, e := range u.sessions {
			devices[e.session.id] = e.device
		}
	}
	var list []SessionInfo
	for id, s := range h.sessions {
		if id > after && (inside == nil || inside[id]) {
			if info := s.info(devices[id]); f.User == "" || info.User == f.User {
				list = append(list, info)
			}
		}
	}
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b SessionInfo) int { return cmp.Compare(a.ID, b.ID) })
	return list[:min(limit, len(list))]
}

// Session returns one session, or false where it has gone.
func (h *Hub) Session(id string) (SessionInfo, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sessions[id]
	if s == nil {
		return SessionInfo{}, false
	}
	device := ""
	if identity := s.identity.Load(); identity != nil && h.users[identity.User.ID] != nil {
		for _, e := range h.users[identity.User.ID].sessions {
			if e.session == s {
				device = e.device
			}
		}
	}
	return s.info(device), true
}

// EndSession ends one session, whose client is told that it was removed. It
// returns false where it has gone.
func (h *Hub) EndSession(id string) bool {
	h.mu.Lock()
	s := h.sessions[id]
	h.mu.Unlock()
	if s == nil {
		return false
	}
	s.close(wire.Kicked.Bye())
	return true
}

func (s *Session) info(device string) SessionInfo {
	info := SessionInfo{ID: s.id, Device: device, Dialect: "raw", Address: s.addr.String(), Since: s.began.UnixMilli()}
	if _, ok := s.talk.(*conversation); ok {
		info.Dialect = Subprotocol
	}
	if id := s.identity.Load(); id != nil {
		info.User, info.Name, info.Guest = id.User.ID, id.User.Name, id.User.Guest
	}
	return info
}

// membersOf returns the ids of the sessions in a room.
func (h *Hub) membersOf(name string) map[string]bool {
	found := make(chan map[string]bool, 1)
	if !h.inRoom(name, func(r *room) {
		defer close(found)
		inside := make(map[string]bool, len(r.members))
		for _, m := range r.members {
			inside[m.session.id] = true
		}
		found <- inside
	}) {
		return map[string]bool{}
	}
	return <-found
}

// Announce says something in a room that no user says: a notice, whose body is a
// JSON value.
func (h *Hub) Announce(ctx context.Context, room string, body []byte) (Receipt, error) {
	if err := CheckRoom(room); err != nil {
		return Receipt{}, err
	}
	return h.say(ctx, Entry{Room: room, Kind: Notice, Body: body})
}

// announcers is how many rooms are announced to at a time: their entries share an
// fsync.
const announcers = 64

// AnnounceToAll announces in every room that somebody is in, and returns in how
// many it did. An error tells of one that it could not announce in.
func (h *Hub) AnnounceToAll(ctx context.Context, body []byte) (rooms int, err error) {
	list := h.Rooms("", math.MaxInt)
	errs := make([]error, len(list))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(announcers, len(list)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				_, errs[i] = h.Announce(ctx, list[i].Name, body)
			}
		})
	}
	workers.Wait()
	for i := range errs {
		if errs[i] == nil {
			rooms++
		} else {
			err = errs[i]
		}
	}
	if err != nil {
		err = fmt.Errorf("announced in %d of %d rooms: %w", rooms, len(list), err)
	}
	return rooms, err
}

// Recall takes a message back, whoever said it and whenever. It returns false
// where there is no such message.
func (h *Hub) Recall(ctx context.Context, room string, seq Seq) (bool, error) {
	page, err := h.journal.Read(ctx, Query{Room: room, After: seq - 1, Limit: 1})
	if err != nil {
		return false, err
	}
	if len(page.Entries) == 0 || page.Entries[0].Seq != seq || page.Entries[0].Kind != Message {
		return false, nil
	}
	_, err = h.say(ctx, Entry{Room: room, Kind: Recall, Target: seq, Key: recallKey(seq)})
	return err == nil, err
}

// recallKey makes of two recalls at once one. No client's key begins so.
func recallKey(target Seq) string { return "\x00recall " + strconv.FormatUint(uint64(target), 10) }

// Sanction is a mute or a ban in force.
type Sanction struct {
	Kind  string `json:"kind"`           // mute or ban
	Room  string `json:"room,omitempty"` // empty: the whole hub
	User  string `json:"user"`
	Until int64  `json:"until,omitempty"` // Unix milliseconds; 0: it has no end
}

// Sanctions returns the mutes and bans in force, by kind, room and user.
func (h *Hub) Sanctions() []Sanction {
	s := h.sanctions
	s.mu.RLock()
	list := make([]Sanction, 0, len(s.ends))
	for k, end := range s.ends {
		if end.IsZero() {
			list = append(list, Sanction{string(k.kind), k.room, k.user, 0})
		} else if time.Now().Before(end) {
			list = append(list, Sanction{string(k.kind), k.room, k.user, end.UnixMilli()})
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(list, func(a, b Sanction) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Room, b.Room), strings.Compare(a.User, b.User))
	})
	return list
}

// Health returns why the hub can't serve as it should, or nil.
func (h *Hub) Health() error {
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed {
		return ErrHubClosed
	}
	if j, ok := h.journal.(interface{ Unavailable() error }); ok {
		if err := j.Unavailable(); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return nil
}

// Backup copies the journal to dir, which must not exist, while it runs.
func (h *Hub) Backup(dir string) error {
	j, ok := h.journal.(interface{ Backup(dir string) error })
	if !ok {
		return fmt.Errorf("back up: the journal is not on disk: %w", errors.ErrUnsupported)
	}
	return j.Backup(dir)
}

// Compact writes the journal anew, without what was deleted: no file of it holds
// a recalled body then. It takes as long as to copy it.
func (h *Hub) Compact(ctx context.Context) error {
	j, ok := h.journal.(interface{ Compact(context.Context) error })
	if !ok {
		return fmt.Errorf("compact: the journal is not on disk: %w", errors.ErrUnsupported)
	}
	return j.Compact(ctx)
}
