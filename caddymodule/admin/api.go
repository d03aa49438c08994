package admin

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(new(API))
}

// API is the module admin.api.chat.
type API struct{}

// CaddyModule returns the Caddy module information.
func (*API) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.chat", New: func() caddy.Module { return new(API) }}
}

const (
	hubPath       = "/chat/hubs/{hub}"
	importPattern = "POST " + hubPath + "/import"
)

// endpoints have one request and one answer in JSON.
var endpoints = map[string]endpoint{
	"GET /chat/hubs":                       {"", getHubs},
	"GET " + hubPath:                       {"", getHub},
	"GET " + hubPath + "/rooms":            {"cursor limit", onHub(getRooms)},
	"GET " + hubPath + "/rooms/{room}":     {"", onHub(getRoom)},
	"DELETE " + hubPath + "/rooms/{room}":  {"", onHub(deleteRoom)},
	"GET " + hubPath + "/users/{user}":     {"", onHub(getUser)},
	"DELETE " + hubPath + "/users/{user}":  {"", onHub(deleteUser)},
	"GET " + hubPath + "/sessions":         {"cursor limit user room", onHub(getSessions)},
	"GET " + hubPath + "/sessions/{id}":    {"", onHub(getSession)},
	"DELETE " + hubPath + "/sessions/{id}": {"", onHub(deleteSession)},
	"GET " + hubPath + "/sanctions":        {"", onHub(getSanctions)},
	"GET " + hubPath + "/webhooks":         {"", onHub(getWebhooks)},
	"POST " + hubPath + "/replay":          {"", onHub(replay)},
	"POST " + hubPath + "/kick":            {"", onHub(kick)},
	"POST " + hubPath + "/mute":            {"", onHub(mute)},
	"POST " + hubPath + "/ban":             {"", onHub(ban)},
	"POST " + hubPath + "/announce":        {"", onHub(announce)},
	"POST " + hubPath + "/backup":          {"", onHub(backup)},
	"POST " + hubPath + "/compact":         {"", onHub(compact)},
	"POST " + hubPath + "/recall":          {"", onHub(recall)},
}

// streams send JSON lines.
var streams = map[string]stream{
	"GET " + hubPath + "/export":  {"room from after", export},
	"GET " + hubPath + "/history": {"room before newest", history},
	"GET " + hubPath + "/tail":    {"room newest wait", tail},
}

// Routes implements caddy.AdminRouter.
func (*API) Routes() []caddy.AdminRoute {
	mux := http.NewServeMux()
	for pattern, e := range endpoints {
		mux.HandleFunc(pattern, e.serve)
	}
	for pattern, s := range streams {
		mux.HandleFunc(pattern, s.serve)
	}
	mux.HandleFunc(importPattern, serveImport)
	return []caddy.AdminRoute{{Pattern: "/chat/", Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		r = withSlash(r)
		if _, pattern := mux.Handler(r); pattern == "" {
			refuse(w, unknownRoute(mux, w, r))
			return nil
		}
		mux.ServeHTTP(w, r)
		return nil
	})}}
}

// unknownRoute returns the error for a request that has no endpoint: either its path
// or its method is wrong.
func unknownRoute(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if allowed == nil {
		return apiError(http.StatusNotFound, "there is nothing at %s", r.URL.Path)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return apiError(http.StatusMethodNotAllowed, "method %s is not allowed here, but %s", r.Method, strings.Join(allowed, ", "))
}

var _ caddy.AdminRouter = (*API)(nil)
