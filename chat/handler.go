package chat

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"go.uber.org/zap"

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
	if err := wsconn.Check(r); err != nil {
		return err
	}
	if !h.Origins.Allow(r) {
		return refuse(RefusedOrigin, http.StatusForbidden, "this origin may not connect")
	}
	if len(wsconn.Subprotocols(r)) > 0 {
		return refuse(RefusedProtocol, http.StatusBadRequest, "none of the offered subprotocols is spoken here")
	}
	room := h.room(r)
	if err := CheckRoom(room); err != nil {
		return refuse(RefusedRoom, http.StatusBadRequest, err.Error())
	}
	history, err := historyWanted(r)
	if err != nil {
		return err
	}
	addr := h.clientIP(r)
	if err := h.Hub.admit(addr); err != nil {
		return err
	}
	if err := h.begin(w, r, room, history, addr); err != nil {
		h.Hub.dismiss(addr)
		return err
	}
	return nil
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

// begin answers the handshake and starts the session. From then on the session
// itself gives back what was admitted, acquired and registered, in its end.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, name string, history int, addr netip.Addr) error {
	room, err := h.Hub.acquire(name)
	if err != nil {
		return busy(RefusedClosing, "rooms can't be opened just now")
	}
	var terms wsconn.Terms
	dialect := raw
	if h.Hub.settings().Compression {
		if terms.Extensions = wsconn.AcceptDeflate(r); terms.Extensions != "" {
			dialect |= deflated
		}
	}
	s := &Session{hub: h.Hub, id: newID(), addr: addr, began: time.Now()}
	talk := &rawTalk{session: s, member: member{session: s, room: room, dialect: dialect}}
	s.talk = talk
	// It joins before the handshake is answered: whoever sees the answer has
	// joined, and misses nothing that is said from then on.
	room.change(join, &talk.member, 0)
	if s.conn, err = h.Hub.engine.Accept(w, r, terms, s); err != nil {
		talk.end()
		return err
	}
	h.Hub.enter(s)
	if err := talk.begin(r.Context(), history); err != nil {
		s.close(closeUnavailable)
	}
	if c := h.Hub.log.Check(zap.DebugLevel, "session opened"); c != nil {
		c.Write(zap.String("session", s.id), zap.Stringer("client", addr))
	}
	s.conn.Start()
	s.conn.Wait()
	return nil
}
