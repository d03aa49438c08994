package chat_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// few lets so few in that tests reach it.
func few(perSecond float64, burst int) access.Rate {
	return access.Rate{PerSecond: perSecond, Burst: burst}
}

func TestLimits_TooFast_IsToldToWait(t *testing.T) {
	set := chat.Settings{SessionRate: few(1, 3)}
	inBubble(t, set, testAuth{}, func(t *testing.T, b *bubble) {
		c := b.connect().hello("")
		c.send(`{"type":"ping"}`)
		c.send(`{"type":"ping"}`)
		c.send(`{"type":"ping","id":"1"}`)
		c.expect(`{"type":"pong"}`, `{"type":"pong"}`, `{"type":"error","id":"1","code":"too_fast","message":"…","retry":1000}`)
		time.Sleep(time.Second)
		c.send(`{"type":"ping"}`)
		c.expect(`{"type":"pong"}`)
		for range 101 {
			c.send(`{"type":"ping"}`)
		}
		for range 100 {
			c.expect(`{"type":"error","code":"too_fast","…":"…"}`)
		}
		c.expect(`{"type":"bye","code":"too_fast","…":"…"}`)
		c.closed(4003)

		// Nor does it help to let one through now and then.
		c = b.connect().hello("")
		for _, n := range []int{51, 51, 6} {
			time.Sleep(time.Second)
			for range n {
				c.send(`{"type":"ping"}`)
			}
		}
		for frame := ""; !strings.Contains(frame, `"bye"`); {
			frame = c.next()
		}
		c.closed(4003)
	})
}

func TestLimits_Bytes(t *testing.T) {
	set := chat.Settings{SessionRate: few(1000, 1000), SessionBytes: few(1000, 5000)}
	inBubble(t, set, nil, func(t *testing.T, b *bubble) {
		c := b.connect().hello("")
		long := `{"type":"ping","id":"1","x":"` + strings.Repeat("x", 4000) + `"}`
		c.send(long)
		c.expect(`{"type":"pong","id":"1"}`)
		c.send(long)
		c.expect(`{"type":"error","id":"1","code":"too_fast","message":"…","retry":"…"}`)
		time.Sleep(4 * time.Second)
		c.send(long)
		c.expect(`{"type":"pong","id":"1"}`)
	})
}

// A user with many sessions may say no more than one with few.
func TestLimits_OfAUser(t *testing.T) {
	set := chat.Settings{SessionRate: few(1000, 1000), UserRate: few(1, 2)}
	inBubble(t, set, testAuth{}, func(t *testing.T, b *bubble) {
		for i := range 3 {
			c := b.connect().hello(`,"token":"guest-x"`)
			c.send(`{"type":"ping"}`)
			want := `{"type":"pong"}`
			if i == 2 {
				want = `{"type":"error","code":"too_fast","…":"…"}`
			}
			c.expect(want)
		}
	})
}

// Raw clients can't be told to wait; they are read more slowly, and lose nothing.
func TestLimits_Raw_IsReadMoreSlowly(t *testing.T) {
	set := chat.Settings{SessionRate: few(10, 2), UserRate: few(1000, 1000)}
	inBubble(t, set, nil, func(t *testing.T, b *bubble) {
		a, other := b.connectRaw(), b.connectRaw()
		start := time.Now()
		for i := range 12 {
			a.send(fmt.Sprint(i))
		}
		for i := range 12 {
			if got := other.any(); got != fmt.Sprint(i) {
				t.Errorf("received %s, want %d", got, i)
			}
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v, want 1s", took)
		}
	})
}

func TestLimits_Handshake(t *testing.T) {
	for name, c := range map[string]struct {
		set    chat.Settings
		status int
	}{
		"attempts": {chat.Settings{ConnectRate: few(0.1, 2)}, http.StatusTooManyRequests},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := startHub(t, chat.Config{Settings: c.set})
			dialV1(t, url)
			dialV1(t, url)
			_, res, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: []string{chat.Subprotocol}})
			if err == nil || res == nil || res.StatusCode != c.status || res.Header.Get("Retry-After") == "" {
				t.Errorf("got %v, %v, want status %d with Retry-After", res, err, c.status)
			}
		})
	}
}

// Requests that show no user who may be here count as handshakes of their address; users who
// were there before do not suffer from them.
func TestLimits_RefusedRequests(t *testing.T) {
	for _, token := range []string{"", "bad"} {
		url, _, _ := messagesURL(t, chat.Settings{ConnectRate: few(0.1, 2)})
		call(t, "GET", url+"tea/messages", "ann", "")
		for n, want := range []int{http.StatusUnauthorized, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusTooManyRequests} {
			if status, answer, _ := call(t, "GET", url+"tea/messages", token, ""); status != want {
				t.Errorf("%d. request with the token %q: %d %v, want %d", n+1, token, status, answer, want)
			}
		}
		if status, answer, _ := call(t, "GET", url+"tea/messages", "ann", ""); status != http.StatusOK {
			t.Errorf("another user of the address: %d %v", status, answer)
		}
	}
}

// A limit that is raised holds for those who met the old one, too: they are not
// held to what they owed at its rate.
func TestLimits_Raised_HoldForAll(t *testing.T) {
	inBubble(t, chat.Settings{SessionRate: few(0.01, 2), UserRate: few(1000, 1000)}, testAuth{}, func(t *testing.T, b *bubble) {
		c := b.connect()
		c.hello(`,"rooms":[{"room":"r"}]`)
		c.send(`{"type":"send","id":"1","room":"r","body":"x"}`)
		c.expect(`{"type":"ok","…":"…"}`, `{"type":"message","…":"…"}`)
		c.send(`{"type":"send","id":"2","room":"r","body":"x"}`)
		c.expect(`{"type":"error","id":"2","code":"too_fast","…":"…"}`)
		b.hub.Configure(chat.Settings{SessionRate: few(10, 2), UserRate: few(1000, 1000)})
		c.send(`{"type":"send","id":"2","room":"r","body":"x"}`)
		c.expect(`{"type":"error","id":"2","code":"too_fast","message":"…","retry":100}`)
		time.Sleep(100 * time.Millisecond)
		c.send(`{"type":"send","id":"3","room":"r","body":"x"}`)
		c.expect(`{"type":"ok","…":"…"}`, `{"type":"message","…":"…"}`)
	})
}

// Ten addresses that say nothing keep nobody out: their oldest connections end, and
// whoever has come from elsewhere may take their time.
func TestLimits_Greeting_TheAddressWithMostMakesRoom(t *testing.T) {
	inBubble(t, chat.Settings{MaxGreeting: 100}, nil, func(t *testing.T, b *bubble) {
		addr := "192.0.2.1"
		b.handler.ClientIP = func(*http.Request) netip.Addr { return netip.MustParseAddr(addr) }
		bystander := b.connect()
		var silent []*client
		for i := range 150 {
			addr = fmt.Sprintf("2001:db8:0:%d::%d", i%10, i) // a client has a whole network
			silent = append(silent, b.connect())
		}
		for i := range 20 {
			addr = fmt.Sprintf("198.51.100.%d", i)
			b.connect().hello("")
		}
		bystander.hello("")
		for _, c := range silent[:52] {
			c.expect(`{"type":"bye","code":"hello_timeout","message":"…","retry":1000}`)
			c.closed(4004)
		}
		if n := b.hub.Stats().Refused[chat.RefusedGreeting]; n != 52 {
			t.Errorf("%d were ended", n)
		}
	})
}

// Nor does one network with many addresses: one that has just one connection for each of
// them keeps nobody from saying hello.
func TestLimits_Greeting_TheNetworkWithMostMakesRoom(t *testing.T) {
	inBubble(t, chat.Settings{MaxGreeting: 10}, nil, func(t *testing.T, b *bubble) {
		addr := "192.0.2.1"
		b.handler.ClientIP = func(*http.Request) netip.Addr { return netip.MustParseAddr(addr) }
		bystander := b.connect()
		for i := range 20 {
			addr = fmt.Sprintf("2001:db8:1:%x::1", i)
			b.connect()
		}
		bystander.hello("")
	})
}

// Who has said hello, or has gone, is not counted any more.
func TestLimits_Greeting_IsGivenBack(t *testing.T) {
	inBubble(t, chat.Settings{MaxGreeting: 1}, testAuth{}, func(t *testing.T, b *bubble) {
		b.connect().hello("")
		b.connect().closeNow()
		time.Sleep(time.Second)
		b.connect().hello("")
		if n := b.hub.Stats().Refused[chat.RefusedGreeting]; n != 0 {
			t.Errorf("%d were ended", n)
		}
	})
}

func TestLimits_SessionsAndRooms(t *testing.T) {
	set := chat.Settings{MaxSessions: 1, MaxRooms: 2, MaxOpenRooms: 6, MaxText: 5}
	inBubble(t, set, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"token":"guest-x","rooms":[{"room":"1"},{"room":"2"}]`)
		a.send(`{"type":"join","id":"1","room":"3"}`)
		a.expect(`{"type":"error","id":"1","code":"too_many_rooms","message":"…","retry":false}`)
		a.send(`{"type":"send","id":"2","room":"1","body":{"text":"longer"}}`)
		a.expect(`{"type":"error","id":"2","code":"text_too_long","message":"…","retry":false}`)

		other := b.connect()
		other.send(`{"type":"hello","token":"guest-x"}`)
		other.expect(`{"type":"error","code":"too_many_sessions","…":"…"}`, `{"type":"bye","code":"too_many_sessions","message":"…","retry":30000}`)
		other.closed(4007)

		c := b.connect().hello(`,"rooms":[{"room":"1"},{"room":"3"}]`)
		c.send(`{"type":"leave","id":"1","room":"1"}`)
		c.expect(`{"type":"ok","…":"…"}`)
		c.send(`{"type":"join","id":"2","room":"4"}`)
		c.expect(`{"type":"error","id":"2","code":"unavailable","…":"…"}`)
		c.send(`{"type":"leave","id":"3","room":"3"}`)
		c.expect(`{"type":"ok","…":"…"}`)
		c.send(`{"type":"join","id":"4","room":"4"}`)
		c.expect(`{"type":"joined","id":"4","…":"…"}`)
	})
}

// What waits for all clients together is bounded, however many of them there
// are.
func TestLimits_OutboxesInAll(t *testing.T) {
	url, hub := startHub(t, chat.Config{Settings: chat.Settings{MaxOutboxes: 1 << 20, MaxConnectionsPerIP: 1000}})
	speaker := dial(t, url)
	for range 20 { // who never read
		dial(t, url)
	}
	text := strings.Repeat("x", 60<<10)
	deadline := time.Now().Add(20 * time.Second)
	for hub.Stats().Slow == 0 && time.Now().Before(deadline) {
		send(t, speaker, text)
		if queued := hub.Queued(); queued > 1<<20+20*(64<<10) {
			t.Fatalf("%d bytes wait", queued)
		}
	}
	if hub.Stats().Slow == 0 {
		t.Error("nobody was cut off")
	}
}
