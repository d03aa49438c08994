package admin

import (
	"net/http"

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

const hubPath = "/chat/hubs/{hub}"

// endpoints have one request and one answer in JSON.
var endpoints = map[string]endpoint{
	"GET /chat/hubs":                       getHubs,
	"GET " + hubPath:                       getHub,
	"GET " + hubPath + "/rooms":            onHub(getRooms),
	"GET " + hubPath + "/sessions":         onHub(getSessions),
	"GET " + hubPath + "/sessions/{id}":    onHub(getSession),
	"DELETE " + hubPath + "/sessions/{id}": onHub(deleteSession),
	"GET " + hubPath + "/sanctions":        onHub(getSanctions),
	"POST " + hubPath + "/kick":            onHub(kick),
	"POST " + hubPath + "/mute":            onHub(mute),
	"POST " + hubPath + "/ban":             onHub(ban),
	"POST " + hubPath + "/announce":        onHub(announce),
	"POST " + hubPath + "/backup":          onHub(backup),
	"POST " + hubPath + "/compact":         onHub(compact),
	"POST " + hubPath + "/recall":          onHub(recall),
}

// streams send or receive JSON lines.
var streams = map[string]http.HandlerFunc{
	"GET " + hubPath + "/export":  serveExport,
	"GET " + hubPath + "/tail":    serveTail,
	"POST " + hubPath + "/import": serveImport,
}

// Routes implements caddy.AdminRouter.
func (*API) Routes() []caddy.AdminRoute {
	mux := http.NewServeMux()
	for pattern, answer := range endpoints {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { serveJSON(w, r, answer) })
	}
	for pattern, serve := range streams {
		mux.HandleFunc(pattern, serve)
	}
	return []caddy.AdminRoute{{Pattern: "/chat/", Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if _, pattern := mux.Handler(r); pattern == "" {
			return unknownRoute(mux, r)
		}
		mux.ServeHTTP(w, r)
		return nil
	})}}
}

// unknownRoute returns the error for a request that has no endpoint: either its path
// or its method is wrong.
func unknownRoute(mux *http.ServeMux, r *http.Request) error {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "" {
			return apiError(http.StatusMethodNotAllowed, "method %s is not allowed here", r.Method)
		}
	}
	return apiError(http.StatusNotFound, "there is nothing at %s", r.URL.Path)
}

var _ caddy.AdminRouter = (*API)(nil)
