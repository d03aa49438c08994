package conformance_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// reference is a raw chat server just good enough to pass, and as bad as its
// flaw says. It shares no code with the kit, so that the two check each other.
type reference struct {
	flaw flaw

	mu      sync.Mutex // guards the rest, and every room
	closed  bool
	rooms   map[string]*refRoom
	members map[*refMember]bool
	serving sync.WaitGroup
}

type refRoom struct {
	members []*refMember
	history []string
	swapped *refMessage // held back by reordersMessages
	count   int
}

type refMessage struct {
	op   byte
	data []byte
	from *refMember
}

// refMember is one connection. Its outbox is written by a goroutine of its own.
type refMember struct {
	server *reference
	room   *refRoom
	conn   net.Conn
	in     *bufio.Reader

	outbox []byte // guarded by server.mu
	wake   chan struct{}
	done   chan struct{} // closed when no more will be put into outbox
}

const (
	refMax  = 64 << 10
	refPing = 200 * time.Millisecond // often, so that pings get between everything
)

func startReference(f flaw, secure bool) (*reference, *httptest.Server) {
	s := &reference{flaw: f, rooms: map[string]*refRoom{}, members: map[*refMember]bool{}}
	srv := httptest.NewUnstartedServer(s)
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	return s, srv
}

// close hangs up on everybody.
func (s *reference) close() {
	s.mu.Lock()
	s.closed = true
	for m := range s.members {
		m.conn.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *reference) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	history, status := s.judge(r)
	if status != 0 {
		if s.flaw != bareRefusals {
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Sec-WebSocket-Version", "13")
		}
		http.Error(w, "refused", status)
		return
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if s.flaw == wrongAccept {
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
	if s.flaw == losesEarlyBytes {
		in = bufio.NewReader(conn)
	}
	m := &refMember{server: s, conn: conn, in: in, wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.enter(m, roomOf(r), history)
}

func roomOf(r *http.Request) string {
	if q := r.URL.Query(); q.Has("room") {
		return q.Get("room")
	}
	return "lobby"
}

// judge returns how much history is wanted, or the status of a refusal.
func (s *reference) judge(r *http.Request) (history, status int) {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != http.MethodGet && s.flaw != upgradesAnything:
		return 0, http.StatusMethodNotAllowed
	case !asksForUpgrade(r) && s.flaw != upgradesAnything:
		return 0, http.StatusUpgradeRequired
	case r.Header.Get("Sec-WebSocket-Version") != "13" && s.flaw != anyVersion:
		return 0, http.StatusUpgradeRequired
	case (err != nil || len(key) != 16 || len(r.Header.Values("Sec-WebSocket-Key")) != 1) && s.flaw != anyKey:
		return 0, http.StatusBadRequest
	case (r.ContentLength != 0 || len(r.TransferEncoding) > 0) && s.flaw != takesBodies:
		return 0, http.StatusBadRequest
	case !s.allows(r):
		return 0, http.StatusForbidden
	case r.Header.Get("Sec-WebSocket-Protocol") != "" && s.flaw != anySubprotocol:
		return 0, http.StatusBadRequest
	case !goodRoom(roomOf(r)) && s.flaw != anyRoomName:
		return 0, http.StatusBadRequest
	}
	if q := r.URL.Query(); q.Has("history") {
		n, err := strconv.ParseUint(q.Get("history"), 10, 31)
		if err != nil && s.flaw != anyHistory {
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

func (s *reference) allows(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 || s.flaw == anyOrigin {
		return true
	}
	u, err := url.Parse(origins[0])
	same := err == nil && u.Host == r.Host
	wechat := origins[0] == "https://servicewechat.com" || origins[0] == "weapp://wechat-game-runtime"
	if s.flaw == originPrefix {
		same = strings.HasPrefix(origins[0], "http://"+r.Host)
		wechat = strings.HasPrefix(origins[0], "https://servicewechat.com")
	}
	return len(origins) == 1 && (same || wechat)
}

func goodRoom(name string) bool {
	return name != "" && len(name) <= 128 && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// enter makes m a member, with its history first.
func (s *reference) enter(m *refMember, room string, history int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		m.conn.Close()
		return
	}
	s.serving.Go(m.write)
	s.serving.Go(m.serve)
	if s.flaw == oneRoomForAll {
		room = "all"
	}
	r := s.rooms[room]
	if r == nil {
		r = new(refRoom)
		s.rooms[room] = r
	}
	m.room = r
	s.members[m] = true
	r.members = append(r.members, m)
	past := r.history[max(0, len(r.history)-history):]
	if s.flaw == historyBackwards {
		past = slices.Clone(past)
		slices.Reverse(past)
	}
	if s.flaw == historyUnasked && history == 0 && len(r.history) > 0 {
		past = r.history[len(r.history)-1:]
	}
	if s.flaw == historyShort && history > 0 && len(past) == history {
		past = past[1:]
	}
	for _, text := range past {
		m.putLocked(1, []byte(text))
	}
	if s.flaw == welcomesNewcomers {
		m.putLocked(1, []byte("welcome"))
	}
	if s.flaw == announcesMembers {
		s.relayLocked(r, refMessage{1, []byte("somebody came"), m})
	}
}

func (s *reference) exit(m *refMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.room.members = slices.DeleteFunc(m.room.members, func(o *refMember) bool { return o == m })
	if s.flaw == announcesLeaving {
		s.relayLocked(m.room, refMessage{1, []byte("somebody left"), m})
	}
	if s.flaw != neverHangsUp { // what nothing refers to is closed by the garbage collector
		delete(s.members, m)
	}
	close(m.done)
}

// say relays a message to the room of its sender.
func (s *reference) say(msg refMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := msg.from.room
	r.count++
	switch {
	case s.flaw == losesAMessage && r.count%50 == 0:
		return
	case s.flaw == doublesAMessage && r.count%50 == 0:
		s.relayLocked(r, msg)
	case s.flaw == dropsEmpty && len(msg.data) == 0:
		return
	case s.flaw == trimsText && msg.op == 1:
		msg.data = []byte(strings.TrimSpace(string(msg.data)))
	case s.flaw == binaryAsText && utf8.Valid(msg.data):
		msg.op = 1
	case s.flaw == reordersMessages && r.swapped == nil && r.count%40 == 0:
		r.swapped = &msg
		return
	}
	if msg.op == 1 || s.flaw == binaryInHistory {
		r.history = append(r.history, string(msg.data))
	}
	s.relayLocked(r, msg)
	if held := r.swapped; held != nil {
		r.swapped = nil
		s.relayLocked(r, *held)
	}
}

func (s *reference) relayLocked(r *refRoom, msg refMessage) {
	for i, m := range r.members {
		if m == msg.from && s.flaw != echoesToSender {
			continue
		}
		if s.flaw == forgetsOneMember && i%7 == 6 && r.count%50 == 0 {
			continue
		}
		m.putLocked(msg.op, msg.data)
	}
}

func (m *refMember) put(op byte, data []byte) {
	m.server.mu.Lock()
	defer m.server.mu.Unlock()
	m.putLocked(op, data)
}

func (m *refMember) putLocked(op byte, data []byte) {
	m.outbox = append(m.outbox, op|0x80)
	mask := byte(0)
	if m.server.flaw == masksItsFrames {
		mask = 0x80
	}
	switch n := len(data); {
	case n > 0xffff || m.server.flaw == longLengths:
		m.outbox = binary.BigEndian.AppendUint64(append(m.outbox, mask|127), uint64(n))
	case n > 125:
		m.outbox = binary.BigEndian.AppendUint16(append(m.outbox, mask|126), uint16(n))
	default:
		m.outbox = append(m.outbox, mask|byte(n))
	}
	m.outbox = append(m.outbox, make([]byte, mask>>5)...) // a masking key of zeros
	m.outbox = append(m.outbox, data...)
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// write empties the outbox into the socket, and closes it once the member has
// left.
func (m *refMember) write() {
	ping := time.NewTicker(refPing)
	defer ping.Stop()
	for leaving := false; ; {
		m.server.mu.Lock()
		b := m.outbox
		m.outbox = nil
		m.server.mu.Unlock()
		if len(b) > 0 {
			if _, err := m.conn.Write(b); err != nil {
				m.conn.Close()
			}
			continue
		}
		if leaving {
			m.hangUp()
			return
		}
		select {
		case <-m.wake:
		case <-ping.C:
			if m.server.flaw != neverPings {
				m.put(9, []byte("there?"))
			}
		case <-m.done:
			leaving = true
		}
	}
}

// hangUp reads what the client is still sending, for else the close frame may
// be lost with the connection's reset.
func (m *refMember) hangUp() {
	if m.server.flaw == neverHangsUp {
		return // close will
	}
	if half, ok := m.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = m.conn.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, m.conn)
	m.conn.Close()
}
