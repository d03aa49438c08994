package wsconn

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// HandshakeError is a handshake that must be refused. The caller answers with
// Status and Header.
type HandshakeError struct {
	Status int
	Header http.Header
	Reason string
}

func (e *HandshakeError) Error() string { return e.Reason }

// IsUpgrade reports whether r asks for a WebSocket at all, well or badly.
func IsUpgrade(r *http.Request) bool {
	return isStream(r) || hasToken(r.Header, "Upgrade", "websocket")
}

// isStream reports whether r asks for a WebSocket over a stream of HTTP/2 (RFC
// 8441) or HTTP/3 (RFC 9220), where it is a CONNECT without key and upgrade.
func isStream(r *http.Request) bool {
	return r.Method == http.MethodConnect &&
		(r.Proto == "websocket" || r.Header.Get(":protocol") == "websocket")
}

// Check returns a *HandshakeError that says what is wrong with r as an opening
// handshake (RFC 6455 section 4.2.1), or nil.
func Check(r *http.Request) error {
	if isStream(r) {
		if r.Header.Get("Sec-Websocket-Version") != "13" {
			return &HandshakeError{http.StatusBadRequest,
				http.Header{"Sec-Websocket-Version": {"13"}}, "WebSocket version 13 is needed"}
		}
		return nil
	}
	switch {
	case r.Method != http.MethodGet:
		return &HandshakeError{http.StatusMethodNotAllowed, http.Header{"Allow": {"GET"}},
			"a WebSocket handshake is a GET request"}
	case !r.ProtoAtLeast(1, 1) || !IsUpgrade(r) || !hasToken(r.Header, "Connection", "upgrade"):
		return upgradeRequired(r, "this is a WebSocket endpoint")
	case r.Header.Get("Sec-Websocket-Version") != "13":
		return upgradeRequired(r, "WebSocket version 13 is needed")
	case !validKey(r.Header.Values("Sec-Websocket-Key")):
		return badRequest("Sec-WebSocket-Key must be 16 bytes in base64")
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		// After it has read a body, net/http would set a deadline on the hijacked
		// socket again, or wait for the body.
		return badRequest("a WebSocket handshake has no body")
	}
	return nil
}

func upgradeRequired(r *http.Request, reason string) error {
	header := http.Header{"Sec-Websocket-Version": {"13"}}
	if r.ProtoMajor < 2 { // later ones have no such fields: clients give up an answer with them
		header["Upgrade"], header["Connection"] = []string{"websocket"}, []string{"Upgrade"}
	}
	return &HandshakeError{http.StatusUpgradeRequired, header, reason}
}

func badRequest(reason string) error {
	return &HandshakeError{http.StatusBadRequest, nil, reason}
}

func validKey(keys []string) bool {
	if len(keys) != 1 {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(keys[0])
	return err == nil && len(key) == 16
}

// hasToken reports whether a header that is a list of tokens holds one.
func hasToken(h http.Header, name, token string) bool {
	for _, t := range tokens(h, name) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// Subprotocols returns those that the client offers, in its order of preference.
func Subprotocols(r *http.Request) []string {
	return tokens(r.Header, "Sec-Websocket-Protocol")
}

func tokens(h http.Header, name string) []string {
	var list []string
	for _, line := range h.Values(name) {
		for t := range strings.SplitSeq(line, ",") {
			if t = strings.TrimSpace(t); t != "" {
				list = append(list, t)
			}
		}
	}
	return list
}

// Terms are what the server chose from the client's offers. Both may be empty.
type Terms struct {
	Subprotocol string
	Extensions  string // as AcceptDeflate returned it
}

// Accept answers a handshake for which Check returned nil and makes a connection
// of its socket. The answer goes through w, so that every wrapper of it learns the
// status and adds its headers. The socket comes from the innermost writer, so that
// no wrapper stays between it and the engine.
//
// The caller must Start the connection and Wait for it.
func (e *Engine) Accept(w http.ResponseWriter, r *http.Request, t Terms, h Handler) (*Conn, error) {
	if t.Subprotocol != "" {
		w.Header().Set("Sec-Websocket-Protocol", t.Subprotocol)
	}
	if t.Extensions != "" {
		w.Header().Set("Sec-Websocket-Extensions", t.Extensions)
	}
	if isStream(r) {
		return e.acceptStream(w, r, t, h)
	}
	nc, early, err := hijack(w, r)
	if err != nil {
		return nil, err
	}
	c, err := e.Attach(nc, t.Extensions != "", h)
	if err == nil && early != nil {
		c.partial = &assembler{early: early}
	}
	return c, err
}

// acceptStream answers an extended CONNECT (RFC 8441 section 5).
func (e *Engine) acceptStream(w http.ResponseWriter, r *http.Request, t Terms, h Handler) (*Conn, error) {
	w.WriteHeader(http.StatusOK)
	outer := http.NewResponseController(w)
	if err := outer.Flush(); err != nil {
		return nil, fmt.Errorf("answer the handshake: %w", err)
	}
	s, err := newStreamSocket(r.Body, innermost(w), outer)
	if err == nil && r.TLS != nil && r.ProtoMajor == 2 {
		s.little = littleTLS
	}
	if err != nil {
		return nil, err
	}
	return e.register(s, t.Extensions != "", h)
}

// hijack answers the handshake and takes the socket over from net/http. early is
// what the client has sent behind its request already.
func hijack(w http.ResponseWriter, r *http.Request) (nc net.Conn, early []byte, err error) {
	hijacker, ok := innermost(w).(http.Hijacker)
	if !ok {
		return nil, nil, &HandshakeError{http.StatusNotImplemented, nil, "this connection can't be upgraded"}
	}
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Sec-Websocket-Accept", acceptKey(r.Header.Get("Sec-Websocket-Key")))
	w.WriteHeader(http.StatusSwitchingProtocols)
	nc, brw, err := hijacker.Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over the socket: %w", err)
	}
	if n := brw.Reader.Buffered(); n > 0 {
		early = make([]byte, n)
		if _, err = brw.Read(early); err != nil {
			nc.Close()
			return nil, nil, fmt.Errorf("read what follows the handshake: %w", err)
		}
	}
	if err := nc.SetDeadline(time.Time{}); err != nil { // those of net/http no longer apply
		nc.Close()
		return nil, nil, fmt.Errorf("clear the deadlines of the handshake: %w", err)
	}
	return nc, early, nil
}

// innermost unwraps w as http.ResponseController does.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = u.Unwrap()
	}
}

// acceptKey returns the answer to a Sec-WebSocket-Key, which proves that the
// server understood the handshake (section 1.3).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
