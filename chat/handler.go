package chat

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/chatv1"
	"github.com/caddychat/caddy-chat/chat/internal/httpapi"
	"github.com/caddychat/caddy-chat/chat/internal/rawdialect"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/slots"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// Handler lets clients into a hub over HTTP. It answers every request itself.
type Handler struct {
	// Hub is required.
	Hub *Hub
	// Origins says which web pages may connect. They must be valid: see
	// access.Origins.Validate.
	Origins access.Origins
	// Room returns the room of a raw client. Default: the query parameter "room",
	// or else "lobby".
	Room func(*http.Request) string
	// Auth finds out who clients are. Default: everybody is a new guest with
	// each connection.
	Auth access.Authenticator
	// ClientIP returns the client's address. Default: that of the connection.
	ClientIP func(*http.Request) netip.Addr
	// Compression compresses messages for clients that offer it
	// (permessage-deflate, RFC 7692; each message by itself). It saves bandwidth
	// and costs CPU. Messages below 256 bytes are not compressed. Default off.
	Compression bool
	// Tokens gives the tokens that keys ask for, which Auth must accept. Default: keys get
	// none.
	Tokens Tokens
	// Leaving ends when the web server that calls the handler shuts down: requests that
	// wait for events are answered then. Without it they hold up the shutdown, for a
	// minute at most, or until Hub.Leave.
	Leaving context.Context
	// Hint is told, after the reason, to requests that are no handshakes.
	Hint string
}

// Tokens gives tokens to users.
type Tokens = httpapi.Tokens

// Subprotocol is the name of the dialect that PROTOCOL.md describes.
const Subprotocol = chatv1.Subprotocol

// ServeHTTP upgrades the request to a session, or says why not. Over HTTP/1.1 it
// returns as soon as the session has begun; over HTTP/2 and HTTP/3, when it has
// ended.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h.serve(w, r)
	var no *handshakeRefusal
	var invalid *wsconn.HandshakeError
	var internal *wire.Error
	switch {
	case err == nil:
	case errors.As(err, &no):
		h.refuse(w, r, no)
	case errors.As(err, &invalid):
		h.refuse(w, r, &handshakeRefusal{RefusedHandshake, *invalid})
	case errors.As(err, &internal):
		h.refuse(w, r, &handshakeRefusal{RefusedHandshake, wsconn.HandshakeError{Status: internal.Code.Status(), Reason: internal.Message}})
	default:
		// The socket was taken over and is closed: nobody is left to tell.
		if c := h.Hub.log.Check(zap.DebugLevel, "session did not begin"); c != nil {
			c.Write(zap.Error(err))
		}
	}
}

// Attend is the function Attend for a request that ends with the hub. The other methods call
// it themselves.
func (h *Handler) Attend(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter, *http.Request)) {
	Attend(w, r, h.Hub.leaving, serve)
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, no *handshakeRefusal) {
	h.Hub.counts.refused[no.why].Add(1)
	for name, values := range no.Header {
		w.Header()[name] = values
	}
	h.Origins.Share(w.Header(), r)
	h.Attend(w, r, func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(requestTimeout))
		http.Error(w, no.Reason, no.Status)
		_ = control.Flush()
		_ = control.SetWriteDeadline(time.Time{})
	})
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	began := time.Now() // before anything is checked that may change
	begin, speaksRaw, err := h.wanted(r)
	if err != nil {
		if tooFast := h.Hub.core.Arrive(h.clientIP(r)); tooFast != nil {
			return refuseConnection(tooFast)
		}
		return err
	}
	if h.Hub.cutOff.Load() {
		return busy(RefusedClosing, http.StatusServiceUnavailable, "this server cannot reach its database")
	}
	s := h.newSession(r)
	t, err := h.Hub.core.Connect(&s.Actor, newID(), h.clientIP(r), speaksRaw)
	if err != nil {
		return refuseConnection(err)
	}
	s.began = began
	return h.carry(s, func() error { return begin(s, t, w, r) })
}

// wanted returns how to begin the session that a handshake asks for, and whether it is
// raw. What it refuses is not charged yet.
func (h *Handler) wanted(r *http.Request) (begin beginning, isRaw bool, err error) {
	if err := h.checkHandshake(r); err != nil {
		return nil, false, err
	}
	if !validQuery(r) {
		return nil, false, refuse(RefusedHandshake, http.StatusBadRequest, "the query of the URL "+queryHelp)
	}
	if h.mayConnect(r) != nil {
		return nil, false, refuse(RefusedOrigin, http.StatusForbidden, "this origin may not connect")
	}
	return h.dialect(r)
}

func (h *Handler) newSession(r *http.Request) *session {
	return &session{
		hub:        &h.Hub.base,
		pinsConfig: r.TLS != nil || r.ProtoMajor > 1,
		source:     access.SourceOf(r),
	}
}

// carry calls begin. A session gives back all that it has when its connection ends.
// One that has none by the time, or has not begun, ends here, whatever has happened.
func (h *Handler) carry(s *session, begin func() error) (err error) {
	// While the session has its slot: Close waits for the workers once all are given back.
	h.Hub.workers.Add(1)
	defer h.Hub.workers.Done()
	err = errBeginGone // unless begin returns
	defer func() {
		if s.conn == nil {
			s.end()
		} else if !s.started {
			s.conn.Abandon(err)
		}
	}()
	defer h.contain(&err)
	err = begin()
	return err
}

var errBeginGone = errors.New("the goroutine ended while the session began")

// contain is deferred around what may call somebody else's code, such as a journal: a
// panic is logged, and an error like others.
func (h *Handler) contain(err *error) {
	if v := recover(); v != nil {
		h.Hub.logPanic(v, debug.Stack())
		*err = wire.Internal.Error("")
	}
}

// checkHandshake returns an error if the request is not a WebSocket handshake, or may
// be one that an attacker sends again: it takes a slot and joins a room.
func (h *Handler) checkHandshake(r *http.Request) error {
	check := r
	if r.Method == http.MethodHead { // is answered like GET, which is no handshake either
		check = r.Clone(r.Context())
		check.Method = http.MethodGet
		check.Header.Del("Upgrade")
	}
	err := wsconn.Check(check)
	var no *wsconn.HandshakeError
	if errors.As(err, &no) {
		switch {
		case no.Status == http.StatusMethodNotAllowed:
			no.Header.Set("Allow", "GET, HEAD")
		case no.Status == http.StatusUpgradeRequired && h.Hint != "":
			no.Reason += "; " + h.Hint
		}
	}
	if err == nil && r.ProtoMajor == 1 && r.ContentLength != 0 { // its bytes would count as frames
		err = refuse(RefusedHandshake, http.StatusBadRequest, "a handshake has no body")
	}
	if err == nil && isEarly(r) {
		err = refuse(RefusedHandshake, http.StatusTooEarly, tooEarly)
	}
	return err
}

// isEarly reports whether a request may have come as early data of TLS 1.3, which an
// attacker can send again (RFC 8470). If a proxy in front took it, the header says so,
// whatever its value is (section 5.1). A client that lies there only harms itself.
func isEarly(r *http.Request) bool {
	return len(r.Header.Values("Early-Data")) > 0 || r.TLS != nil && !r.TLS.HandshakeComplete
}

const tooEarly = "send this again when the TLS handshake is complete"

// mayConnect returns an error if the page that made the request may not connect.
func (h *Handler) mayConnect(r *http.Request) error {
	if h.Origins.Allow(r) {
		return nil
	}
	if h.Origins.LacksPort(r) {
		h.Hub.warnOfPort()
	}
	return wire.Forbidden.Error("")
}

func newID() string { return rand.Text() }

// validQuery reports whether a query can be decoded, and has each of our parameters once
// at most. Every door asks this first, since the rest reads the query without looking for
// errors: a parameter that cannot be decoded must not count as absent.
func validQuery(r *http.Request) bool {
	q, err := url.ParseQuery(r.URL.RawQuery)
	for _, name := range []string{"room", "history", "token", "before", "after", "limit", "as"} {
		if len(q[name]) > 1 {
			return false
		}
	}
	return err == nil
}

// queryHelp is told to those whose query cannot be decoded. It does not repeat the
// query, because it may have a token.
const queryHelp = "is not valid: percent-encode its values, and give each parameter once"

// refuseConnection says why a connection gets no slot.
func refuseConnection(err error) error {
	switch {
	case errors.Is(err, slots.ErrClosing):
		return busy(RefusedClosing, http.StatusServiceUnavailable, "the server is shutting down")
	case errors.Is(err, slots.ErrFull):
		return busy(RefusedFull, http.StatusServiceUnavailable, "too many connections")
	case errors.Is(err, slots.ErrFullByNetwork):
		return busy(RefusedFull, http.StatusServiceUnavailable, "too many connections from your network")
	case errors.Is(err, slots.ErrFullByAddr):
		return busy(RefusedFullByAddr, http.StatusServiceUnavailable, "too many connections from your address")
	}
	return busy(RefusedAttempts, http.StatusTooManyRequests, "too many connection attempts from your address")
}

// handshakeRefusal is a handshake that was refused, and why.
type handshakeRefusal struct {
	why Refusal
	wsconn.HandshakeError
}

func refuse(why Refusal, status int, reason string) error {
	return &handshakeRefusal{why, wsconn.HandshakeError{Status: status, Reason: reason}}
}

// busy refuses a handshake that may succeed later.
func busy(why Refusal, status int, reason string) error {
	return &handshakeRefusal{why, wsconn.HandshakeError{
		Status: status,
		Header: http.Header{"Retry-After": {retryAfter}},
		Reason: reason,
	}}
}

// retryAfter is in how many seconds a refused client may try again.
const retryAfter = "10"

// beginning answers a handshake and starts the session. Once the session has
// started, the session gives back the slot.
type beginning func(*session, acts.Turn, http.ResponseWriter, *http.Request) error

// dialect returns how to begin a session of the dialect that the client wants, and
// whether that is raw.
func (h *Handler) dialect(r *http.Request) (begin beginning, isRaw bool, err error) {
	offered := wsconn.Subprotocols(r)
	if slices.Contains(offered, Subprotocol) {
		return h.beginV1, false, nil
	}
	if len(offered) > 0 {
		return nil, false, refuse(RefusedProtocol, http.StatusBadRequest, "none of the offered subprotocols is spoken here")
	}
	name := h.room(r)
	if err := journal.CheckRoom(name); err != nil {
		return nil, true, refuse(RefusedRoom, http.StatusBadRequest, err.Error())
	}
	history, err := wantedHistory(r)
	return func(s *session, t acts.Turn, w http.ResponseWriter, r *http.Request) error {
		return h.beginRaw(s, t, w, r, name, history)
	}, true, err
}

func (h *Handler) room(r *http.Request) string {
	if h.Room != nil {
		return h.Room(r)
	}
	return QueryRoom(r)
}

// Lobby is the room of raw clients that name no room.
const Lobby = "lobby"

// QueryRoom returns the query parameter "room", or Lobby if there is none.
func QueryRoom(r *http.Request) string {
	q := r.URL.Query()
	if q.Has("room") {
		return q.Get("room")
	}
	return Lobby
}

func (h *Handler) clientIP(r *http.Request) netip.Addr {
	if h.ClientIP != nil {
		return h.ClientIP(r)
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a Unix socket: all its clients count as one address
	}
	return ap.Addr()
}

// wantedHistory returns the query parameter "history": how many of the room's last
// messages a raw client wants. More than rawdialect.MaxHistory count as that.
func wantedHistory(r *http.Request) (int, error) {
	q := r.URL.Query()
	if !q.Has("history") {
		return 0, nil
	}
	n, err := strconv.ParseUint(q.Get("history"), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, refuse(RefusedRoom, http.StatusBadRequest, "history must be a number, 0 or more")
	}
	return int(min(n, rawdialect.MaxHistory)), nil
}

// beginRaw begins a session of the raw dialect.
func (h *Handler) beginRaw(s *session, t acts.Turn, w http.ResponseWriter, r *http.Request, name string, history int) error {
	shown := access.Credential{Token: access.HandshakeToken(r), Request: r}
	err := t.SignInRaw(r.Context(), h.auth(), shown)
	if err != nil {
		return h.refuseUser(RefusedIdentity, err)
	}
	h.Hub.counts.known.Add(1)
	terms, enc := h.terms(r, room.Raw)
	// The session joins before the handshake is answered: a client that sees the
	// answer misses nothing that is said from then on.
	var arrival room.Arrival
	if s.rawSub, arrival, err = t.Join(t.Soon(), s, name, acts.Asked{}, enc, 0); err != nil {
		return h.refuseRoom(err)
	}
	if _, err := arrival.Wait(t.Soon()); err != nil {
		return h.refuseRoom(err)
	}
	raw := rawdialect.NewSession(s, &s.Actor, s.rawSub)
	s.dialect = raw
	expires := s.Expires()
	if !expires.IsZero() {
		s.expiry = time.AfterFunc(math.MaxInt64, func() { s.Close(wire.Expired) }) // runs once there is a connection
	}
	if s.conn, err = h.Hub.engine.Accept(w, r, terms, s); err != nil {
		return err
	}
	h.register(s, r)
	if s.expiry != nil {
		s.expiry.Reset(time.Until(expires)) // also while the client takes its history
	}
	var no *wire.Error
	if errors.As(t.Confirm(name), &no) {
		s.Close(no.Code)
	}
	if history > 0 {
		if err := s.conn.StartWriting(); err != nil {
			return err
		}
	}
	if err := raw.Begin(t, history, s.rawSub.Joined()); err != nil {
		s.Close(wire.Unavailable)
	}
	h.run(s)
	return nil
}

// refuseRoom refuses a raw client that may not join the room.
func (h *Handler) refuseRoom(err error) error {
	var e *wire.Error
	if errors.As(err, &e) && e.Code != wire.RoomFull && e.Code != wire.Unavailable {
		return h.refuseUser(RefusedForbidden, err)
	}
	return busy(RefusedRooms, http.StatusServiceUnavailable, "the room is full, or can't be opened just now")
}

// refuseUser refuses a handshake for a reason that chat.v1 would tell in a frame.
func (h *Handler) refuseUser(why Refusal, err error) error {
	h.Hub.core.LogCause(err)
	var e *wire.Error
	if !errors.As(err, &e) {
		e = wire.Internal.Error("")
	}
	return refuse(why, e.Code.Status(), e.Message)
}

// beginV1 begins a session of chat.v1.
func (h *Handler) beginV1(s *session, t acts.Turn, w http.ResponseWriter, r *http.Request) error {
	terms, enc := h.terms(r, room.V1)
	terms.Subprotocol = Subprotocol
	host := &v1Host{session: s, registry: &h.Hub.registry}
	v1 := chatv1.NewSession(host, &s.Actor, enc)
	s.dialect = v1
	var err error
	if s.conn, err = h.Hub.engine.Accept(w, r, terms, s); err != nil {
		return err
	}
	h.register(s, r)
	for _, ended := range h.Hub.greeting.enter(s, h.Hub.settings().MaxGreeting) {
		h.Hub.counts.refused[RefusedGreeting].Add(1)
		ended.Close(wire.HelloTimeout)
	}
	host.signIn = t.NewSignIn(h.auth(), r)
	v1.AwaitHello()
	h.run(s)
	return nil
}

func (h *Handler) auth() access.Authenticator {
	if h.Auth != nil {
		return h.Auth
	}
	return everybodyIsAGuest{}
}

// everybodyIsAGuest is the Authenticator of a Handler that has none. Its guests
// cannot come back as the same user.
type everybodyIsAGuest struct{}

func (everybodyIsAGuest) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	if c.Token != "" {
		return nil, wire.BadToken.Error("")
	}
	return &access.Identity{User: journal.User{ID: "guest-" + newID(), Guest: true}}, nil
}

// terms returns what the answer to a handshake agrees on, and the encoding that
// follows from it.
func (h *Handler) terms(r *http.Request, enc room.Encoding) (wsconn.Terms, room.Encoding) {
	var terms wsconn.Terms
	if h.Compression {
		if terms.Extensions = wsconn.AcceptDeflate(r); terms.Extensions != "" {
			enc |= room.Deflated
		}
	}
	return terms, enc
}

// register makes the session known. What is logged of the request has the names of
// Caddy's access log. The query is not logged, because it may have a token.
func (h *Handler) register(s *session, r *http.Request) {
	h.Hub.counts.opened.Add(1)
	h.Hub.register(s)
	if c := h.Hub.log.Check(zap.DebugLevel, "session opened"); c != nil {
		dialect := Subprotocol
		if s.IsRaw() {
			dialect = "raw"
		}
		c.Write(zap.String("session", s.ID()), zap.String("dialect", dialect), zap.Stringer("client_ip", s.Addr()),
			zap.String("proto", r.Proto), zap.String("host", r.Host), zap.String("path", r.URL.Path))
	}
}

// run lets the connection be read.
func (h *Handler) run(s *session) {
	s.started = true
	s.conn.Start()
	s.conn.Wait()
}
