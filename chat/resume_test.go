package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
)

// TestResume_ExactlyOnce has clients whose connections break at random moments,
// in the middle of frames too, talk in one room. Each must end with every
// message that was acknowledged to anybody, once, in order and without a hole.
func TestResume_ExactlyOnce(t *testing.T) {
	for name, open := range journals {
		t.Run(name, func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			url, _ := serve(t, chat.Config{
				Journal:  open(t),
				Settings: chat.Settings{MaxPage: 7, MaxConnectionsPerIP: 10_000},
			}, &chat.Handler{Auth: testAuth{}})
			resume(t, url, seed)
		})
	}
}

func resume(t *testing.T, url string, seed uint64) {
	const clients, messages = 8, 60
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	list := make([]*traveller, clients)
	for i := range list {
		c := &traveller{url: url, id: i, left: messages, r: rand.New(rand.NewPCG(seed, uint64(i))), all: clients * messages}
		list[i] = c
		wg.Go(func() {
			for !c.done() && ctx.Err() == nil {
				c.live(ctx)
			}
		})
	}
	wg.Wait()
	lives := 0
	for _, c := range list {
		lives += c.lives
		if !c.done() {
			t.Errorf("client %d has %d of %d messages, and %d left to send", c.id, len(c.has), c.all, c.left+len(c.pending))
		}
		if c.fault != nil {
			t.Errorf("client %d: %v", c.id, c.fault)
		}
		if !slices.Equal(c.has, list[0].has) {
			t.Errorf("client %d has %v\nclient 0 has %v", c.id, c.has, list[0].has)
		}
		for key, seq := range c.acked {
			if seq > len(c.has) || c.has[seq-1] != key {
				t.Errorf("client %d: %s was acknowledged as %d, where it is not", c.id, key, seq)
			}
		}
	}
	t.Logf("%d connections", lives)
	if lives < 3*clients {
		t.Errorf("only %d connections: too few were broken for this to prove anything", lives)
	}
}

// traveller is a client as PROTOCOL.md demands it, whose connections are bad.
type traveller struct {
	url  string
	id   int
	r    *rand.Rand
	left int // messages it has not begun to send
	all  int // that it must have in the end

	lives   int
	epoch   string
	has     []string       // keys, in order; the first one is number 1
	pending []string       // keys that were not acknowledged
	acked   map[string]int // numbers, by key
	online  bool
	fault   error
}

func (c *traveller) done() bool {
	return c.fault != nil || c.left == 0 && len(c.pending) == 0 && len(c.has) == c.all
}

// frame is whatever the server says, as far as a traveller cares.
type frame struct {
	Type      string
	Room      string
	Epoch     string
	ID        string
	Code      string
	Key       string
	Seq       int
	Entries   []frame
	Rooms     []frame
	More, Gap bool
}

// live is one connection, from hello to its end.
func (c *traveller) live(ctx context.Context) {
	c.lives++
	c.online = false
	conn, err := c.dial(ctx)
	if err != nil {
		return // broken already
	}
	defer conn.CloseNow()
	place := `{"room":"r"`
	if c.epoch != "" {
		place += fmt.Sprintf(`,"epoch":%q,"after":%d`, c.epoch, len(c.has))
	}
	if c.write(ctx, conn, fmt.Sprintf(`{"type":"hello","token":"guest-%d","device":"d","rooms":[%s}]}`, c.id, place)) != nil {
		return
	}
	for !c.done() {
		_, p, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var f frame
		if err := json.Unmarshal(p, &f); err != nil {
			c.fault = err
			return
		}
		if err := c.expect(ctx, conn, f); err != nil {
			return
		}
	}
}

func (c *traveller) write(ctx context.Context, conn *websocket.Conn, frame string) error {
	return conn.Write(ctx, websocket.MessageText, []byte(frame))
}

func (c *traveller) expect(ctx context.Context, conn *websocket.Conn, f frame) error {
	switch f.Type {
	case "welcome":
		if err := c.enter(ctx, conn, f.Rooms[0]); err != nil {
			return err
		}
		for _, key := range c.pending { // what got no answer, again
			if err := c.send(ctx, conn, key); err != nil {
				return err
			}
		}
	case "joined":
		if err := c.enter(ctx, conn, f); err != nil {
			return err
		}
	case "message":
		if c.online { // else it reads what comes before, and this with it
			c.take(f)
		}
	case "ok":
		c.acknowledge(f)
	case "error", "bye":
		c.fault = fmt.Errorf("was told %s %s", f.Type, f.Code)
		return c.fault
	}
	for c.online && c.left > 0 && len(c.pending) < 3 && (len(c.pending) == 0 || c.r.IntN(3) > 0) {
		key := fmt.Sprintf("%d-%d", c.id, c.left)
		c.left--
		c.pending = append(c.pending, key)
		if err := c.send(ctx, conn, key); err != nil {
			return err
		}
	}
	return nil
}

func (c *traveller) enter(ctx context.Context, conn *websocket.Conn, room frame) error {
	if room.Gap || c.epoch != "" && room.Epoch != c.epoch {
		c.fault = errors.New("was told of a gap")
		return c.fault
	}
	if c.epoch == "" && len(room.Entries) > 0 {
		// It came too late for the beginning; it reads it from there.
		room.Entries, room.More = nil, true
	}
	c.epoch = room.Epoch
	for _, e := range room.Entries {
		c.take(e)
	}
	if room.More {
		return c.write(ctx, conn, fmt.Sprintf(`{"type":"join","room":"r","epoch":%q,"after":%d}`, c.epoch, len(c.has)))
	}
	c.online = true
	return nil
}

// take takes an entry in, which must be the next one: the server promises it.
func (c *traveller) take(e frame) {
	if e.Seq != len(c.has)+1 && c.fault == nil {
		c.fault = fmt.Errorf("got number %d after %d", e.Seq, len(c.has))
		return
	}
	c.has = append(c.has, e.Key)
}

func (c *traveller) acknowledge(f frame) {
	if c.acked == nil {
		c.acked = map[string]int{}
	}
	c.acked[f.ID] = f.Seq
	for i, key := range c.pending {
		if key == f.ID {
			c.pending = append(c.pending[:i:i], c.pending[i+1:]...)
			break
		}
	}
}

func (c *traveller) send(ctx context.Context, conn *websocket.Conn, key string) error {
	return c.write(ctx, conn, fmt.Sprintf(`{"type":"send","id":%q,"room":"r","key":%q,"body":{"text":%q}}`, key, key, key))
}

// dial connects over a socket that breaks after some bytes.
func (c *traveller) dial(ctx context.Context) (*websocket.Conn, error) {
	d := func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		b := &brittle{Conn: nc, reset: c.r.IntN(2) == 0}
		b.in.Store(int64(300 + c.r.IntN(8000)))
		b.out.Store(int64(300 + c.r.IntN(3000)))
		return b, nil
	}
	conn, _, err := websocket.Dial(ctx, c.url, &websocket.DialOptions{
		Subprotocols: []string{chat.Subprotocol},
		HTTPClient:   &http.Client{Transport: &http.Transport{DialContext: d, DisableKeepAlives: true}},
	})
	if err == nil {
		conn.SetReadLimit(1 << 20)
	}
	return conn, err
}

// brittle is a socket that breaks when it has carried so many bytes.
type brittle struct {
	net.Conn
	in, out atomic.Int64 // bytes left
	reset   bool
}

func (b *brittle) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if left := b.in.Add(-int64(n)); left < 0 {
		b.snap()
	}
	return n, err
}

func (b *brittle) Write(p []byte) (int, error) {
	if left := b.out.Add(-int64(len(p))); left < 0 {
		b.Conn.Write(p[:max(0, len(p)+int(left))]) // the rest is lost
		b.snap()
		return 0, net.ErrClosed
	}
	return b.Conn.Write(p)
}

func (b *brittle) snap() {
	if tcp, ok := b.Conn.(*net.TCPConn); ok && b.reset {
		tcp.SetLinger(0)
	}
	b.Conn.Close()
}
