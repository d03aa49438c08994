// Package caddymodule makes a Caddy server a chat backend: the module
// http.handlers.chat and its Caddyfile directive. It is the only package of the
// project that imports Caddy.
package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/identity"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler is a chat server under one path of a site. WebSocket clients that
// connect to the path join a room and hear what its other members say; requests
// for anything else are passed to the next handler.
//
// Connections outlive the request and a reload of the configuration. They share
// one hub, whatever site they came in by.
type Handler struct {
	// The path to serve. Default: `/chat`.
	Path string `json:"path,omitempty"`

	// The room that a client lands in; may contain placeholders, and `lobby` where
	// they come to nothing. Default: `{http.request.uri.query.room}`. A name has 1 to 128 bytes of UTF-8
	// without control characters; others are refused with status 400.
	Room string `json:"room,omitempty"`

	// The largest message a client may send, in bytes, over all its fragments.
	// Longer ones end the connection with close code 1009. Default: 65536.
	MaxMessage int64 `json:"max_message,omitempty"`

	// How many connections there may be in all. Further ones are refused with
	// status 503 and Retry-After. Default: 50000.
	MaxConnections int `json:"max_connections,omitempty"`

	// How many connections there may be from one IP address (one /64 for IPv6),
	// as `trusted_proxies` tells it. Default: 100.
	MaxConnectionsPerIP int `json:"max_connections_per_ip,omitempty"`

	// How long a client may be silent before it is sent a ping; after twice as
	// long it is given up. Default: 25s.
	PingInterval caddy.Duration `json:"ping_interval,omitempty"`

	// Which web pages may connect, as patterns like `https://example.com` or
	// `https://*.example.com`. Default: the site's own host and WeChat's. Clients
	// that send no Origin are no web pages and always may.
	//
	// The pattern `*` is DANGEROUS: it lets every web site in the world connect
	// as whoever visits it, with that visitor's cookies.
	Origins []string `json:"origins,omitempty"`

	// Whether clients that offer permessage-deflate get their messages
	// compressed, each by itself. Saves bandwidth, costs CPU. Default: false.
	Compression bool `json:"compression,omitempty"`

	// Further limits.
	Limits Limits `json:"limits,omitzero"`

	// How it is found out who clients are: the first of these that a client's
	// credential concerns decides. Default: `guest`.
	AuthRaw []json.RawMessage `json:"auth,omitempty" caddy:"namespace=chat.auth inline_key=method"`

	// Who may do what in which room. Default: everybody anything but moderate.
	Policies []Policy `json:"policies,omitempty"`

	// Whether a browser that visits the path is shown a page to chat on, and
	// `<path>/ui/chat.js` is there, which has the element `<caddy-chat>` for pages of
	// the site's own. Default: false.
	UI bool `json:"ui,omitempty"`

	// The hub that holds the rooms: 1 to 64 letters, digits and `-_.`, and no `.`
	// first. Handlers that name one hub share its rooms and its journal, whatever
	// site they belong to; the settings of the last one count. Default: `default`.
	Hub string `json:"hub,omitempty"`

	// Where the rooms are recorded. Default: `pebble`, on this machine's disk.
	JournalRaw json.RawMessage `json:"journal,omitempty" caddy:"namespace=chat.journals inline_key=engine"`

	auth  identity.First                // set by Provision, like the next two
	login chat.Login                    // nil where there is none
	ready []func(context.Context) error // what auth has to do at the start
	http  func() (*chat.Handler, error) // starts the hub if need be
	lease *lease                        // nil unless Provision took one
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.chat",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision joins the hub, starting it if this is the first handler to.
func (h *Handler) Provision(ctx caddy.Context) error {
	if h.Path == "" {
		h.Path = "/chat"
	}
	if h.Hub == "" {
		h.Hub = "default"
	}
	if err := h.check(); err != nil {
		return err
	}
	engine, err := h.engine(ctx)
	if err != nil {
		return err
	}
	app, err := ctx.App("chat")
	if err != nil {
		return err
	}
	if err := h.authenticator(ctx); err != nil {
		return err
	}
	settings, err := h.settings()
	if err != nil {
		return err
	}
	if h.lease, err = takeHub(h.Hub, engine, settings, h.Origins, ctx.Logger()); err != nil {
		return err
	}
	h.http = sync.OnceValues(func() (*chat.Handler, error) { return h.start(ctx) })
	app.(*App).add(h.http)
	if srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		srv.RegisterOnShutdown(h.lease.leaveOnExit)
	}
	return nil
}

// engine returns the kind of journal that is asked for.
func (h *Handler) engine(ctx caddy.Context) (Engine, error) {
	if len(h.JournalRaw) == 0 {
		return new(PebbleEngine), nil
	}
	module, err := ctx.LoadModule(h, "JournalRaw")
	if err != nil {
		return nil, fmt.Errorf("chat: journal: %w", err)
	}
	engine, ok := module.(Engine)
	if !ok {
		return nil, fmt.Errorf("chat: journal: module %T is no caddymodule.Engine", module)
	}
	return engine, nil
}

// start returns what serves requests. The hub is running then, even where a
// request is quicker than App.Start.
func (h *Handler) start(ctx context.Context) (*chat.Handler, error) {
	for _, start := range h.ready {
		if err := start(ctx); err != nil {
			return nil, fmt.Errorf("chat: auth: %w", err)
		}
	}
	hub, err := h.lease.start()
	if err != nil {
		return nil, err
	}
	handler := &chat.Handler{Hub: hub, Origins: h.Origins, Auth: h.auth, ClientIP: clientIP}
	if h.Room != "" {
		handler.Room = h.placeholderRoom
	}
	return handler, nil
}

// hubName is what hubs are called: it is also the name of a directory.
var hubName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$`)

// check returns an error for settings that can't be meant.
func (h *Handler) check() error {
	if !strings.HasPrefix(h.Path, "/") || strings.ContainsAny(h.Path, "*?#") {
		return fmt.Errorf("chat: path %q must begin with / and be a plain path", h.Path)
	}
	if !hubName.MatchString(h.Hub) {
		return fmt.Errorf("chat: hub %q must have 1 to 64 letters, digits and -_. and not begin with a dot", h.Hub)
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"max_message", h.MaxMessage},
		{"max_connections", int64(h.MaxConnections)},
		{"max_connections_per_ip", int64(h.MaxConnectionsPerIP)},
		{"ping_interval", int64(h.PingInterval)},
	} {
		if n.value < 0 {
			return fmt.Errorf("chat: %s must not be negative", n.name)
		}
	}
	if err := h.Limits.check(); err != nil {
		return err
	}
	if err := chat.Origins(h.Origins).Validate(); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	return nil
}

// settings translates the configuration for the hub.
func (h *Handler) settings() (chat.Settings, error) {
	s := chat.Settings{
		MaxMessage:          int(h.MaxMessage),
		MaxConnections:      h.MaxConnections,
		MaxConnectionsPerIP: h.MaxConnectionsPerIP,
		PingInterval:        time.Duration(h.PingInterval),
		Compression:         h.Compression,
	}
	h.Limits.apply(&s)
	var err error
	s.Policies, err = h.policies()
	return s, err
}

// Cleanup gives back what Provision took.
func (h *Handler) Cleanup() error {
	if h.lease == nil {
		return nil // Caddy cleans up after a Provision that failed, too
	}
	l := h.lease
	h.lease = nil
	return l.giveBack()
}

// ServeHTTP serves what lies under the path and passes everything else on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	serve := h.route(r)
	if serve == nil {
		return next.ServeHTTP(w, r)
	}
	handler, err := h.http()
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	serve(handler, w, r)
	return nil
}

// route returns what serves the request's path, or nil for what is not ours.
func (h *Handler) route(r *http.Request) func(*chat.Handler, http.ResponseWriter, *http.Request) {
	path, ours := strings.CutPrefix(r.URL.EscapedPath(), strings.TrimSuffix(h.Path, "/"))
	switch {
	case !ours:
		return nil
	case (path == "" || path == "/") && h.UI && isPageVisit(r):
		return func(_ *chat.Handler, w http.ResponseWriter, r *http.Request) { servePage(w, r) }
	case path == "" || path == "/":
		liftIdleTimeouts(r)
		return (*chat.Handler).ServeHTTP
	}
	if name, ok := strings.CutPrefix(path, "/ui/"); ok && h.UI && name != "page.html" && assets[name].content != nil {
		return func(_ *chat.Handler, w http.ResponseWriter, r *http.Request) { serveAsset(w, r, name) }
	}
	if path == "/health" {
		return (*chat.Handler).ServeHealth
	}
	if path == "/login" && h.login != nil {
		return func(handler *chat.Handler, w http.ResponseWriter, r *http.Request) {
			handler.ServeLogin(w, r, h.login)
		}
	}
	// A room's slashes are escaped, so it is one segment of the path.
	if room, ok := strings.CutPrefix(path, "/rooms/"); ok {
		room, ok = strings.CutSuffix(room, "/messages")
		name, err := url.PathUnescape(room)
		if ok && err == nil && !strings.Contains(room, "/") {
			return func(handler *chat.Handler, w http.ResponseWriter, r *http.Request) {
				handler.ServeMessages(w, r, name)
			}
		}
	}
	return nil
}

// forever is a timeout that nobody lives to see. Caddy takes 0 for at once.
const forever = 100 * 365 * 24 * time.Hour

// liftIdleTimeouts keeps Caddy from cutting a WebSocket over HTTP/2 or HTTP/3
// that has been silent for a minute, or is as old as a request may get: the
// engine's own pings watch over it. Nobody reads or writes yet.
func liftIdleTimeouts(r *http.Request) {
	if r.ProtoMajor < 2 {
		return
	}
	reader, writer := caddyhttp.IdleTimeoutsFromContext(r.Context())
	if reader != nil {
		reader.Deadline.HardDeadline = time.Time{}
		reader.Override(forever, 0)
	}
	if writer != nil {
		writer.Deadline.HardDeadline = time.Time{}
		writer.Override(forever, 0, 0)
	}
}

// placeholderRoom evaluates the configured room for a request. Where that comes
// to nothing the room is the lobby, unless the client asked for the empty name.
func (h *Handler) placeholderRoom(r *http.Request) string {
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	name := repl.ReplaceAll(h.Room, "")
	if q := r.URL.Query(); name == "" && (!q.Has("room") || q.Get("room") != "") {
		return chat.Lobby
	}
	return name
}

// clientIP is the client's address as Caddy knows it, behind trusted proxies
// too.
func clientIP(r *http.Request) netip.Addr {
	s, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{} // a Unix socket: all its clients count as one
	}
	return addr
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
