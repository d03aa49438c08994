package chat

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// Handler lets clients into a hub over HTTP. It answers every request itself.
type Handler struct {
	// Hub is required.
	Hub *Hub
	// Origins says which web pages may connect. Validate it first.
	Origins Origins
	// Room returns the room that a raw client lands in. Default: the query
	// parameter "room", else "lobby".
	Room func(*http.Request) string
	// Auth finds out who clients are. Default: everybody is a guest, another one
	// with each connection.
	Auth Authenticator
	// ClientIP returns the client's address. Default: that of the connection.
	ClientIP func(*http.Request) netip.Addr
}

// ServeHTTP upgrades the request to a session, or says why not. It returns as
// soon as the session has begun, or, on HTTP/2 and HTTP/3, when it has ended.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h.serve(w, r)
	var no *refusal
	var unsound *wsconn.HandshakeError
	switch {
	case err == nil:
	case errors.As(err, &no):
		h.refuse(w, no)
	case errors.As(err, &unsound):
		h.refuse(w, &refusal{RefusedHandshake, *unsound})
	default:
		// The socket was taken over and is closed: nobody is left to tell.
		if c := h.Hub.log.Check(zap.DebugLevel, "session did not begin"); c != nil {
			c.Write(zap.Error(err))
		}
	}
}

func (h *Handler) refuse(w http.ResponseWriter, no *refusal) {
	h.Hub.counts.refused[no.why].Add(1)
	for name, values := range no.Header {
		w.Header()[name] = values
	}
	http.Error(w, no.Reason, no.Status)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	began := time.Now() // before anything is looked at that may change
	if err := wsconn.Check(r); err != nil {
		return err
	}
	if !h.Origins.Allow(r) {
		return refuse(RefusedOrigin, http.StatusForbidden, "this origin may not connect")
	}
	begin, err := h.dialect(r)
	if err != nil {
		return err
	}
	s := &Session{hub: h.Hub, id: newID(), addr: h.clientIP(r), began: began, holds: r.TLS != nil || r.ProtoMajor > 1, page: pageOf(r)}
	if err := h.Hub.admit(s.addr); err != nil {
		return err
	}
	if err := begin(s, w, r); err != nil {
		h.Hub.dismiss(s.addr)
		return err
	}
	return nil
}

// beginning answers a handshake and starts the session. From then on the session
// itself gives back what was admitted, in its end.
type beginning func(*Session, http.ResponseWriter, *http.Request) error

// dialect returns how to begin a session in the dialect that the client wants.
func (h *Handler) dialect(r *http.Request) (beginning, error) {
	offered := wsconn.Subprotocols(r)
	if slices.Contains(offered, Subprotocol) {
		return h.beginV1, nil
	}
	if len(offered) > 0 {
		return nil, refuse(RefusedProtocol, http.StatusBadRequest, "none of the offered subprotocols is spoken here")
	}
	room := h.room(r)
	if err := CheckRoom(room); err != nil {
		return nil, refuse(RefusedRoom, http.StatusBadRequest, err.Error())
	}
	history, err := historyWanted(r)
	return func(s *Session, w http.ResponseWriter, r *http.Request) error {
		return h.beginRaw(s, w, r, room, history)
	}, err
}

func refuse(why Refusal, status int, reason string) error {
	return &refusal{why, wsconn.HandshakeError{Status: status, Reason: reason}}
}

func (h *Handler) room(r *http.Request) string {
	if h.Room != nil {
		return h.Room(r)
	}
	return QueryRoom(r)
}

// Lobby is the room of those who don't say where they want to go.
const Lobby = "lobby"

// QueryRoom returns the query parameter "room", or Lobby where there is none.
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
		return netip.Addr{} // a Unix socket: all its clients count as one
	}
	return ap.Addr()
}

// historyWanted returns the query parameter "history": how many of the room's
// last messages a raw client wants, 0 to maxHistory.
func historyWanted(r *http.Request) (int, error) {
	q := r.URL.Query()
	if !q.Has("history") {
		return 0, nil
	}
	n, err := strconv.ParseUint(q.Get("history"), 10, 31)
	if err != nil {
		return 0, refuse(RefusedRoom, http.StatusBadRequest, "history must be a number from 0 to "+strconv.Itoa(maxHistory))
	}
	return min(int(n), maxHistory), nil
}

// beginRaw begins a session of the raw dialect.
func (h *Handler) beginRaw(s *Session, w http.ResponseWriter, r *http.Request, name string, history int) error {
	terms, dialect := h.terms(r, raw)
	talk := &rawTalk{session: s, member: member{session: s, dialect: dialect}}
	s.talk = talk
	if err := h.letIn(s, r, name); err != nil {
		return err
	}
	room, err := h.Hub.acquire(name, s.rights(name).MaxMembers)
	if err != nil {
		return busy(RefusedRooms, "the room is full, or can't be opened just now")
	}
	talk.member.room = room
	// It joins before the handshake is answered: whoever sees the answer has
	// joined, and misses nothing that is said from then on.
	room.do(func() { room.join(&talk.member) })
	if s.conn, err = h.Hub.engine.Accept(w, r, terms, s); err != nil {
		talk.end()
		return err
	}
	h.Hub.enter(s)
	var no *wire.Error
	if errors.As(s.settle(name), &no) {
		s.close(no.Code.Bye())
	}
	if err := talk.begin(r.Context(), history); err != nil {
		s.close(wire.Unavailable.Bye())
	}
	s.run(r, "raw")
	return nil
}

// letIn finds out who a raw client is, and refuses one who may not read the
// room. Of strangers nothing is kept: any number of them may come.
func (h *Handler) letIn(s *Session, r *http.Request, room string) error {
	token := handshakeToken(r)
	id, err := h.auth().Authenticate(r.Context(), Credential{token, r})
	if err != nil {
		return h.refuseUser(RefusedIdentity, err)
	}
	h.Hub.counts.known.Add(1)
	if token != "" || !id.User.Guest {
		s.identity.Store(id)
	}
	if err := h.Hub.sanctions.check(banned, id.User.ID, ""); err != nil {
		return h.refuseUser(RefusedForbidden, err)
	}
	if err := s.mayRead(room); err != nil {
		return h.refuseUser(RefusedForbidden, err)
	}
	return nil
}

// settle makes the user of a raw session known, and asks again whether they may be
// here: a ban during the handshake did not find the session.
func (s *Session) settle(room string) error {
	if id := s.identity.Load(); id != nil {
		if err := s.hub.enrol(s, id, ""); err != nil {
			return err
		}
	}
	return s.mayRead(room)
}

// refuseUser is a refusal for a reason that chat.v1 would tell in a frame.
func (h *Handler) refuseUser(why Refusal, err error) error {
	h.Hub.noteCause(err)
	var e *wire.Error
	switch {
	case errors.Is(err, ErrNoCredential):
		e = wire.BadToken.Error("")
	case !errors.As(err, &e):
		e = wire.Internal.Error("")
	}
	return refuse(why, e.Code.Status(), e.Message)
}

// beginV1 begins a session of chat.v1.
func (h *Handler) beginV1(s *Session, w http.ResponseWriter, r *http.Request) error {
	terms, dialect := h.terms(r, v1)
	terms.Subprotocol = Subprotocol
	talk := &conversation{session: s, dialect: dialect, auth: h.auth()}
	s.talk = talk
	err := h.Hub.greet()
	if err != nil {
		return err
	}
	if s.conn, err = h.Hub.engine.Accept(w, r, terms, s); err != nil {
		h.Hub.greeted()
		return err
	}
	h.Hub.enter(s)
	talk.tokened = handshakeToken(r) != ""
	talk.shown, talk.refused = talk.auth.Authenticate(r.Context(), Credential{handshakeToken(r), r})
	talk.awaitHello()
	s.run(r, Subprotocol)
	return nil
}

// terms returns what is agreed on in a handshake of the dialect.
func (h *Handler) terms(r *http.Request, d dialect) (wsconn.Terms, dialect) {
	var terms wsconn.Terms
	if h.Hub.settings().Compression {
		if terms.Extensions = wsconn.AcceptDeflate(r); terms.Extensions != "" {
			d |= deflated
		}
	}
	return terms, d
}

// run lets the connection be read. What is logged of the request is named as in
// Caddy's access log; its query is left out, for tokens may be there.
func (s *Session) run(r *http.Request, dialect string) {
	if c := s.hub.log.Check(zap.DebugLevel, "session opened"); c != nil {
		c.Write(zap.String("session", s.id), zap.String("dialect", dialect), zap.Stringer("client_ip", s.addr),
			zap.String("proto", r.Proto), zap.String("host", r.Host), zap.String("path", r.URL.Path))
	}
	s.conn.Start()
	s.conn.Wait()
}
