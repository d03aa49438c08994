package admin

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// HubInfo describes a hub. If it is closed, Problem says why, and the numbers are 0.
type HubInfo struct {
	Name        string `json:"name"`
	Connections int    `json:"connections"`
	Sessions    int    `json:"sessions"`
	Rooms       int    `json:"rooms"`
	Entries     uint64 `json:"entries"` // in the journal
	Bytes       int64  `json:"bytes"`   // that the journal takes
	Healthy     bool   `json:"healthy"`
	Problem     string `json:"problem,omitempty"`

	// What an operator should look at although the hub works.
	Warnings []string `json:"warnings,omitempty"`

	// How many clients and frames were refused or had to wait since the hub began, by
	// reason: those of the metric caddy_chat_refusals_total.
	Refusals map[string]uint64 `json:"refusals,omitempty"`
}

// HubList is the answer to GET /chat/hubs.
type HubList struct {
	Hubs []HubInfo `json:"hubs"`
}

// RoomList is the answer to GET /chat/hubs/{hub}/rooms. Next is the cursor of the
// request for the rest, empty if this is the end of the list. Missing are nodes that have
// not answered within 2 seconds: what they have is not in the list.
type RoomList struct {
	Next    string          `json:"next"`
	Rooms   []chat.RoomInfo `json:"rooms"`
	Missing []string        `json:"missing,omitempty"`
}

// SessionList is the answer to GET /chat/hubs/{hub}/sessions. Next and Missing are like
// those of RoomList.
type SessionList struct {
	Next     string             `json:"next"`
	Sessions []chat.SessionInfo `json:"sessions"`
	Missing  []string           `json:"missing,omitempty"`
}

// SanctionList is the answer to GET /chat/hubs/{hub}/sanctions.
type SanctionList struct {
	Sanctions []chat.Sanction `json:"sanctions"`
}

// MaxLimit is the largest limit of a request for a list.
const MaxLimit = 1000

const defaultLimit = 100

func infoOf(name string, state *caddymodule.HubState) HubInfo {
	hub, closed := state.Hub()
	if closed != nil {
		return HubInfo{Name: name, Problem: "closed: " + closed.Error()}
	}
	s := hub.Stats()
	info := HubInfo{
		Name: name, Connections: s.Connections, Sessions: s.Sessions, Rooms: s.Rooms,
		Entries: s.Journal.Entries, Bytes: s.Journal.Bytes, Healthy: true, Warnings: state.Warnings(), Refusals: map[string]uint64{},
	}
	for reason, n := range s.Refused {
		if n > 0 {
			info.Refusals[reason.String()] = n
		}
	}
	if err := hub.Health(); err != nil {
		info.Healthy, info.Problem = false, err.Error()
	}
	return info
}

func getHubs(*http.Request) (any, error) {
	list := HubList{Hubs: []HubInfo{}}
	running := caddymodule.Hubs()
	for _, name := range keys(running) {
		list.Hubs = append(list.Hubs, infoOf(name, running[name]))
	}
	return list, nil
}

func getHub(r *http.Request) (any, error) {
	name := nameIn(r, "hub") // here the path ends with it
	state, err := stateOf(name)
	if err != nil {
		return nil, err
	}
	return infoOf(name, state), nil
}

// cursorAndLimit reads which part of a list a request asks for.
func cursorAndLimit(r *http.Request) (cursor string, limit int, err error) {
	q := r.URL.Query()
	limit = defaultLimit
	if q.Has("limit") {
		limit, err = strconv.Atoi(q.Get("limit"))
		if err != nil || limit < 1 || limit > MaxLimit {
			return "", 0, apiError(http.StatusBadRequest, "limit must be a number from 1 to %d", MaxLimit)
		}
	}
	return q.Get("cursor"), limit, nil
}

// cut shortens a list, of which one item more than limit was asked for, and returns
// the cursor of the rest: the key of the last item that remains, or empty if nothing
// was cut. The part is never nil, which would be null in JSON.
func cut[T any](list []T, limit int, key func(T) string) (part []T, next string) {
	if len(list) > limit {
		return list[:limit], key(list[limit-1])
	}
	return append([]T{}, list...), ""
}

var errNoCursor = apiError(http.StatusBadRequest, "cursor must be next of the part before")

// isSession is what ids of sessions are like, also of those that have ended since.
var isSession = regexp.MustCompile(`^([^.]+\.)?[A-Z2-7]{26}$`)

func getRooms(hub *chat.Hub, r *http.Request) (any, error) {
	cursor, limit, err := cursorAndLimit(r)
	if err != nil {
		return nil, err
	}
	if cursor != "" && journal.CheckRoom(cursor) != nil {
		return nil, errNoCursor
	}
	rooms, missing := hub.Rooms(cursor, limit+1)
	list := RoomList{Missing: missing}
	list.Rooms, list.Next = cut(rooms, limit, func(i chat.RoomInfo) string { return i.Name })
	return list, nil
}

func getSessions(hub *chat.Hub, r *http.Request) (any, error) {
	cursor, limit, err := cursorAndLimit(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	if err := checkRoom(q.Get("room")); q.Has("room") && err != nil {
		return nil, err
	}
	if q.Has("user") && q.Get("user") == "" {
		return nil, apiError(http.StatusBadRequest, "user is empty; leave it out for the sessions of everybody")
	}
	if cursor != "" && !isSession.MatchString(cursor) {
		return nil, errNoCursor
	}
	filter := chat.SessionFilter{User: q.Get("user"), Room: q.Get("room")}
	sessions, missing := hub.Sessions(filter, cursor, limit+1)
	list := SessionList{Missing: missing}
	list.Sessions, list.Next = cut(sessions, limit, func(i chat.SessionInfo) string { return i.ID })
	return list, nil
}

func getSession(hub *chat.Hub, r *http.Request) (any, error) {
	info, err := hub.Session(r.PathValue("id"))
	return info, noSession(r, err)
}

// noSession says which session there is not.
func noSession(r *http.Request, err error) error {
	if errors.Is(err, chat.ErrNoSession) {
		return apiError(http.StatusNotFound, "there is no session %q", r.PathValue("id"))
	}
	return err
}

func deleteSession(hub *chat.Hub, r *http.Request) (any, error) {
	return nil, noSession(r, hub.EndSession(r.PathValue("id")))
}

func getSanctions(hub *chat.Hub, _ *http.Request) (any, error) {
	return SanctionList{hub.Sanctions()}, nil
}

// sanctionsWhere returns the sanctions in force for which want returns true.
func sanctionsWhere(hub *chat.Hub, want func(chat.Sanction) bool) []chat.Sanction {
	return slices.DeleteFunc(hub.Sanctions(), func(s chat.Sanction) bool { return !want(s) })
}
