package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/wire"
)

func init() {
	caddy.RegisterModule(new(Admin))
}

// Admin adds the hubs to Caddy's admin API, below `/chat/`. docs/admin.json
// describes it in OpenAPI.
type Admin struct{}

// CaddyModule returns the Caddy module information.
func (*Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.chat", New: func() caddy.Module { return new(Admin) }}
}

// Routes implements caddy.AdminRouter.
func (a *Admin) Routes() []caddy.AdminRoute {
	mux := http.NewServeMux()
	for pattern, serve := range a.endpoints() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { serveAdmin(w, r, serve) })
	}
	for pattern, serve := range streams() {
		mux.HandleFunc(pattern, serve)
	}
	return []caddy.AdminRoute{{Pattern: "/chat/", Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if _, pattern := mux.Handler(r); pattern == "" {
			return notFoundOrAllowed(mux, r)
		}
		mux.ServeHTTP(w, r)
		return nil
	})}}
}

// endpoint answers with what is to be JSON, nil for no content.
type endpoint func(*http.Request) (any, error)

func (a *Admin) endpoints() map[string]endpoint {
	const hub = "/chat/hubs/{hub}"
	return map[string]endpoint{
		"GET /chat/hubs":                   a.getHubs,
		"GET " + hub:                       onHub(getHub),
		"GET " + hub + "/rooms":            onHub(getRooms),
		"GET " + hub + "/sessions":         onHub(getSessions),
		"GET " + hub + "/sessions/{id}":    onHub(getSession),
		"DELETE " + hub + "/sessions/{id}": onHub(deleteSession),
		"GET " + hub + "/sanctions":        onHub(getSanctions),
		"POST " + hub + "/kick":            onHub(kick),
		"POST " + hub + "/mute":            onHub(mute),
		"POST " + hub + "/ban":             onHub(ban),
		"POST " + hub + "/announce":        onHub(announce),
		"POST " + hub + "/backup":          onHub(backup),
		"POST " + hub + "/compact":         onHub(compact),
		"POST " + hub + "/recall":          onHub(recall),
	}
}

// notFoundOrAllowed tells a wrong path from a wrong method.
func notFoundOrAllowed(mux *http.ServeMux, r *http.Request) error {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "" {
			return apiError(http.StatusMethodNotAllowed, "method %s is not allowed here", r.Method)
		}
	}
	return apiError(http.StatusNotFound, "there is nothing at %s", r.URL.Path)
}

func apiError(status int, format string, args ...any) error {
	return caddy.APIError{HTTPStatus: status, Err: fmt.Errorf(format, args...)}
}

// serveAdmin answers with JSON, errors too, in the form that Caddy gives them.
func serveAdmin(w http.ResponseWriter, r *http.Request, serve endpoint) {
	answer, err := serve(r)
	status := http.StatusOK
	if err != nil {
		var api caddy.APIError
		var told *wire.Error
		switch {
		case errors.As(err, &api):
			status = api.HTTPStatus
		case errors.As(err, &told) && told.Code.Status() > 0:
			status = told.Code.Status()
		case errors.Is(err, errors.ErrUnsupported):
			status = http.StatusConflict
		case errors.Is(err, chat.ErrUnavailable), errors.Is(err, chat.ErrHubClosed), errors.Is(err, chat.ErrJournalClosed):
			status = http.StatusServiceUnavailable
		default:
			status = http.StatusInternalServerError
		}
		answer = map[string]string{"error": err.Error()}
	}
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // who has gone needs no answer
}

// onHub finds the hub that a request is about.
func onHub(serve func(*chat.Hub, *http.Request) (any, error)) endpoint {
	return func(r *http.Request) (any, error) {
		name := r.PathValue("hub")
		hub := runningHubs()[name]
		if hub == nil {
			return nil, apiError(http.StatusNotFound, "no hub %q is running", name)
		}
		return serve(hub, r)
	}
}

// runningHubs returns the hubs of this process, by name.
func runningHubs() map[string]*chat.Hub {
	running := map[string]*chat.Hub{}
	hubs.Range(func(name, value any) bool {
		if hub := value.(*sharedHub).hub.Load(); hub != nil {
			running[name.(string)] = hub
		}
		return true
	})
	return running
}

type hubInfo struct {
	Name        string `json:"name"`
	Connections int    `json:"connections"`
	Sessions    int    `json:"sessions"`
	Rooms       int    `json:"rooms"`
	Entries     uint64 `json:"entries"` // in the journal
	Healthy     bool   `json:"healthy"`
	Problem     string `json:"problem,omitempty"`
}

func infoOf(name string, hub *chat.Hub) hubInfo {
	s := hub.Stats()
	info := hubInfo{Name: name, Connections: s.Connections, Sessions: s.Sessions, Rooms: s.Rooms, Entries: s.Journal.Entries, Healthy: true}
	if err := hub.Health(); err != nil {
		info.Healthy, info.Problem = false, err.Error()
	}
	return info
}

func (*Admin) getHubs(*http.Request) (any, error) {
	list := []hubInfo{}
	running := runningHubs()
	for _, name := range slices.Sorted(maps.Keys(running)) {
		list = append(list, infoOf(name, running[name]))
	}
	return map[string]any{"hubs": list}, nil
}

func getHub(hub *chat.Hub, r *http.Request) (any, error) { return infoOf(r.PathValue("hub"), hub), nil }

// Pages of the admin API.
const (
	defaultPage = 100
	maxPage     = 1000
)

// pageOf reads which page is asked for, and limit is one more than that, so that
// who reads it learns whether there is another.
func pageOf(r *http.Request) (cursor string, limit int, err error) {
	q := r.URL.Query()
	limit = defaultPage
	if q.Has("limit") {
		limit, err = strconv.Atoi(q.Get("limit"))
		if err != nil || limit < 1 || limit > maxPage {
			return "", 0, apiError(http.StatusBadRequest, "limit must be a number from 1 to %d", maxPage)
		}
	}
	return q.Get("cursor"), limit, nil
}

// page is a part of a list and the cursor of the next, empty where it is the
// last.
func page[T any](name string, list []T, limit int, key func(T) string) map[string]any {
	answer := map[string]any{name: list, "next": ""}
	if list == nil {
		answer[name] = []T{}
	}
	if len(list) > limit {
		answer[name], answer["next"] = list[:limit], key(list[limit-1])
	}
	return answer
}

func getRooms(hub *chat.Hub, r *http.Request) (any, error) {
	cursor, limit, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	return page("rooms", hub.Rooms(cursor, limit+1), limit, func(i chat.RoomInfo) string { return i.Name }), nil
}

func getSessions(hub *chat.Hub, r *http.Request) (any, error) {
	cursor, limit, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	list := hub.Sessions(chat.SessionFilter{User: q.Get("user"), Room: q.Get("room")}, cursor, limit+1)
	return page("sessions", list, limit, func(i chat.SessionInfo) string { return i.ID }), nil
}

func getSession(hub *chat.Hub, r *http.Request) (any, error) {
	info, ok := hub.Session(r.PathValue("id"))
	if !ok {
		return nil, apiError(http.StatusNotFound, "there is no session %q", r.PathValue("id"))
	}
	return info, nil
}

func deleteSession(hub *chat.Hub, r *http.Request) (any, error) {
	if !hub.EndSession(r.PathValue("id")) {
		return nil, apiError(http.StatusNotFound, "there is no session %q", r.PathValue("id"))
	}
	return nil, nil
}

func getSanctions(hub *chat.Hub, _ *http.Request) (any, error) {
	return map[string]any{"sanctions": hub.Sanctions()}, nil
}

// maxAdminBody bounds what is sent to the admin API, in bytes.
const maxAdminBody = 1 << 20

// decode reads the body of a request into to. Members that are not known are
// refused: they would be a mistake that goes unnoticed.
func decode(r *http.Request, to any) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return apiError(http.StatusBadRequest, "the Content-Type must be application/json")
	}
	d := json.NewDecoder(io.LimitReader(r.Body, maxAdminBody))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil {
		if _, extra := d.Token(); extra != io.EOF {
			err = errors.New("there is something behind it")
		}
	}
	if err != nil {
		return apiError(http.StatusBadRequest, "the body is not as it must be: %w", err)
	}
	return nil
}

// sentence is what a mute, a ban or a kick is about.
type sentence struct {
	Room string `json:"room"` // empty: the whole hub
	User string `json:"user"`
	// For is how long, in milliseconds or as text like "10m"; 0 lifts it; left
	// out, it has no end.
	For any `json:"for"`
}

func (s *sentence) read(r *http.Request) (time.Duration, error) {
	if err := decode(r, s); err != nil {
		return 0, err
	}
	if s.User == "" {
		return 0, apiError(http.StatusBadRequest, "user is missing")
	}
	if s.Room != "" {
		if err := chat.CheckRoom(s.Room); err != nil {
			return 0, apiError(http.StatusBadRequest, "%w", err)
		}
	}
	d := wire.Forever
	switch value := s.For.(type) {
	case nil:
	case float64:
		d = time.Duration(value) * time.Millisecond
	case string:
		var err error
		if d, err = caddy.ParseDuration(value); err != nil {
			return 0, apiError(http.StatusBadRequest, "for is no duration: %w", err)
		}
	default:
		return 0, apiError(http.StatusBadRequest, "for must be milliseconds or a text like \"10m\"")
	}
	if d != wire.Forever && (d < 0 || d > wire.MaxFor) {
		return 0, apiError(http.StatusBadRequest, "for must be from 0 to %v", wire.MaxFor)
	}
	return d, nil
}

func mute(hub *chat.Hub, r *http.Request) (any, error) {
	var s sentence
	d, err := s.read(r)
	if err != nil {
		return nil, err
	}
	return nil, hub.Mute(s.Room, s.User, d)
}

func ban(hub *chat.Hub, r *http.Request) (any, error) {
	var s sentence
	d, err := s.read(r)
	if err != nil {
		return nil, err
	}
	return nil, hub.Ban(s.Room, s.User, d)
}

func kick(hub *chat.Hub, r *http.Request) (any, error) {
	var s sentence
	if _, err := s.read(r); err != nil {
		return nil, err
	}
	if s.For != nil {
		return nil, apiError(http.StatusBadRequest, "a kick has no length; ban instead")
	}
	if !hub.Kick(s.Room, s.User) {
		return nil, apiError(http.StatusNotFound, "user %q is not there", s.User)
	}
	return nil, nil
}

func announce(hub *chat.Hub, r *http.Request) (any, error) {
	var a struct {
		Room string          `json:"room"` // empty: all that somebody is in
		Body json.RawMessage `json:"body"`
	}
	if err := decode(r, &a); err != nil {
		return nil, err
	}
	body, err := wire.DecodePost([]byte(`{"body":` + string(a.Body) + `}`))
	if err != nil {
		return nil, apiError(http.StatusBadRequest, "body: %w", err)
	}
	if a.Room == "" {
		rooms, err := hub.AnnounceToAll(r.Context(), body)
		return map[string]any{"rooms": rooms}, err
	}
	if err := chat.CheckRoom(a.Room); err != nil {
		return nil, apiError(http.StatusBadRequest, "%w", err)
	}
	receipt, err := hub.Announce(r.Context(), a.Room, body)
	if err != nil {
		return nil, err
	}
	return map[string]any{"room": a.Room, "seq": receipt.Seq, "at": receipt.At}, nil
}

func recall(hub *chat.Hub, r *http.Request) (any, error) {
	var target struct {
		Room string   `json:"room"`
		Seq  chat.Seq `json:"seq"`
	}
	if err := decode(r, &target); err != nil {
		return nil, err
	}
	if err := chat.CheckRoom(target.Room); err != nil || target.Seq == 0 {
		return nil, apiError(http.StatusBadRequest, "room and seq must name a message")
	}
	found, err := hub.Recall(r.Context(), target.Room, target.Seq)
	if err == nil && !found {
		err = apiError(http.StatusNotFound, "room %q has no message %d", target.Room, target.Seq)
	}
	return nil, err
}

func backup(hub *chat.Hub, r *http.Request) (any, error) {
	var to struct {
		Dir string `json:"dir"`
	}
	if err := decode(r, &to); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(to.Dir) {
		return nil, apiError(http.StatusBadRequest, "dir must be an absolute path on the server, of a directory that is not there yet")
	}
	if err := hub.Backup(to.Dir); err != nil {
		return nil, err
	}
	return map[string]string{"dir": to.Dir}, nil
}

func compact(hub *chat.Hub, r *http.Request) (any, error) { return nil, hub.Compact(r.Context()) }

var _ caddy.AdminRouter = (*Admin)(nil)
