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
	return hasToken(r.Header, "Upgrade", "websocket")
}

// Check returns a *HandshakeError if r is not a sound opening handshake (RFC
// 6455 section 4.2.1), else nil.
func Check(r *http.Request) error {
	switch {
	case r.Method != http.MethodGet:
		return &HandshakeError{http.StatusMethodNotAllowed, http.Header{"Allow": {"GET"}},
			"a WebSocket handshake is a GET request"}
	case !r.ProtoAtLeast(1, 1) || !IsUpgrade(r) || !hasToken(r.Header, "Connection", "upgrade"):
		return upgradeRequired("this is a WebSocket endpoint")
	case r.Header.Get("Sec-Websocket-Version") != "13":
		return upgradeRequired("WebSocket version 13 is needed")
	case !validKey(r.Header.Values("Sec-Websocket-Key")):
		return badRequest("Sec-WebSocket-Key must be 16 bytes in base64")
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		// net/http would re-arm a deadline on the hijacked socket once it had
		// read the body, or wait for it.
		return badRequest("a WebSocket handshake has no body")
	}
	return nil
}

func upgradeRequired(reason string) error {
	return &HandshakeError{http.StatusUpgradeRequired, http.Header{
		"Upgrade":               {"websocket"},
		"Connection":            {"Upgrade"},
		"Sec-Websocket-Version": {"13"},
	}, reason}
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

// Subprotocols returns those that the client offers, most wanted first.
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

// Hijack answers the handshake that Check found sound and takes the socket over.
// The 101 goes through w, so that every wrapper of it learns the status and adds
// its headers; the socket comes from the innermost writer, so that no wrapper
// stays between it and us. subprotocol may be empty. early is what the client
// has already sent behind the handshake.
func Hijack(w http.ResponseWriter, r *http.Request, subprotocol string) (nc net.Conn, early []byte, err error) {
	hijacker, ok := innermost(w).(http.Hijacker)
	if !ok {
		return nil, nil, &HandshakeError{http.StatusNotImplemented, nil, "this HTTP version carries no WebSocket here"}
	}
	h := w.Header()
	h.Set("Upgrade", "websocket")
	h.Set("Connection", "Upgrade")
	h.Set("Sec-Websocket-Accept", acceptKey(r.Header.Get("Sec-Websocket-Key")))
	if subprotocol != "" {
		h.Set("Sec-Websocket-Protocol", subprotocol)
	}
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
	if err := nc.SetDeadline(time.Time{}); err != nil { // net/http's own no longer apply
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

// acceptKey proves that the handshake was understood (section 1.3).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
