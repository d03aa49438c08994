package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/wire"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler is a chat server below one path of a site. WebSocket clients that connect
// to the path join rooms and receive what others send there. All other requests are
// passed to the next handler.
//
// Connections stay open after their request and over reloads of the configuration.
// Clients of all sites that name the same hub are in the same rooms.
type Handler struct {
	// The path to serve. Default: `/chat`.
	Path string `json:"path,omitempty"`

	// The room of clients that can't choose one: those of the raw dialect. May
	// contain placeholders; if the result is empty, the room is `lobby`. A room name
	// has 1 to 128 bytes of UTF-8 without control characters; other names are refused
	// with status 400. Default: `{http.request.uri.query.room}`.
	Room string `json:"room,omitempty"`

	// The largest message that a client may send, in bytes, all its fragments
	// together. A larger one ends the connection with close code 1009. Default: 65536.
	MaxMessage int64 `json:"max_message,omitempty"`

	// The most connections in all. More are refused with status 503 and Retry-After.
	// Default: 50000.
	MaxConnections int `json:"max_connections,omitempty"`

	// The most connections from one IP address, or from one /64 of IPv6. Behind a
	// proxy this is the client's address if `trusted_proxies` is set. Default: 100.
	MaxConnectionsPerIP int `json:"max_connections_per_ip,omitempty"`

	// A client that has been silent for this long is sent a ping. After twice as
	// long its connection is closed. Default: 25s.
	PingInterval caddy.Duration `json:"ping_interval,omitempty"`

	// Which web pages may connect, as patterns like `https://example.com` or
	// `https://*.example.com`. Default: pages of the site's own host and of WeChat.
	// Clients that send no Origin are not web pages, and always may connect.
	//
	// The pattern `*` is DANGEROUS: any web site in the world can then connect with
	// the cookies of the person who visits it, and act as that person.
	Origins []string `json:"origins,omitempty"`

	// Whether clients that offer permessage-deflate receive compressed messages.
	// Each message is compressed separately. This saves bandwidth and costs CPU.
	// Default: false.
	Compression bool `json:"compression,omitempty"`

	// More limits.
	Limits Limits `json:"limits,omitzero"`

	// How clients are authenticated. The first method that a client's credential is
	// for decides. Default: `guest`.
	AuthRaw []json.RawMessage `json:"auth,omitempty" caddy:"namespace=chat.auth inline_key=method"`

	// Who may do what in which room. Default: everybody may read and write.
	Policies []Policy `json:"policies,omitempty"`

	// Whether a browser that visits the path is shown a page to chat on. It also
	// serves `<path>/ui/chat.js`, which defines the element `<caddy-chat>` for pages
	// of the site. Default: false.
	UI bool `json:"ui,omitempty"`

	// The hub that holds the rooms: 1 to 64 letters, digits and `-_.`, not beginning
	// with a dot. Handlers that name the same hub share its rooms and its journal,
	// whatever site they belong to; the settings of the last one apply. Default:
	// `default`.
	Hub string `json:"hub,omitempty"`

	// Where the rooms are recorded. Default: `pebble`, on this machine's disk.
	JournalRaw json.RawMessage `json:"journal,omitempty" caddy:"namespace=chat.journals inline_key=engine"`

	// Set by Provision.
	login chat.Login
	lease *lease // nil if Provision failed
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.chat",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision acquires the hub. It does not start it: see App.
func (h *Handler) Provision(ctx caddy.Context) error {
	if h.Path == "" {
		h.Path = "/chat"
	}
	if h.Hub == "" {
		h.Hub = "default"
	}
	if err := h.validate(); err != nil {
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
	auth, err := h.loadAuth(ctx)
	if err != nil {
		return fmt.Errorf("chat: auth: %w", err)
	}
	settings, err := h.settings()
	if err != nil {
		return err
	}
	l := &lease{ctx: ctx, settings: settings, origins: h.Origins, auth: auth, engine: engine, logger: ctx.Logger()}
	if err := app.(*App).acquire(h.Hub, l); err != nil {
		return err
	}
	h.lease, h.login = l, auth.login
	if srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		srv.RegisterOnShutdown(h.lease.leaveOnExit)
	}
	return nil
}

// engine loads the engine of the journal.
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
		return nil, fmt.Errorf("chat: journal: module %T does not implement caddymodule.Engine", module)
	}
	return engine, nil
}

// loadAuth loads the methods of authentication.
func (h *Handler) loadAuth(ctx caddy.Context) (authMethods, error) {
	if len(h.AuthRaw) == 0 {
		return defaultAuthMethods(ctx)
	}
	loaded, err := ctx.LoadModule(h, "AuthRaw")
	if err != nil {
		return authMethods{}, err
	}
	return newAuthMethods(loaded.([]any))
}

// hubName matches the names of hubs. A name is also that of a directory.
var hubName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$`)

// validate returns an error for settings that make no sense.
func (h *Handler) validate() error {
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
	if err := h.Limits.validate(); err != nil {
		return err
	}
	if err := access.Origins(h.Origins).Validate(); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	return nil
}

// settings converts the configuration to the settings of the hub.
func (h *Handler) settings() (chat.Settings, error) {
	s := chat.Settings{
		MaxMessage:          int(h.MaxMessage),
		MaxConnections:      h.MaxConnections,
		MaxConnectionsPerIP: h.MaxConnectionsPerIP,
		PingInterval:        time.Duration(h.PingInterval),
		Compression:         h.Compression,
	}
	h.Limits.applyTo(&s)
	var err error
	s.Policies, err = toPolicies(h.Policies)
	return s, err
}

// Cleanup releases the hub. Requests of this configuration may still be under way.
func (h *Handler) Cleanup() error {
	if h.lease == nil {
		return nil // Caddy calls Cleanup after a failed Provision, too
	}
	return h.lease.release()
}

// ServeHTTP serves the requests that route knows, and passes all others on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	serve := h.route(r)
	if serve == nil {
		return next.ServeHTTP(w, r)
	}
	hub, err := h.hub()
	if err != nil {
		serveClosed(w, err)
		return nil
	}
	handler := &chat.Handler{Hub: hub, Origins: h.Origins, Auth: h.lease.auth.inOrder, ClientIP: clientIP}
	if h.Room != "" {
		handler.Room = h.roomOf
	}
	serve(handler, w, r)
	return nil
}

// hub returns the hub, or why it is closed. A request may come before App.Start: then
// hub starts it.
func (h *Handler) hub() (*chat.Hub, error) {
	if err := h.lease.ready(); err != nil {
		return nil, err
	}
	return h.lease.hub.state.Load().Hub()
}

// serveClosed answers a request of whatever kind while the hub is closed.
func serveClosed(w http.ResponseWriter, closed error) {
	e := wire.Unavailable.Error("")
	e.Message, e.Retry = inWords(closed), max(retryInterval, time.Second)
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Retry-After", e.RetryAfter())
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(e.AppendProblem(nil, http.StatusServiceUnavailable)) // a client that has gone needs no answer
}

// route returns the function that serves the request's path, or nil if the path is
// not one of the chat's.
func (h *Handler) route(r *http.Request) func(*chat.Handler, http.ResponseWriter, *http.Request) {
	path, below := strings.CutPrefix(r.URL.EscapedPath(), strings.TrimSuffix(h.Path, "/"))
	switch {
	case !below:
		return nil
	case (path == "" || path == "/") && h.UI && isPageVisit(r):
		return func(_ *chat.Handler, w http.ResponseWriter, r *http.Request) { servePage(w, r) }
	case path == "" || path == "/":
		liftIdleTimeouts(r)
		return (*chat.Handler).ServeHTTP
	}
	if name, ok := strings.CutPrefix(path, "/ui/"); ok && h.UI && assets[name].content != nil {
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
	// Slashes in a room's name are escaped, so the name is one segment of the path.
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

// forever stands for no timeout. Caddy would take 0 to mean at once.
const forever = 100 * 365 * 24 * time.Hour

// liftIdleTimeouts removes Caddy's timeouts of requests from a WebSocket over HTTP/2
// or HTTP/3. Caddy would end it when it has been silent for a minute or is older than
// a request may be; the hub's own pings find dead connections. It must be called
// before anything is read or written.
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

// roomOf evaluates the option room for a request. If the result is empty, the room is
// the lobby, unless the client itself asked for the empty name, which is refused.
func (h *Handler) roomOf(r *http.Request) string {
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	name := repl.ReplaceAll(h.Room, "")
	if q := r.URL.Query(); name == "" && (!q.Has("room") || q.Get("room") != "") {
		return chat.Lobby
	}
	return name
}

// clientIP returns the client's address, also behind a proxy that Caddy trusts.
func clientIP(r *http.Request) netip.Addr {
	s, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{} // of a Unix socket: all its clients count as one address
	}
	return addr
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
