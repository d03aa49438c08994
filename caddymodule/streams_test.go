package caddymodule_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/chat/wire/script"
)

// overStreams runs f with each carrier of streams, and a new site for each.
func overStreams(t *testing.T, directives, global string, f func(t *testing.T, s *testcaddy.Site, c carrier)) {
	t.Helper()
	for _, name := range []string{"h2", "h3"} {
		t.Run(name, func(t *testing.T) {
			s := testcaddy.StartWith(t, directives, "admin off\n"+global)
			f(t, s, streamCarriers(s)[name])
			s.NoErrors()
		})
	}
}

// stream opens a stream whose frames the test writes and reads itself.
func (c carrier) stream(t *testing.T, uri string) net.Conn {
	t.Helper()
	conn, res, err := c(t.Context(), uri, http.Header{})
	if err != nil || conn == nil {
		t.Fatalf("%v, %v", res, err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func write(t *testing.T, conn net.Conn, op ws.OpCode, payload []byte) {
	t.Helper()
	writeFrame(t, conn, op, true, 0, payload)
}

// readFrame reads a frame that the server sent.
func readFrame(t *testing.T, conn net.Conn) (ws.Header, []byte) {
	t.Helper()
	h, err := ws.ReadHeader(conn)
	if err != nil {
		t.Fatalf("waiting for a frame: %v", err)
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(conn, payload); err != nil {
		t.Fatalf("within a frame of %d bytes: %v", h.Length, err)
	}
	return h, payload
}

// closeCode reads up to the close frame. It returns its code, and the error of reading
// on.
func closeCode(t *testing.T, conn net.Conn) (ws.StatusCode, error) {
	t.Helper()
	for {
		h, payload := readFrame(t, conn)
		if h.OpCode == ws.OpClose {
			code, _ := ws.ParseCloseFrameData(payload)
			_, err := io.ReadFull(conn, make([]byte, 1))
			return code, err
		}
	}
}

func TestStreams_ShareRoomsWithSockets(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	all := map[string]*websocket.Conn{
		"ws":  s.Client("ws://" + s.Plain + "/chat?room=tea"),
		"wss": s.Client("wss://" + s.TLS + "/chat?room=tea"),
	}
	modern := map[string]*websocket.Conn{}
	for name, c := range streamCarriers(s) {
		all[name] = c.dial(t, "/chat?room=tea")
		modern[name] = c.dial(t, "/chat", "chat.v1")
		testcaddy.Say(t, modern[name], `{"type":"hello","rooms":[{"room":"tea"}]}`)
		testcaddy.Hears(t, modern[name], `"type":"welcome"`, `"room":"tea"`)
	}
	for from, c := range all {
		testcaddy.Say(t, c, "from "+from)
		for to, other := range all {
			if to != from {
				testcaddy.Expect(t, other, "from "+from)
			}
		}
	}
	for name, c := range modern {
		testcaddy.Say(t, c, `{"type":"send","id":"1","room":"tea","body":"chat.v1 over `+name+`"}`)
		for _, other := range all {
			testcaddy.Expect(t, other, "chat.v1 over "+name)
		}
	}
	for name, c := range modern {
		for heard := ""; !strings.Contains(heard, `"seq":6`); {
			if _, frame, err := c.Read(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			} else if strings.Contains(string(frame), `"type":"message"`) {
				heard = string(frame)
			}
		}
	}
	s.NoErrors()
}

// Whichever side closes, the stream ends after the close frame and is not reset, so that
// a client can still read what was sent before.
func TestStreams_Close_EndsInOrder(t *testing.T) {
	overStreams(t, "chat {\nmax_message 1KiB\n}", "", func(t *testing.T, s *testcaddy.Site, c carrier) {
		conn := c.stream(t, "/chat")
		write(t, conn, ws.OpPing, []byte("first"))
		write(t, conn, ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
		if code, end := closeCode(t, conn); code != ws.StatusNormalClosure || end != io.EOF {
			t.Errorf("closed by the client: code %d, then %v", code, end)
		}
		conn = c.stream(t, "/chat")
		write(t, conn, ws.OpText, make([]byte, 1025))
		if code, end := closeCode(t, conn); code != ws.StatusMessageTooBig || end != io.EOF {
			t.Errorf("closed by the server: code %d, then %v", code, end)
		}
	})
}

// When a client resets its stream, or ends it without a close frame, its session ends at
// once.
func TestStreams_Reset_FreesTheConnectionSlot(t *testing.T) {
	overStreams(t, "chat {\nmax_connections 1\n}", "", func(t *testing.T, s *testcaddy.Site, c carrier) {
		conn := c.stream(t, "/chat")
		for range 3 {
			if second, res, err := c(t.Context(), "/chat", http.Header{}); second != nil || err != nil || res.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("a second stream got %v, %v", res, err)
			}
			conn.Close()
			testcaddy.Eventually(t, "a free slot", func() bool {
				var err error
				conn, _, err = c(t.Context(), "/chat", http.Header{})
				return err == nil && conn != nil
			})
		}
		conn.Close()
	})
}

// Caddy ends requests that stall or last too long, but must not end a silent WebSocket.
// The test knows from POST requests with stalled bodies when the timeouts have passed.
func TestStreams_Idle_AreKept(t *testing.T) {
	const timeouts = `servers {
		timeouts {
			read_body 700ms
			read_body_idle 300ms
			write 700ms
			write_idle 300ms
		}
	}`
	overStreams(t, "respond /stalls \"{http.request.body}\"\nchat", timeouts, func(t *testing.T, s *testcaddy.Site, c carrier) {
		a, b := c.dial(t, "/chat"), c.dial(t, "/chat")
		start := time.Now()
		for time.Since(start) < 1500*time.Millisecond {
			stall(s)
		}
		testcaddy.Say(t, a, "still here")
		testcaddy.Expect(t, b, "still here")
		testcaddy.Say(t, b, "so am I")
		testcaddy.Expect(t, a, "so am I")
	})
}

// stall sends a request whose body does not end and waits until Caddy ends it.
func stall(s *testcaddy.Site) {
	s.T.Helper()
	body, _ := net.Pipe()
	defer body.Close()
	req, err := http.NewRequestWithContext(s.T.Context(), "POST", "http://"+s.Plain+"/stalls", body)
	if err != nil {
		s.T.Fatal(err)
	}
	if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
		res.Body.Close()
	}
}

// A stream that its client does not read delays nobody. It is disconnected, and reset if
// its close frame can't be sent either.
func TestStreams_SlowReader_IsDisconnected(t *testing.T) {
	const messages, size = 150, 64 << 10 // more than the client's window and the outbox take
	overStreams(t, "chat {\nmax_connections 3\n"+testcaddy.FastLimits+"}", "", func(t *testing.T, s *testcaddy.Site, c carrier) {
		stalled := c.stream(t, "/chat")
		sender, listener := s.Client("wss://"+s.TLS+"/chat"), c.dial(t, "/chat")
		text := strings.Repeat("x", size-3)
		for i := range messages {
			testcaddy.Say(t, sender, fmt.Sprintf("%03d%s", i, text))
			testcaddy.Expect(t, listener, fmt.Sprintf("%03d%s", i, text))
		}
		testcaddy.Eventually(t, "the slot of the stalled client", func() bool {
			conn, _, err := c(t.Context(), "/chat?room=other", http.Header{})
			if err != nil || conn == nil {
				return false
			}
			conn.Close()
			return true
		})
		if n, _ := io.Copy(io.Discard, stalled); n >= messages*size {
			t.Errorf("the stalled client was sent all %d bytes", n)
		}
		testcaddy.Say(t, sender, "go on")
		testcaddy.Expect(t, listener, "go on")
	})
}

func TestStreams_Reload_KeepsThem(t *testing.T) {
	overStreams(t, "chat", "", func(t *testing.T, s *testcaddy.Site, c carrier) {
		a, b := c.dial(t, "/chat"), s.Client("wss://"+s.TLS+"/chat")
		for i := range 3 {
			s.Load(fmt.Sprintf("header X-Changed %d\nchat {\nmax_message %dKiB\n}", i, i+1))
			testcaddy.Say(t, a, "after a reload")
			testcaddy.Expect(t, b, "after a reload")
			late := c.dial(t, "/chat")
			testcaddy.Say(t, b, "to old and new")
			testcaddy.Expect(t, a, "to old and new")
			testcaddy.Expect(t, late, "to old and new")
			if err := late.Close(websocket.StatusNormalClosure, ""); err != nil {
				t.Error(err)
			}
		}
		testcaddy.Say(t, a, strings.Repeat("x", 3<<10))
		testcaddy.Expect(t, b, strings.Repeat("x", 3<<10))
		testcaddy.Say(t, a, strings.Repeat("x", 3<<10+1))
		if _, _, err := a.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
			t.Errorf("ended by %v", err)
		}
	})
}

// By default Caddy would wait for streams without a limit.
func TestStreams_Shutdown_SaysByeAndEndsThem(t *testing.T) {
	overStreams(t, "chat", "", func(t *testing.T, s *testcaddy.Site, c carrier) {
		raw, v1, mute := c.dial(t, "/chat"), c.dial(t, "/chat", "chat.v1"), c.stream(t, "/chat")
		testcaddy.Say(t, v1, `{"type":"hello"}`)
		testcaddy.Hears(t, v1, `"type":"welcome"`)
		ends := make(chan error, 2)
		bye := make(chan string, 1)
		go func() {
			_, _, err := raw.Read(t.Context())
			ends <- err
		}()
		go func() {
			_, frame, err := v1.Read(t.Context())
			if err == nil {
				bye <- string(frame)
				_, _, err = v1.Read(t.Context())
			}
			ends <- err
		}()
		start := time.Now()
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		for range 2 {
			if err := <-ends; websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("ended by %v", err)
			}
		}
		if frame := <-bye; !strings.Contains(frame, `"bye"`) || !strings.Contains(frame, `"shutdown"`) {
			t.Errorf("the last frame was %s", frame)
		}
		if code, _ := closeCode(t, mute); code != ws.StatusGoingAway {
			t.Errorf("the client that never answered was closed with %d", code)
		}
	})
}

func TestStreams_Handshake_Refused(t *testing.T) {
	overStreams(t, "chat", "", func(t *testing.T, s *testcaddy.Site, c carrier) {
		for _, bad := range []struct {
			uri, name, value string
			status           int
		}{
			{"/chat", "Sec-Websocket-Protocol", "soap", http.StatusBadRequest},
			{"/chat", "Origin", "https://evil.example", http.StatusForbidden},
			{"/chat?room=", "X-Room", "none", http.StatusBadRequest},
			{"/chat?history=all", "X-History", "bad", http.StatusBadRequest},
		} {
			conn, res, err := c(t.Context(), bad.uri, http.Header{bad.name: {bad.value}})
			if err != nil {
				t.Errorf("%+v: %v", bad, err)
				continue
			}
			res.Body.Close()
			if conn != nil || res.StatusCode != bad.status {
				t.Errorf("%+v: %s", bad, res.Status)
			}
		}
		conn, res, err := c(t.Context(), "/chat", http.Header{"Origin": {"https://" + s.TLS}})
		if err != nil || conn == nil {
			t.Fatalf("a page of the site's own: %v, %v", res, err)
		}
		conn.Close()
	})
}

// Every example of PROTOCOL.md that needs no moderator works the same over streams.
func TestStreams_ProtocolExamples(t *testing.T) {
	conversations, err := script.Parse([]byte(testcaddy.Read(t, "../PROTOCOL.md")))
	if err != nil {
		t.Fatal(err)
	}
	overStreams(t, "chat {\njournal memory\n"+testcaddy.FastLimits+"}", "", func(t *testing.T, s *testcaddy.Site, c carrier) {
		played := 0
		for _, talk := range conversations {
			if len(talk.Given) > 0 {
				continue
			}
			played++
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if err := script.Run(ctx, talk, c.dialScript, nil); err != nil {
				t.Errorf("PROTOCOL.md, %q: %v", talk.Title, err)
			}
			cancel()
		}
		if played < 10 {
			t.Errorf("only %d examples", played)
		}
	})
}

// dialScript implements script.Dialer.
func (c carrier) dialScript(ctx context.Context, _, dialect, query string) (script.Conn, error) {
	opt := &websocket.DialOptions{HTTPClient: &http.Client{Transport: c}}
	if dialect != "raw" {
		opt.Subprotocols = []string{dialect}
	}
	conn, _, err := websocket.Dial(ctx, "wss://site/chat?"+query, opt)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	return scriptConn{conn}, nil
}

type scriptConn struct{ *websocket.Conn }

func (c scriptConn) Send(ctx context.Context, f script.Frame) error {
	typ := websocket.MessageText
	if f.Binary {
		typ = websocket.MessageBinary
	}
	return c.Write(ctx, typ, f.Data)
}

func (c scriptConn) Recv(ctx context.Context) (script.Frame, error) {
	typ, p, err := c.Read(ctx)
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		return script.Frame{}, &script.ClosedError{Code: int(closed.Code)}
	}
	return script.Frame{Binary: typ == websocket.MessageBinary, Data: p}, err
}

func (c scriptConn) Close() error { return c.CloseNow() }
