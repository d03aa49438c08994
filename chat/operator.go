package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/chatv1"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// What an operator sees of a hub and may do in it.

// Mute forbids a user to write in a room, or anywhere if room is empty, for d:
// [wire.Forever] for no end, 0 to lift it. It takes effect at once on all devices
// of the user, which are told, and outlives a restart if the journal does.
func (h *Hub) Mute(room, user string, d time.Duration) error {
	return h.core.Operator().Mute(h.core.Soon(), room, user, d)
}

// Ban removes a user from a room, or from the hub if room is empty, and keeps them
// out for d: [wire.Forever] for no end, 0 to lift it.
func (h *Hub) Ban(room, user string, d time.Duration) error {
	return h.core.Operator().Ban(h.core.Soon(), room, user, d)
}

// Kick removes a user, who may come back, from a room, or from the hub if room is
// empty. It returns false if the user was not there.
func (h *Hub) Kick(room, user string) bool {
	return h.core.Operator().Kick(h.core.Soon(), room, user) == nil
}

// RoomInfo tells of a room that somebody is in.
type RoomInfo struct {
	Name     string `json:"name"`
	Sessions int    `json:"sessions"` // in it, or about to be
}

// Rooms returns up to limit rooms that somebody is in, ordered by name, beginning
// after the name after.
func (h *Hub) Rooms(after string, limit int) []RoomInfo {
	var list []RoomInfo
	for _, r := range h.rooms.List() {
		if r.Name > after && len(list) < limit {
			list = append(list, RoomInfo(r))
		}
	}
	return list
}

// KeptRooms calls each for every room of the journal but those of the server, in any
// order. If each returns an error, KeptRooms stops and returns it. The error wraps
// errors.ErrUnsupported if the journal is no journal.Lister.
func (h *Hub) KeptRooms(ctx context.Context, each func(name string) error) error {
	lister, ok := h.given.(journal.Lister)
	if !ok {
		return fmt.Errorf("list rooms: the journal can't: %w", errors.ErrUnsupported)
	}
	ctx, cancel := h.core.Bound(ctx)
	defer cancel()
	return lister.Rooms(ctx, func(name string) error {
		if journal.IsReserved(name) {
			return nil
		}
		return each(name)
	})
}

// RoomDetails tells of a room that has entries, or that somebody is in.
type RoomDetails struct {
	RoomInfo
	Epoch string      `json:"epoch,omitempty"` // these are empty in a room without entries
	First journal.Seq `json:"first,omitempty"` // the oldest entry that is kept; Last+1: none is
	Last  journal.Seq `json:"last,omitempty"`  // the newest number that was given
	At    int64       `json:"at,omitempty"`    // of the entry Last, Unix milliseconds
}

// Room returns what is known of a room, and false if nothing is: it has had no entry,
// and nobody is in it.
func (h *Hub) Room(ctx context.Context, name string) (RoomDetails, bool, error) {
	ctx, cancel := h.core.Bound(ctx)
	defer cancel()
	heads, err := h.journal.Heads(ctx, []string{name})
	if err != nil {
		return RoomDetails{}, false, err
	}
	head, sessions := heads[0], len(h.rooms.SessionIDs(ctx, name))
	return RoomDetails{RoomInfo{name, sessions}, head.Epoch, head.First, head.Last, head.At}, head.Last > 0 || sessions > 0, nil
}

// UserDetails tells of a user.
type UserDetails struct {
	ID       string `json:"id"`
	Sessions int    `json:"sessions"`
	Marks    int    `json:"marks"` // rooms in which it is stored how far the user has read
}

// User returns what is known of a user. Messages have no index of users, so they are not
// looked for.
func (h *Hub) User(ctx context.Context, id string) (UserDetails, error) {
	ctx, cancel := h.core.Bound(ctx)
	defer cancel()
	marks, err := h.core.CountMarks(ctx, id)
	return UserDetails{id, h.CountSessions("", id), marks}, err
}

// CountSessions returns how many sessions a user has in a room, or in the hub if the
// name is empty. A raw client that has shown no credential has the id of its session.
func (h *Hub) CountSessions(name, user string) (n int) {
	var inRoom map[string]bool
	if name != "" {
		inRoom = h.rooms.SessionIDs(h.core.Soon(), name)
	}
	for _, s := range (listed{&h.registry}).Of(user) {
		if name == "" || inRoom[s.ID()] {
			n++
		}
	}
	return n
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

// SessionFilter selects sessions. Empty fields do not limit.
type SessionFilter struct{ User, Room string }

// Sessions returns up to limit sessions, ordered by id, beginning after the id
// after.
func (h *Hub) Sessions(f SessionFilter, after string, limit int) []SessionInfo {
	var inRoom map[string]bool
	if f.Room != "" {
		inRoom = h.rooms.SessionIDs(h.core.Soon(), f.Room)
	}
	sessions, known := h.snapshot()
	devices := make(map[*session]string, len(known))
	for _, us := range known {
		devices[us.session] = us.device
	}
	var list []SessionInfo
	for _, s := range sessions {
		if id := s.ID(); id > after && (f.Room == "" || inRoom[id]) {
			if info := sessionInfo(s, devices[s]); f.User == "" || info.User == f.User {
				list = append(list, info)
			}
		}
	}
	slices.SortFunc(list, func(a, b SessionInfo) int { return cmp.Compare(a.ID, b.ID) })
	return list[:min(limit, len(list))]
}

// Session returns one session. It returns false if there is none with that id.
func (h *Hub) Session(id string) (SessionInfo, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sessions[id]
	if s == nil {
		return SessionInfo{}, false
	}
	device := ""
	if u := h.users[s.User().ID]; u != nil {
		for _, us := range u.sessions {
			if us.session == s {
				device = us.device
			}
		}
	}
	return sessionInfo(s, device), true
}

func sessionInfo(s *session, device string) SessionInfo {
	info := SessionInfo{ID: s.ID(), Device: device, Dialect: chatv1.Subprotocol, Address: s.Addr().String(), Since: s.began.UnixMilli()}
	if s.IsRaw() {
		info.Dialect = "raw"
	}
	if id := s.Identity(); id != nil {
		info.User, info.Name, info.Guest = id.User.ID, id.User.Name, id.User.Guest
	}
	return info
}

// EndSession ends one session. Its client is told that it was removed. It returns
// false if there is no such session.
func (h *Hub) EndSession(id string) bool {
	s := h.session(id)
	if s == nil {
		return false
	}
	s.Close(wire.Kicked)
	return true
}

// Announce says something in a room that does not come from a user: a notice. It
// returns when the journal has recorded it. The body must be a JSON
// value. Clients of the raw dialect do not get notices. Policies and
// rate limits do not apply, and the room need not have anybody in it. If ctx ends
// first, the notice may still be recorded.
func (h *Hub) Announce(ctx context.Context, name string, body []byte) (journal.Receipt, error) {
	return h.core.Operator().Post(ctx, name, func() (journal.Entry, error) {
		return journal.Entry{Kind: journal.Notice, Body: body}, nil
	})
}

// announceWorkers is in how many rooms AnnounceToAll announces at a time: their
// entries share an fsync.
const announceWorkers = 64

// AnnounceToAll announces in every room that somebody is in, and returns in how
// many it did. An error tells of one room where it could not.
func (h *Hub) AnnounceToAll(ctx context.Context, body []byte) (rooms int, err error) {
	list := h.rooms.List()
	errs := make([]error, len(list))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(announceWorkers, len(list)) {
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

// Recall recalls a message, whoever said it and whenever. If it is recalled already,
// the receipt has only Duplicate set. If there is no such message, the error has the
// code wire.NotFound.
func (h *Hub) Recall(ctx context.Context, name string, seq journal.Seq) (journal.Receipt, error) {
	return h.core.Operator().RecallFromOutside(ctx, name, seq)
}

// Sanction is a mute or a ban in force.
type Sanction struct {
	Kind  string `json:"kind"`           // mute or ban
	Room  string `json:"room,omitempty"` // empty: the whole hub
	User  string `json:"user"`
	Until int64  `json:"until,omitempty"` // Unix milliseconds; 0: it has no end
}

// Sanctions returns the mutes and bans in force, ordered by kind, room and user.
func (h *Hub) Sanctions() []Sanction {
	list := []Sanction{}
	h.core.Sanctions(func(k access.Sanction, end time.Time) {
		s := Sanction{Kind: string(k.Kind), Room: k.Room, User: k.User}
		if !end.IsZero() {
			s.Until = end.UnixMilli()
		}
		list = append(list, s)
	})
	return list
}

// Health returns why the hub cannot serve as it should, or nil: ErrHubClosed, or
// an error that wraps journal.ErrUnavailable.
func (h *Hub) Health() error {
	if h.core.IsClosed() {
		return ErrHubClosed
	}
	if j, ok := h.given.(journal.Reporter); ok {
		if err := j.Unavailable(); err != nil {
			return fmt.Errorf("%w: %w", journal.ErrUnavailable, err)
		}
	}
	return nil
}

// Warnings returns what an operator should look at although the hub serves, in words.
// It is empty if all is well.
func (h *Hub) Warnings() []string {
	var list []string
	if j, ok := h.given.(interface{ Warnings() []string }); ok {
		list = j.Warnings()
	}
	for _, s := range h.hooks.Status() {
		if w := s.Warning(); w != "" {
			list = append(list, w)
		}
	}
	return list
}

// Stats returns the hub's figures. Each is right, but they are not of one moment.
// It makes new maps with each call, which belong to the caller.
func (h *Hub) Stats() Stats {
	s := Stats{Rooms: h.rooms.Len(), Parked: h.engine.Parked(), Queued: h.engine.Queued()}
	s.Connections, _ = h.core.Connections()
	h.mu.Lock()
	s.Sessions = len(h.sessions)
	h.mu.Unlock()
	s.addRooms(h.rooms.Counters())
	s.addCounters(&h.counts, &h.core.Counts)
	s.Webhooks = h.hooks.Status()
	for _, c := range h.settings().Checks {
		s.Checks = append(s.Checks, c.Figures())
	}
	s.Events, s.EventsLost = h.events.Counts()
	if j, ok := h.given.(journal.Reporter); ok {
		s.Journal = j.Stats()
	}
	return s
}
