//go:build linux

package load

import (
	"bufio"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// testServer broadcasts within rooms and never waits for a receiver. tamper, if
// set, makes it a bad one.
type testServer struct {
	echo bool
	// tamper returns what is sent to a receiver instead of a frame. Receivers
	// and the deliveries to each are counted from 0, over all rooms.
	tamper func(receiver, delivery int, frame []byte) [][]byte
	// misroute, if set, returns the room where a message goes.
	misroute func(room string) string
	// slice makes writes so short that every frame is cut.
	slice int

	mu      sync.Mutex
	rooms   map[string][]*testMember
	members int
}

type testMember struct {
	number, deliveries int
	mu                 sync.Mutex
	more               *sync.Cond
	queue              [][]byte
	closed             bool
}

func (s *testServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		io.WriteString(w, "a small file")
		return
	}
	// Before the answer, so that clients who come one by one are counted in order.
	room := r.URL.Query().Get("room")
	m := s.join(room)
	defer m.close()
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Sec-WebSocket-Accept", accept(r.Header.Get("Sec-WebSocket-Key")))
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	go m.write(conn, s.slice)
	s.serve(room, m, brw.Reader)
}

func (s *testServer) join(room string) *testMember {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &testMember{number: s.members}
	m.more = sync.NewCond(&m.mu)
	s.members++
	if s.rooms == nil {
		s.rooms = map[string][]*testMember{}
	}
	s.rooms[room] = append(s.rooms[room], m)
	return m
}

func (s *testServer) serve(room string, from *testMember, br *bufio.Reader) {
	for {
		opcode, payload, err := readMasked(br)
		if err != nil {
			return
		}
		if opcode == opText {
			s.broadcast(room, from, unmaskedFrame(payload))
		}
	}
}

func (s *testServer) broadcast(room string, from *testMember, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.misroute != nil {
		room = s.misroute(room)
	}
	for _, m := range s.rooms[room] {
		if m == from && !s.echo {
			continue
		}
		frames := [][]byte{frame}
		if s.tamper != nil {
			frames = s.tamper(m.number, m.deliveries, frame)
		}
		m.deliveries++
		m.add(frames)
	}
}

func (m *testMember) add(frames [][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, frames...)
	m.more.Signal()
}

func (m *testMember) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.more.Signal()
}

// write sends all that waits at once. A nil frame closes the connection.
func (m *testMember) write(conn net.Conn, slice int) {
	defer conn.Close()
	for {
		m.mu.Lock()
		for len(m.queue) == 0 && !m.closed {
			m.more.Wait()
		}
		queue := m.queue
		m.queue = nil
		closed := m.closed
		m.mu.Unlock()
		if closed {
			return
		}
		var all []byte
		for _, f := range queue {
			if f == nil {
				return
			}
			all = append(all, f...)
		}
		for slice > 0 && len(all) > slice {
			conn.Write(all[:slice])
			all = all[slice:]
			time.Sleep(100 * time.Microsecond)
		}
		if _, err := conn.Write(all); err != nil {
			return
		}
	}
}

func readMasked(br *bufio.Reader) (opcode byte, payload []byte, err error) {
	header := make([]byte, 2)
	if _, err := io.ReadFull(br, header); err != nil {
		return 0, nil, err
	}
	length := int(header[1] & 0x7f)
	if length == 126 {
		extended := make([]byte, 2)
		if _, err := io.ReadFull(br, extended); err != nil {
			return 0, nil, err
		}
		length = int(binary.BigEndian.Uint16(extended))
	}
	body := make([]byte, 4+length)
	if _, err := io.ReadFull(br, body); err != nil {
		return 0, nil, err
	}
	for i := range body[4:] {
		body[4+i] ^= body[i&3]
	}
	return header[0] & 0x0f, body[4:], nil
}

func unmaskedFrame(payload []byte) []byte {
	frame := []byte{0x80 | opText}
	if len(payload) < 126 {
		frame = append(frame, byte(len(payload)))
	} else {
		frame = append(frame, 126)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
	}
	return append(frame, payload...)
}

// start serves and returns the target for it.
func (s *testServer) start(t *testing.T) Target {
	hs := httptest.NewServer(s)
	t.Cleanup(hs.Close)
	return s.target(hs)
}

func (s *testServer) startTLS(t *testing.T) Target {
	hs := httptest.NewUnstartedServer(s)
	hs.Config.ErrorLog = log.New(io.Discard, "", 0) // clients come and go mid-handshake
	hs.StartTLS()
	t.Cleanup(hs.Close)
	return s.target(hs)
}

func (s *testServer) target(hs *httptest.Server) Target {
	return Target{
		Name:    "test",
		URL:     "ws" + strings.TrimPrefix(hs.URL, "http") + "/?room={room}",
		FileURL: hs.URL + "/file",
		Echo:    s.echo,
		PIDs:    []int{os.Getpid()},
	}
}
