package chat_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// attack is what an attacker does to a server, what it must be answered, and what
// it may cost in memory while it lasts.
type attack struct {
	set   chat.Settings
	bound int64 // bytes
	do    func(t *testing.T, url string)
}

// own is what a journal may take for itself, whatever anybody does: for pebble the
// cache of the newest entries, and what is being written.
var own = map[string]int64{"pebble": 6 << 20}

// slack is what a server's heap may grow by for reasons of its own.
const slack = 4 << 20

// deaf makes connections for which the kernel keeps little of what is not read. Otherwise it keeps 32 MB, and no outbox fills.
var deaf = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		err = c.(*net.TCPConn).SetReadBuffer(4096)
	}
	return c, err
}}}

var attacks = map[string]attack{
	// Each newcomer ends an older one. None costs more than an idle socket.
	"a flood of connections that say nothing": {chat.Settings{MaxGreeting: 10, HelloTimeout: time.Hour, MaxConnectionsPerIP: 1000}, slack, func(t *testing.T, url string) {
		ended := make(chan string)
		for range 210 {
			c, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: []string{chat.Subprotocol}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			go func() {
				_, p, _ := c.Read(t.Context())
				select {
				case ended <- string(p):
				case <-t.Context().Done():
				}
			}()
		}
		for range 200 {
			if p := <-ended; !strings.Contains(p, "hello_timeout") {
				t.Fatalf("read %s", p)
			}
		}
	}},
	"a flood of hellos": {chat.Settings{SessionRate: access.Rate{PerSecond: 1, Burst: 10}}, slack, func(t *testing.T, url string) {
		c := dialV1(t, url).hello("")
		for range 9 {
			c.send(`{"type":"hello","id":"x"}`)
			c.expect(`{"type":"error","id":"x","code":"already_hello","…":"…"}`)
		}
		for range 200 {
			if c.conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"hello","id":"x"}`)) != nil {
				break
			}
		}
		for frame := range c.frames {
			if !strings.Contains(frame, `"code":"too_fast"`) {
				t.Errorf("received %s", frame)
			}
		}
		if websocket.CloseStatus(c.end) != 4003 {
			t.Errorf("ended by %v", c.end)
		}
	}},
	// A room's name is a part of the request, which must not stay with it.
	"long requests for short names": {chat.Settings{MaxConnectionsPerIP: 1000}, 12 << 20, func(t *testing.T, url string) {
		for i := range 160 {
			c, _, err := websocket.Dial(t.Context(), fmt.Sprintf("%s?room=%d&%s", url, i, strings.Repeat("x", 256<<10)), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
		}
	}},
	"frames before hello": {chat.Settings{}, slack, func(t *testing.T, url string) {
		c := dialV1(t, url)
		for range 1000 {
			c.send(`{"type":"join","id":"1","room":"a"}`)
			c.expect(`{"type":"error","id":"1","code":"no_hello","…":"…"}`)
		}
	}},
	"giant and nested JSON": {chat.Settings{}, slack, func(t *testing.T, url string) {
		c := dialV1(t, url).hello("")
		for _, frame := range []string{
			`{"type":"send","id":"1","room":"r","body":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `}`,
			`{"type":"send","id":"1","room":"r","body":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000) + `}`,
			`{"type":"send","id":"1","room":"r","body":` + strings.Repeat("9", 60_000) + `}`,
			`{"type":"send","id":"1","room":"r","body":1e999999}`,
			`{"type":"hello","id":"1","rooms":[` + strings.Repeat(`{"room":"a"},`, 4000) + `{"room":"b"}]}`,
			`{"type":"send","id":"1",` + strings.Repeat(`"room":"a",`, 5000) + `"body":1}`,
		} {
			for range 20 {
				c.send(frame)
				c.expect(`{"type":"error","id":"1","code":"bad_frame","…":"…"}`)
			}
		}
		c.send(`{"type":"send","body":"` + strings.Repeat("x", 64<<10) + `"}`)
		for range c.frames {
		}
		if websocket.CloseStatus(c.end) != websocket.StatusMessageTooBig {
			t.Errorf("a frame beyond the limit: %v", c.end)
		}
	}},
	"names of rooms without end, asked for": {chat.Settings{}, 3 << 20, func(t *testing.T, url string) {
		c := dialV1(t, url).hello("")
		const batch = 500
		for i := 0; i < 4_000; i += batch {
			for k := range batch {
				c.send(fmt.Sprintf(`{"type":"history","room":"%s-%d"}`, strings.Repeat("x", 100), i+k))
			}
			for range batch {
				if frame := c.next(); !strings.Contains(frame, `"entries":[]`) {
					t.Fatalf("received %s", frame)
				}
			}
		}
	}},
	"names of rooms without end, joined": {chat.Settings{MaxRooms: 20}, slack, func(t *testing.T, url string) {
		c := dialV1(t, url).hello("")
		for i := range 5_000 {
			c.send(fmt.Sprintf(`{"type":"join","id":"1","room":"%d"}`, i))
			want := "joined"
			if i >= 20 {
				want = "too_many_rooms"
			}
			if frame := c.next(); !strings.Contains(frame, want) {
				t.Fatalf("room %d: %s", i, frame)
			}
		}
	}},
	"names of rooms come and gone": {chat.Settings{}, slack, func(t *testing.T, url string) {
		c := dialV1(t, url).hello("")
		for i := range 1_000 {
			c.send(fmt.Sprintf(`{"type":"join","id":"1","room":"%d"}`, i))
			c.send(fmt.Sprintf(`{"type":"leave","id":"1","room":"%d"}`, i))
			for range 2 {
				c.next()
			}
		}
	}},
	"read marks in rooms without end": {chat.Settings{MaxRooms: 1}, slack, func(t *testing.T, url string) {
		c := dialV1(t, url).hello("")
		for i := range 800 {
			c.send(fmt.Sprintf(`{"type":"join","room":"%d"}`, i))
			c.send(fmt.Sprintf(`{"type":"read","id":"1","room":"%d","seq":1}`, i))
			c.send(fmt.Sprintf(`{"type":"leave","id":"2","room":"%d"}`, i))
			for range 3 {
				c.next()
			}
		}
	}},
	"a reader that stops": {chat.Settings{OutboxLimit: 512 << 10}, 12 << 20, func(t *testing.T, url string) {
		slow, _, err := websocket.Dial(t.Context(), url+"?room=r", &websocket.DialOptions{HTTPClient: deaf}) // never reads
		if err != nil {
			t.Fatal(err)
		}
		defer slow.CloseNow()
		c := dialV1(t, url).hello(`,"rooms":[{"room":"r"}]`)
		body := strings.Repeat("x", 2_000)
		for range 3_000 { // 6 MB: the kernel takes 4 of them
			c.send(`{"type":"send","room":"r","body":"` + body + `"}`)
			if frame := c.next(); !strings.Contains(frame, `"message"`) {
				t.Fatalf("received %.100s", frame)
			}
		}
	}},
	"keys without end": {chat.Settings{}, slack, func(t *testing.T, url string) {
		c := dialV1(t, url).hello(`,"rooms":[{"room":"r"}]`)
		for i := range 1_000 {
			c.send(fmt.Sprintf(`{"type":"send","room":"r","key":"%064d","body":1}`, i))
			c.next()
		}
	}},
	"pages of other sites": {chat.Settings{}, slack, func(t *testing.T, url string) {
		for _, header := range []http.Header{
			{"Origin": {"https://evil.example"}},
			{"Origin": {"https://evil.example"}, "Cookie": {"session=1"}},
			{"Origin": {"https://evil.example"}, "Authorization": {"Bearer moderator"}},
			{"Origin": {"null"}},
			{"Origin": {"https://127.0.0.1.evil.example"}},
		} {
			_, res, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPHeader: header, Subprotocols: []string{chat.Subprotocol}})
			if err == nil || res == nil || res.StatusCode != http.StatusForbidden {
				t.Errorf("%v: %v", header, err)
			}
		}
	}},
}

// Each attack gets its answer, costs no more memory than it may, and leaves the
// server serving.
func TestAttacks(t *testing.T) {
	for journal, open := range journals {
		for name, a := range attacks {
			t.Run(journal+"/"+name, func(t *testing.T) {
				url, hub := serve(t, chat.Config{Settings: a.set, Journal: open(t)}, &chat.Handler{Auth: testAuth{}})
				dialV1(t, url).hello(`,"rooms":[{"room":"warm"}]`).conn.CloseNow()
				before := heapInUse()
				most := watchHeap(t)
				a.do(t, url)
				if grown, bound := most()-before, a.bound+own[journal]; grown > bound {
					t.Errorf("the heap grew by %d bytes; %d are allowed", grown, bound)
				}
				if name == "a reader that stops" && hub.Stats().Slow != 1 {
					t.Error("the reader is not cut off")
				}
				if !strings.HasPrefix(name, "a flood of connections") {
					dialV1(t, url).hello("").conn.CloseNow()
				}
			})
		}
	}
}

// heapInUse is what a collection leaves on the heap, without what others have allocated since then.
func heapInUse() int64 {
	runtime.GC()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return int64(live[0].Value.Uint64())
}

// watchHeap looks at the heap now and then, until the most that was found is
// asked for.
func watchHeap(t *testing.T) (most func() int64) {
	t.Helper()
	stop, found := make(chan struct{}), make(chan int64)
	go func() {
		top := int64(0)
		tick := time.NewTicker(250 * time.Millisecond) // each look is a collection
		defer tick.Stop()
		for {
			top = max(top, heapInUse())
			select {
			case <-tick.C:
			case <-stop:
				found <- max(top, heapInUse())
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-found
	}
}
