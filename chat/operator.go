package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// What an operator sees of a hub and may do in it.

// Mute forbids a user to write in a room, or anywhere if room is empty, for d:
// [wire.Forever] for no end, 0 to lift it. It takes effect at once on all devices
// of the user, which are told, and outlives a restart if the journal does.
func (h *Hub) Mute(room, user string, d time.Duration) error {
	return h.withCause(h.core.Operator().Mute(h.core.Soon(), room, user, d))
}

// Ban removes a user from a room, or from the hub if room is empty, and keeps them
// out for d: [wire.Forever] for no end, 0 to lift it.
func (h *Hub) Ban(room, user string, d time.Duration) error {
	return h.withCause(h.core.Operator().Ban(h.core.Soon(), room, user, d))
}

// Kick removes a user, who may come back, from a room, or from the hub if room is
// empty, on all nodes. The error has the code wire.NotFound if the user was nowhere, and
// wire.Unavailable if a node has not answered that may have them.
func (h *Hub) Kick(room, user string) error {
	return h.withCause(h.core.Operator().Kick(h.core.Soon(), room, user))
}

// notAnswered returns an error that names nodes which have not answered, or nil if there are
// none.
func notAnswered(missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: no answer from %s", journal.ErrUnavailable, strings.Join(missing, ", "))
}

// Rooms returns up to limit rooms that somebody is in on any node, ordered by name, beginning
// after the name after. missing are nodes that have not answered within 2 seconds: those
// who are there are not counted.
func (h *Hub) Rooms(after string, limit int) (list []RoomInfo, missing []string) {
	return everywhere(h, command.Command{Act: command.Rooms, After: after, Limit: limit},
		func(r *RoomInfo) string { return r.Name }, func(r *RoomInfo, other RoomInfo) { r.Sessions += other.Sessions })
}

// everywhere asks all nodes for a list, and returns up to what.Limit of its rows, ordered by
// key. add adds what another node has of the same row.
func everywhere[T any](h *Hub, what command.Command, key func(*T) string, add func(to *T, other T)) (list []T, missing []string) {
	limit := what.Limit
	for {
		answers := h.others.Ask(h.core.Soon(), what)
		missing = append(missing, answers.Missing...)
		rows, end, more := answered(answers.Each, key)
		for _, row := range rows {
			n := len(list)
			switch {
			case more && key(&row) > end: // somebody may have one before it
			case n > 0 && key(&list[n-1]) == key(&row):
				add(&list[n-1], row)
			default:
				list = append(list, row)
			}
		}
		if !more || len(list) >= limit {
			slices.Sort(missing)
			return list[:min(limit, len(list))], slices.Compact(missing)
		}
		what.After, what.Limit = end, limit-len(list)
	}
}

// answered returns all rows of answers, ordered by key, and up to which one they are
// complete: more says that there are others behind it.
func answered[T any](each []command.Answer, key func(*T) string) (rows []T, end string, more bool) {
	for _, answer := range each {
		var part []T
		if json.Unmarshal(answer.List, &part) != nil || len(part) == 0 {
			continue
		}
		if last := key(&part[len(part)-1]); answer.More && (!more || last < end) {
			end, more = last, true
		}
		rows = append(rows, part...)
	}
	slices.SortStableFunc(rows, func(a, b T) int { return cmp.Compare(key(&a), key(&b)) })
	return rows, end, more
}

// CountSessions returns how many sessions a user has in a room, or in the hub if the
// name is empty, on all nodes that have answered within 2 seconds. A raw client that has
// shown no credential has the id of its session.
func (h *Hub) CountSessions(name, user string) int {
	return h.count(name, user).N
}

func (h *Hub) count(name, user string) command.Answers {
	return h.others.Ask(h.core.Soon(), command.Command{Act: command.Count, Room: name, User: user})
}

// Sessions returns up to limit sessions of all nodes, ordered by id, beginning after the id
// after. missing are nodes that have not answered within 2 seconds: their sessions are not
// in the list.
func (h *Hub) Sessions(f SessionFilter, after string, limit int) (list []SessionInfo, missing []string) {
	return everywhere(h, command.Command{Act: command.Sessions, User: f.User, Room: f.Room, After: after, Limit: limit},
		func(s *SessionInfo) string { return s.ID }, func(*SessionInfo, SessionInfo) {})
}

// ErrNoSession says that there is no such session.
var ErrNoSession = errors.New("there is no such session")

// Session returns one session, on whichever node it is, or ErrNoSession. The error wraps
// journal.ErrUnavailable if a node that may have it does not answer.
func (h *Hub) Session(id string) (info SessionInfo, err error) {
	answers, err := h.askOf(command.Find, id)
	for _, answer := range answers {
		if list := []SessionInfo(nil); answer.N > 0 && json.Unmarshal(answer.List, &list) == nil && len(list) == 1 {
			return list[0], nil
		}
	}
	return info, err
}

// EndSession ends one session, on whichever node it is. Its client is told that it was
// removed. The error is as for Session.
func (h *Hub) EndSession(id string) error {
	session, err := h.Session(id)
	if err == nil {
		_, err = h.askOf(command.End, id)
	}
	if err == nil {
		h.core.Operator().Did("kick", session.User)
	}
	return err
}

func (h *Hub) askOf(act, id string) ([]command.Answer, error) {
	what := command.Command{Act: act, Session: id}
	if node, session, found := strings.Cut(id, "."); found {
		what.Node, what.Session = node, session
	}
	answers := h.others.Ask(h.core.Soon(), what)
	if answers.N > 0 {
		return answers.Each, nil
	}
	return nil, cmp.Or(notAnswered(answers.Missing), ErrNoSession)
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
// and nobody is in it. The error wraps journal.ErrUnavailable if a node has not answered
// where somebody may be in it, and there is nothing else.
func (h *Hub) Room(ctx context.Context, name string) (RoomDetails, bool, error) {
	ctx, cancel := h.core.Bound(ctx)
	defer cancel()
	heads, err := h.journal.Heads(ctx, []string{name})
	if err != nil {
		return RoomDetails{}, false, err
	}
	head, counted := heads[0], h.count(name, "")
	found := head.Last > 0 || counted.N > 0
	if !found {
		err = notAnswered(counted.Missing)
	}
	return RoomDetails{RoomInfo{name, counted.N}, head.Epoch, head.First, head.Last, head.At}, found, err
}

// UserDetails tells of a user.
type UserDetails struct {
	ID            string `json:"id"`
	Name          string `json:"name,omitempty"`   // that is kept
	Avatar        string `json:"avatar,omitempty"` // likewise
	Seen          int64  `json:"seen,omitempty"`   // when the user came or left last, in Unix milliseconds
	Sessions      int    `json:"sessions"`
	Marks         int    `json:"marks"`         // rooms in which it is stored how far the user has read
	Conversations int    `json:"conversations"` // that the user belongs to, or has left lately
}

// User returns what is known of a user. Messages have no index of users, so they are not
// looked for. The error is as for Room.
func (h *Hub) User(ctx context.Context, id string) (UserDetails, error) {
	ctx, cancel := h.core.Bound(ctx)
	defer cancel()
	counted := h.count("", id)
	user := UserDetails{ID: id, Sessions: counted.N}
	kept, err := h.core.Operator().Profiles()
	if err != nil {
		return user, err
	}
	shown, err := kept.Of(ctx, []string{id})
	if err != nil {
		return user, err
	}
	seen, err := kept.Seen(ctx, []string{id})
	if err != nil {
		return user, err
	}
	user.Name, user.Avatar, user.Seen = shown[0].Name, shown[0].Avatar, seen[0]
	rooms, err := members.RoomsOf(ctx, kept.Records, id)
	if user.Conversations = len(rooms); err != nil {
		return user, err
	}
	user.Marks, err = h.core.CountMarks(ctx, id)
	if err == nil && user == (UserDetails{ID: id}) {
		err = notAnswered(counted.Missing)
	}
	return user, err
}

// Announce says something in a room that does not come from a user: a notice. It
// returns when the journal has recorded it. The body must be a JSON
// value. Clients of the raw dialect do not get notices. Policies and
// rate limits do not apply, and the room need not have anybody in it. If ctx ends
// first, the notice may still be recorded.
func (h *Hub) Announce(ctx context.Context, name string, body []byte) (journal.Receipt, error) {
	receipt, err := h.core.Operator().Post(ctx, name, func() (journal.Entry, error) {
		return journal.Entry{Kind: journal.Notice, Body: body}, nil
	})
	return receipt, h.withCause(err)
}

// withCause adds to an error that says to clients that something can't be done now why that is.
func (h *Hub) withCause(err error) error {
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.Code != wire.Unavailable {
		return err
	}
	if j, ok := h.given.(journal.Reporter); ok {
		if cause := j.Unavailable(); cause != nil {
			return fmt.Errorf("%w: %w", err, cause)
		}
	}
	return err
}

// announceWorkers is in how many rooms AnnounceToAll announces at a time: their
// entries share an fsync.
const announceWorkers = 64

// AnnounceToAll announces in every room that somebody is in on any node, and returns in how
// many it did. An error tells of one room where it could not, or of nodes that have not
// said which rooms they have.
func (h *Hub) AnnounceToAll(ctx context.Context, body []byte) (rooms int, err error) {
	list, missing := h.Rooms("", math.MaxInt)
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
	err = notAnswered(missing)
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
	receipt, err := h.core.Operator().RecallFromOutside(ctx, name, seq)
	return receipt, h.withCause(err)
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
	if h.core.Slots.IsClosed() {
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
	if nodes := h.others.Differ(); len(nodes) > 0 {
		list = append(list, "the nodes of this chat have different policies, as their hashes say: "+strings.Join(nodes, ", ")+
			"; each enforces its own, and what retention no longer keeps stays until they are alike")
	}
	return list
}

// Stats returns the hub's figures. Each is right, but they are not of one moment.
// It makes new maps with each call, which belong to the caller.
func (h *Hub) Stats() Stats {
	s := Stats{Rooms: h.rooms.Len(), Parked: h.engine.Parked(), Queued: h.engine.Queued()}
	s.Connections, _ = h.core.Slots.Count()
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
