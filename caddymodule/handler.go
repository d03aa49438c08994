package caddymodule

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/routes"
	"github.com/caddychat/caddy-chat/caddymodule/internal/secrets"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
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

	// Which web pages may connect beside those of the site's own host and of WeChat, as
	// patterns like `https://example.com` or `https://*.example.com`. Default: none.
	// Clients that send no Origin are not web pages, and always may connect. `*` stands for
	// a part of the host's name, `*.` at its beginning for any subdomains, and a port may be
	// `*`. A pattern that matches sites of anybody, such as `https://*.com`, is refused.
	//
	// The pattern `*` is DANGEROUS: any web site in the world can then connect with
	// the cookies of the person who visits it, and act as that person.
	Origins []string `json:"origins,omitempty"`

	// Whether clients that offer permessage-deflate receive compressed messages.
	// Each message is compressed separately. This saves bandwidth and costs CPU.
	// Default: false.
	Compression bool `json:"compression,omitempty"`

	// How clients are authenticated. The first method that a client's credential is
	// for decides. Default: `guest`.
	AuthRaw []json.RawMessage `json:"auth,omitempty" caddy:"namespace=chat.auth inline_key=method"`

	// Whether a browser that visits the path is shown a page to chat on. It also
	// serves `<path>/ui/chat.js`, which defines the element `<caddy-chat>` for pages
	// of the site. Default: false.
	UI bool `json:"ui,omitempty"`

	// The address where the users of the built-in page sign in: an http or https URL, or a
	// path of the site. The page shows a link to it to those whom the server does not let in
	// without a token. It comes back to the page with `#token=` and the token.
	SignIn string `json:"sign_in,omitempty"`

	// The hub that holds the rooms: 1 to 64 letters, digits and `-_.`, not beginning
	// with a dot. Handlers that name the same hub share its rooms, its journal and its
	// settings, whatever site they belong to. Default: `default`.
	Hub string `json:"hub,omitempty"`

	// The settings of the hub, unless another handler or the app `chat` has them: one
	// place has all settings of a hub.
	HubSettings

	// Where the Caddyfile has the directive: file and line. The Caddyfile adapter writes it,
	// and errors about the handler have it.
	At string `json:"at,omitempty"`

	// Set by Provision.
	auth     authMethods
	issuer   *identity.Issuer
	identify identity.First // the issuer, and then auth
	lease    *lease
	trusting *sync.Once      // warns that clients choose their address; nil if they can't
	leaving  context.Context // ends when the server shuts down; nil without one
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
	err := h.provision(ctx)
	if err != nil && h.At != "" && (h.SettingsAt == "" || !strings.Contains(err.Error(), h.SettingsAt)) {
		err = fmt.Errorf("%w, at %s", err, h.At)
	}
	return err
}

func (h *Handler) provision(ctx caddy.Context) error {
	if h.Path == "" {
		h.Path = "/chat"
	}
	h.Hub = h.hubName()
	if err := h.validate(); err != nil {
		return err
	}
	if err := h.checkRoutes(ctx); err != nil {
		return err
	}
	loaded, err := ctx.App("chat")
	if err != nil {
		return err
	}
	app, place := loaded.(*App), "the handler of "+h.Path
	srv, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if srv != nil {
		place = app.handlerPlace(srv.Name(), h.Path)
	}
	if h.auth, err = h.loadAuth(ctx); err != nil {
		return fmt.Errorf("chat: auth: %w", err)
	}
	h.eachDoubt(routes.Of(ctx), func(why string) { ctx.Logger(h).Warn(why, zap.String("path", h.Path)) })
	h.issuer = identity.NewIssuer(secrets.Stored{Storage: ctx.Storage(), Log: ctx.Logger()}, h.Hub)
	h.identify = append(identity.First{h.issuer}, h.auth.inOrder...)
	if h.lease, err = app.acquire(h.Hub); err != nil {
		return err
	}
	if !h.HubSettings.isZero() {
		place = cmp.Or(h.SettingsAt, place)
		set, err := h.HubSettings.provision(ctx, place)
		if err != nil {
			return fmt.Errorf("chat: %s: %w", place, err)
		}
		if err := app.configure(h.lease, set); err != nil {
			return err
		}
	}
	h.lease.serve(h.Origins, h.auth)
	if srv != nil {
		srv.RegisterOnShutdown(h.lease.leaveOnExit)
		var leave context.CancelFunc
		h.leaving, leave = context.WithCancel(context.Background())
		srv.RegisterOnShutdown(leave)
		if srv.TrustedProxiesStrict == 0 {
			h.trusting = new(sync.Once)
		}
	}
	return nil
}

func (h *Handler) hubName() string { return cmp.Or(h.Hub, "default") }

// checkPath returns an error for a path that no request can have.
func checkPath(path string) error {
	switch {
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("path %q does not begin with /", path)
	case strings.ContainsAny(path, "*?#%{}"):
		return fmt.Errorf("path %q must be a plain path, without *, ?, #, %% or braces: the chat serves what is below it, too", path)
	case strings.Contains(path, "\\"):
		return fmt.Errorf("path %q has a backslash, for which browsers send a slash", path)
	case strings.Contains(path, "//"):
		return fmt.Errorf("path %q has two slashes in a row", path)
	case strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../"):
		return fmt.Errorf("path %q has a part . or .., which clients never send", path)
	}
	return nil
}

// checkRoom returns an error for an option room that gives no client a room.
func (h *Handler) checkRoom() error {
	if strings.Count(h.Room, "{") != strings.Count(h.Room, "}") {
		return fmt.Errorf("room %q has a brace without its other: placeholders are like {query.room}", h.Room)
	}
	if journal.IsReserved(h.Room) {
		return fmt.Errorf("room %q: rooms whose names begin with @ belong to the server", h.Room)
	}
	if h.Room == "" || strings.Contains(h.Room, "{") {
		return nil // the name depends on the request
	}
	if err := journal.CheckRoom(h.Room); err != nil {
		return fmt.Errorf("room %q: %w", h.Room, err)
	}
	return nil
}

// checkRoutes returns an error if the routes before this handler leave it nothing to
// serve, and warns if they leave it its path alone.
func (h *Handler) checkRoutes(ctx caddy.Context) error {
	place := routes.Of(ctx)
	for _, prefix := range place.Stripped() {
		if strings.HasPrefix(h.Path+"/", strings.TrimSuffix(prefix, "/")+"/") {
			return fmt.Errorf("chat: %s is removed from the path before the chat sees it (by handle_path or uri strip_prefix), "+
				"so it never serves %s: use handle %s* instead", prefix, h.Path, h.Path)
		}
	}
	paths := place.Chats()
	for _, before := range place.Before() {
		if other, ok := before.(*Handler); ok {
			paths = append(paths, other.Path)
		}
	}
	same := 0
	for _, path := range paths {
		path = cmp.Or(path, "/chat")
		if strings.TrimSuffix(path, "/") == strings.TrimSuffix(h.Path, "/") {
			same++
		}
		for outer, inner := range map[string]string{path: h.Path, h.Path: path} {
			if isServedBelow(outer, inner) {
				return fmt.Errorf("chat: %s is a path at which the chat of %s answers requests itself, so one takes away what is meant for the other: "+
					"give one of them another path", inner, outer)
			}
		}
	}
	if same > 1 {
		return fmt.Errorf("chat: two handlers of the chat stand one behind the other and serve %s, so the second never gets a request: "+
			"remove one, or give one another path or a matcher", h.Path)
	}
	if why := place.Bar(h.Path); why != "" {
		return fmt.Errorf("chat: it never gets a request for %s: %s; put it into a handle %s* of its own", h.Path, why, h.Path)
	}
	return nil
}

// eachDoubt calls f with what is rarely meant of the handler in its place.
func (h *Handler) eachDoubt(place routes.Place, f func(why string)) {
	if !place.Reaches(h.Path) {
		f("a matcher lets only requests for the chat's own path through, so its messages over HTTP, its login and the files of its page can't be reached: " +
			"match what is below the path, too, such as handle /chat*")
	}
	if !place.TakesWebSockets() {
		f("a matcher lets neither GET nor CONNECT through, so no client can connect to the chat")
	}
	_, names := parseID(h.Room)
	for _, name := range names {
		if !place.MaySet(name) {
			f("room has the placeholder {" + name + "}, which nothing sets, so all clients of the raw dialect are refused; is it mistyped?")
		}
	}
	for _, method := range h.auth.inOrder {
		if caddy, ok := method.(*CaddyAuth); ok && caddy.needsLogin() && !place.MaySet("http.auth.user.id") {
			f("auth caddy takes the user whom a handler has authenticated, and nothing before it authenticates anybody: add basic_auth, or another id")
		}
	}
}

// isServedBelow reports whether the chat of the path outer has requests at another path.
func isServedBelow(outer, inner string) bool {
	rest, below := cutPath(inner, strings.TrimSuffix(outer, "/"))
	rest = strings.TrimSuffix(rest, "/")
	return below && (rest == "/health" || rest == "/login" || chat.HasRequest(rest))
}

// loadAuth loads the methods of authentication.
func (h *Handler) loadAuth(ctx caddy.Context) (authMethods, error) {
	if len(h.AuthRaw) == 0 {
		return defaultAuthMethods(ctx)
	}
	if err := values.CheckTwice("methods", h.AuthRaw); err != nil {
		return authMethods{}, err
	}
	loaded, err := ctx.LoadModule(h, "AuthRaw")
	if err != nil {
		return authMethods{}, err
	}
	return newAuthMethods(loaded.([]any))
}

// validate returns an error for settings that make no sense.
func (h *Handler) validate() error {
	if err := checkPath(h.Path); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	if err := checkHubName(h.Hub); err != nil {
		return err
	}
	if err := cmp.Or(h.checkRoom(), values.CheckVariables(h.Room)); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	if err := validateSignIn(h.SignIn, h.UI); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	if err := access.Origins(h.Origins).Validate(); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	return bounds.Check(h)
}

// ServeHTTP serves the requests that route knows, and passes all others on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	serve := h.route(r)
	if serve == nil {
		return next.ServeHTTP(w, r)
	}
	hub, err := h.hub()
	if err != nil {
		access.Origins(h.Origins).Share(w.Header(), r)
		chat.Attend(w, r, h.leaving, func(w http.ResponseWriter, _ *http.Request) { serveClosed(w, err) })
		return nil
	}
	h.warnOfProxy(r)
	handler := &chat.Handler{
		Hub: hub, Origins: h.Origins, Auth: h.identify, Tokens: h.issuer, ClientIP: clientIP, Compression: h.Compression, Leaving: h.leaving,
	}
	if h.Room != "" {
		handler.Room = h.roomOf
	}
	if h.UI {
		handler.Hint = "a browser is shown a page to chat on here"
	}
	serve(handler, w, r)
	return nil
}

// warnOfProxy warns once if the first address that a client has written into a header
// counts as its own: most proxies append to what the client sent.
func (h *Handler) warnOfProxy(r *http.Request) {
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted && h.trusting != nil {
		h.trusting.Do(func() {
			h.lease.logger.Warn("clients can choose the address that counts for them: " +
				"add trusted_proxies_strict beside trusted_proxies in the global option servers")
		})
	}
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
	path, below := cutPath(r.URL.EscapedPath(), strings.TrimSuffix(h.Path, "/"))
	switch {
	case !below:
		return nil
	case path == "/" && h.UI && isPageVisit(r):
		return attended(func(handler *chat.Handler, w http.ResponseWriter, r *http.Request) {
			servePage(handler, w, r, h.SignIn)
		})
	case path == "/":
		liftIdleTimeouts(r)
		return (*chat.Handler).ServeHTTP
	case path == "/health":
		return (*chat.Handler).ServeHealth
	case path == "/login" && (h.auth.login != nil || r.Method == http.MethodOptions): // a page may read that there is none
		return func(handler *chat.Handler, w http.ResponseWriter, r *http.Request) {
			handler.ServeLogin(w, r, h.auth.login)
		}
	case path == "/login":
		return serveNothing("no method of auth that this site has gives tokens at login")
	}
	if name, ok := strings.CutPrefix(path, "/ui/"); ok && h.UI && assets[name].name != "" {
		return attended(func(handler *chat.Handler, w http.ResponseWriter, r *http.Request) { serveAsset(handler, w, r, name) })
	}
	if !chat.HasRequest(path) {
		return nil
	}
	return func(handler *chat.Handler, w http.ResponseWriter, r *http.Request) { handler.ServeRequest(w, r, path) }
}

// serveNothing answers requests for a path that only the chat could have.
func serveNothing(reason string) func(*chat.Handler, http.ResponseWriter, *http.Request) {
	return attended(func(handler *chat.Handler, w http.ResponseWriter, r *http.Request) {
		e := wire.NotFound.Error("")
		e.Message = reason
		handler.Refuse(w, r, e)
	})
}

// attended bounds what chat.Handler does not serve itself.
func attended(serve func(*chat.Handler, http.ResponseWriter, *http.Request)) func(*chat.Handler, http.ResponseWriter, *http.Request) {
	return func(handler *chat.Handler, w http.ResponseWriter, r *http.Request) {
		handler.Attend(w, r, func(w http.ResponseWriter, r *http.Request) { serve(handler, w, r) })
	}
}

// cutPath returns what follows base in the escaped path of a request, from a slash on.
// It compares what the path means: several slashes are one, as in Caddy's matchers, and
// a character may be escaped or not. below is false if the path is not base or below it.
func cutPath(path, base string) (rest string, below bool) {
	for ; base != ""; base = base[1:] {
		if base[0] == '/' {
			if !strings.HasPrefix(path, "/") {
				return "", false
			}
			path = "/" + strings.TrimLeft(path, "/")
		} else if unescaped, err := url.PathUnescape(path[:min(3, len(path))]); err == nil && strings.HasPrefix(path, "%") {
			path = unescaped + path[3:]
		}
		if path == "" || path[0] != base[0] {
			return "", false
		}
		path = path[1:]
	}
	rest = "/" + strings.TrimLeft(path, "/")
	return rest, path == "" || path[0] == '/'
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
// the lobby, unless the client itself asked for the empty name, which is refused. So is every
// client if nobody defines a placeholder: all of them would meet in the lobby.
func (h *Handler) roomOf(r *http.Request) string {
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	name, err := repl.ReplaceOrErr(h.Room, false, true)
	if err != nil {
		h.lease.hub.log.Error("clients of the raw dialect are refused: the option room has a placeholder that nothing defines", zap.String("room", h.Room), zap.Error(err))
		return ""
	}
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
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
