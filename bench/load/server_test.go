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

// testServer broadcasts within rooms and never waits for a receiver. It makes
// faults if tamper or misroute is set.
type testServer struct {
	echo bool
	// tamper returns what is sent to a receiver instead of a frame. Receivers
	// and the deliveries to each are counted from 0, over all rooms.
	tamper func(receiver, delivery int, frame []byte) [][]byte
	// misroute returns the room that receives a message.
	misroute func(room string) string
	// slice is the length of a write, less than that of a frame. 0: no limit.
	slice int

	mu     sync.Mutex
	rooms  map[string][]*testClient
	joined int
}

type testClient struct {
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
	// Before the answer, so that clients that connect one by one are numbered in
	// this order.
	room := r.URL.Query().Get("room")
	c := s.join(room)
	defer c.close()
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Sec-WebSocket-Accept", accept(r.Header.Get("Sec-WebSocket-Key")))
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	go c.write(conn, s.slice)
	s.serve(room, c, brw.Reader)
}

func (s *testServer) join(room string) *testClient {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &testClient{number: s.joined}
	c.more = sync.NewCond(&c.mu)
	s.joined++
	if s.rooms == nil {
		s.rooms = map[string][]*testClient{}
	}
	s.rooms[room] = append(s.rooms[room], c)
	return c
}

func (s *testServer) serve(room string, from *testClient, br *bufio.Reader) {
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

func (s *testServer) broadcast(room string, from *testClient, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.misroute != nil {
		room = s.misroute(room)
	}
	for _, c := range s.rooms[room] {
		if c == from && !s.echo {
			continue
		}
		frames := [][]byte{frame}
		if s.tamper != nil {
			frames = s.tamper(c.number, c.deliveries, frame)
		}
		c.deliveries++
		c.add(frames)
	}
}

// deliveriesTo returns how many messages the client of that number was sent.
func (s *testServer) deliveriesTo(number int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, clients := range s.rooms {
		for _, c := range clients {
			if c.number == number {
				return c.deliveries
			}
		}
	}
	return 0
}

func (c *testClient) add(frames [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, frames...)
	c.more.Signal()
}

func (c *testClient) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.more.Signal()
}

// write sends all queued frames in one write. A nil frame closes the connection.
func (c *testClient) write(conn net.Conn, slice int) {
	defer conn.Close()
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && !c.closed {
			c.more.Wait()
		}
		queue := c.queue
		c.queue = nil
		closed := c.closed
		c.mu.Unlock()
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
			time.Sleep(100 * time.Microsecond) // or the kernel would join the slices again
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

// start starts the server until the end of the test.
func (s *testServer) start(t *testing.T) Target {
	hs := httptest.NewServer(s)
	t.Cleanup(hs.Close)
	return s.target(hs)
}

func (s *testServer) startTLS(t *testing.T) Target {
	hs := httptest.NewUnstartedServer(s)
	hs.Config.ErrorLog = log.New(io.Discard, "", 0) // clients end connections within the handshake
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
