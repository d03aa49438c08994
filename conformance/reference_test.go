package conformance_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// reference is a raw chat server that passes all cases, unless fault is set. It
// shares no code with the package, so that each checks the other.
type reference struct {
	fault fault

	mu      sync.Mutex // guards the rest, every room and every outbox
	closed  bool
	rooms   map[string]*refRoom
	clients map[*refClient]bool
	serving sync.WaitGroup
}

type refRoom struct {
	clients []*refClient
	history []string
	delayed *refMessage // by reordersMessages, until the next message
	count   int
}

type refMessage struct {
	op   byte
	data []byte
	from *refClient
}

// refClient is one connection. Two goroutines serve it: one reads, the other
// writes the outbox.
type refClient struct {
	server *reference
	room   *refRoom
	conn   net.Conn
	in     *bufio.Reader

	outbox []byte // guarded by server.mu
	wake   chan struct{}
	done   chan struct{} // closed when nothing more will be put into outbox
}

const (
	refMax  = 64 << 10
	refPing = 200 * time.Millisecond // often, so that pings get between everything
)

func newReference(f fault) *reference {
	return &reference{fault: f, rooms: map[string]*refRoom{}, clients: map[*refClient]bool{}}
}

// close closes all connections and waits for their goroutines.
func (s *reference) close() {
	s.mu.Lock()
	s.closed = true
	for c := range s.clients {
		c.conn.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *reference) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	history, status := s.checkRequest(r)
	if status != 0 {
		if s.fault != bareRefusals {
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Sec-WebSocket-Version", "13")
		}
		http.Error(w, "refused", status)
		return
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if s.fault == wrongAccept {
		sum[0]++
	}
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(sum[:]))
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, brw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	in := brw.Reader
	if s.fault == losesEarlyBytes {
		in = bufio.NewReader(conn)
	}
	c := &refClient{server: s, conn: conn, in: in, wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.join(c, roomOf(r), history)
}

func roomOf(r *http.Request) string {
	if q := r.URL.Query(); q.Has("room") {
		return q.Get("room")
	}
	return "lobby"
}

// checkRequest returns the number of messages asked for, or the status of a
// refusal.
func (s *reference) checkRequest(r *http.Request) (history, status int) {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != http.MethodGet && s.fault != upgradesAnything:
		return 0, http.StatusMethodNotAllowed
	case !asksForUpgrade(r) && s.fault != upgradesAnything:
		return 0, http.StatusUpgradeRequired
	case r.Header.Get("Sec-WebSocket-Version") != "13" && s.fault != anyVersion:
		return 0, http.StatusUpgradeRequired
	case (err != nil || len(key) != 16 || len(r.Header.Values("Sec-WebSocket-Key")) != 1) && s.fault != anyKey:
		return 0, http.StatusBadRequest
	case (r.ContentLength != 0 || len(r.TransferEncoding) > 0) && s.fault != acceptsBodies:
		return 0, http.StatusBadRequest
	case !s.allowsOrigin(r):
		return 0, http.StatusForbidden
	case r.Header.Get("Sec-WebSocket-Protocol") != "" && s.fault != anySubprotocol:
		return 0, http.StatusBadRequest
	case !validRoom(roomOf(r)) && s.fault != anyRoomName:
		return 0, http.StatusBadRequest
	}
	if q := r.URL.Query(); q.Has("history") {
		n, err := strconv.ParseUint(q.Get("history"), 10, 31)
		if err != nil && s.fault != anyHistory {
			return 0, http.StatusBadRequest
		}
		return int(n), 0
	}
	return 0, 0
}

func asksForUpgrade(r *http.Request) bool {
	return r.ProtoAtLeast(1, 1) && headerHas(r, "Upgrade", "websocket") && headerHas(r, "Connection", "upgrade")
}

func headerHas(r *http.Request, name, token string) bool {
	for t := range strings.SplitSeq(strings.Join(r.Header.Values(name), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(t), token) {
			return true
		}
	}
	return false
}

func (s *reference) allowsOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 || s.fault == anyOrigin {
		return true
	}
	u, err := url.Parse(origins[0])
	same := err == nil && u.Host == r.Host
	wechat := origins[0] == "https://servicewechat.com" || origins[0] == "weapp://wechat-game-runtime"
	if s.fault == originPrefix {
		same = strings.HasPrefix(origins[0], "http://"+r.Host)
		wechat = strings.HasPrefix(origins[0], "https://servicewechat.com")
	}
	return len(origins) == 1 && (same || wechat)
}

func validRoom(name string) bool {
	return name != "" && len(name) <= 128 && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// join adds c to the room, and sends it the history first.
func (s *reference) join(c *refClient, room string, history int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.conn.Close()
		return
	}
	s.serving.Go(c.write)
	s.serving.Go(c.serve)
	if s.fault == oneRoomForAll {
		room = "all"
	}
	r := s.rooms[room]
	if r == nil {
		r = new(refRoom)
		s.rooms[room] = r
	}
	c.room = r
	s.clients[c] = true
	r.clients = append(r.clients, c)
	past := r.history[max(0, len(r.history)-history):]
	if s.fault == historyBackwards {
		past = slices.Clone(past)
		slices.Reverse(past)
	}
	if s.fault == historyUnasked && history == 0 && len(r.history) > 0 {
		past = r.history[len(r.history)-1:]
	}
	if s.fault == historyShort && history > 0 && len(past) == history {
		past = past[1:]
	}
	for _, text := range past {
		c.putLocked(1, []byte(text))
	}
	if s.fault == sendsWelcome {
		c.putLocked(1, []byte("welcome"))
	}
	if s.fault == announcesJoins {
		s.relayLocked(r, refMessage{1, []byte("somebody joined"), c})
	}
}

func (s *reference) leave(c *refClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.room.clients = slices.DeleteFunc(c.room.clients, func(o *refClient) bool { return o == c })
	if s.fault == announcesLeaves {
		s.relayLocked(c.room, refMessage{1, []byte("somebody left"), c})
	}
	close(c.done)
}

// publish relays a message to the room of its sender.
func (s *reference) publish(msg refMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := msg.from.room
	r.count++
	switch {
	case s.fault == losesMessages && r.count%50 == 0:
		return
	case s.fault == doublesMessages && r.count%50 == 0:
		s.relayLocked(r, msg)
	case s.fault == dropsEmpty && len(msg.data) == 0:
		return
	case s.fault == trimsText && msg.op == 1:
		msg.data = []byte(strings.TrimSpace(string(msg.data)))
	case s.fault == binaryAsText && utf8.Valid(msg.data):
		msg.op = 1
	case s.fault == reordersMessages && r.delayed == nil && r.count%40 == 0:
		r.delayed = &msg
		return
	}
	if msg.op == 1 || s.fault == binaryInHistory {
		r.history = append(r.history, string(msg.data))
	}
	s.relayLocked(r, msg)
	if held := r.delayed; held != nil {
		r.delayed = nil
		s.relayLocked(r, *held)
	}
}

func (s *reference) relayLocked(r *refRoom, msg refMessage) {
	for i, c := range r.clients {
		if c == msg.from && s.fault != echoesToSender {
			continue
		}
		if s.fault == skipsOneClient && i%7 == 6 && r.count%50 == 0 {
			continue
		}
		c.putLocked(msg.op, msg.data)
	}
}

func (c *refClient) put(op byte, data []byte) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.putLocked(op, data)
}

func (c *refClient) putLocked(op byte, data []byte) {
	c.outbox = append(c.outbox, op|0x80)
	mask := byte(0)
	if c.server.fault == masksItsFrames {
		mask = 0x80
	}
	switch n := len(data); {
	case n > 0xffff || c.server.fault == longLengths:
		c.outbox = binary.BigEndian.AppendUint64(append(c.outbox, mask|127), uint64(n))
	case n > 125:
		c.outbox = binary.BigEndian.AppendUint16(append(c.outbox, mask|126), uint16(n))
	default:
		c.outbox = append(c.outbox, mask|byte(n))
	}
	c.outbox = append(c.outbox, make([]byte, mask>>5)...) // a masking key of zeros
	c.outbox = append(c.outbox, data...)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends what is in the outbox. It ends the connection once the client has
// left the room.
func (c *refClient) write() {
	ping := time.NewTicker(refPing)
	defer ping.Stop()
	for leaving := false; ; {
		c.server.mu.Lock()
		b := c.outbox
		c.outbox = nil
		c.server.mu.Unlock()
		if len(b) > 0 {
			if _, err := c.conn.Write(b); err != nil {
				c.conn.Close()
			}
			continue
		}
		if leaving {
			c.endConnection()
			return
		}
		select {
		case <-c.wake:
		case <-ping.C:
			if c.server.fault != sendsNoPings {
				c.put(9, []byte("there?"))
			}
		case <-c.done:
			leaving = true
		}
	}
}

// endConnection closes the connection once the client has. If it closed earlier,
// with something unread, the close frame could be lost in a reset.
func (c *refClient) endConnection() {
	if c.server.fault == neverEndsConnection {
		return // reference.close will
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, c.conn)
	c.conn.Close()

	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	delete(c.server.clients, c)
}
