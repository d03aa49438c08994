package caddymodule_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// client connects by coder/websocket and is gone at the end of the test.
func (s *site) client(url string) *websocket.Conn {
	s.t.Helper()
	c, res, err := websocket.Dial(s.t.Context(), url, &websocket.DialOptions{HTTPClient: s.httpClient()})
	if err != nil {
		s.t.Fatalf("%s: %v (%v)", url, err, res)
	}
	c.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { c.CloseNow() })
	return c
}

func say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, c *websocket.Conn, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, got, err := c.Read(ctx)
	if err != nil || string(got) != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// status returns what a request that is no chat, or a refused one, gets.
func (s *site) status(url string, header http.Header) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	res, err := s.httpClient().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestHandler_OneRoomOverWsAndWss_WithClientsOfTwoMakes(t *testing.T) {
	s := startCaddy(t, "chat")
	a := s.client("ws://" + s.plain + "/chat?room=tea")
	b := s.client("wss://" + s.tls + "/chat?room=tea")
	d := ws.Dialer{TLSConfig: s.trust()}
	c, _, _, err := d.Dial(t.Context(), "wss://"+s.tls+"/chat?room=tea")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say(t, a, "from coder, ws")
	expect(t, b, "from coder, ws")
	if got, err := wsutil.ReadServerText(c); err != nil || string(got) != "from coder, ws" {
		t.Fatalf("gobwas heard %q, %v", got, err)
	}
	if err := wsutil.WriteClientText(c, []byte("from gobwas, wss")); err != nil {
		t.Fatal(err)
	}
	expect(t, a, "from gobwas, wss")
	expect(t, b, "from gobwas, wss")
	s.noErrors()
}

func TestHandler_MayBeAHostsRoot(t *testing.T) {
	s := startCaddy(t, "chat /")
	a, b := s.client("ws://"+s.plain+"/?room=tea"), s.client("wss://"+s.tls+"?room=tea")
	say(t, a, "hello")
	expect(t, b, "hello")
	if code, _ := s.status("http://"+s.plain+"/health", nil); code != 200 {
		t.Errorf("/health: %d", code)
	}
	s.noErrors()
}

func TestHandler_OtherPathsGoOn(t *testing.T) {
	s := startCaddy(t, "chat\nroot "+t.TempDir()+"\nfile_server")
	for _, path := range []string{"/", "/chatter", "/chat/x"} {
		if code, _ := s.status("http://"+s.plain+path, nil); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code, _ := s.status("http://"+s.plain+"/chat", nil); code != http.StatusUpgradeRequired {
		t.Errorf("/chat: %d", code)
	}
}

func TestHandler_UpgradePassesThroughCaddysWrappers(t *testing.T) {
	s := startCaddy(t, "header X-Site tea\nheader >X-Late yes\nencode\nchat")
	eventually(t, "HTTP/3 to be announced", func() bool {
		res, err := s.httpClient().Get("https://" + s.tls + "/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.Header.Get("Alt-Svc") != ""
	})
	_, res, err := websocket.Dial(t.Context(), "wss://"+s.tls+"/chat", &websocket.DialOptions{HTTPClient: s.httpClient()})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"X-Site": "tea", "X-Late": "yes", "Server": "Caddy", "Alt-Svc": "h3="} {
		if got := res.Header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q on the 101", name, got)
		}
	}
	// The line comes at the handshake, while the socket is still open: the
	// handler has returned.
	eventually(t, "101 in the access log", func() bool {
		return strings.Contains(read(t, s.access), `"status":101`)
	})
}

func TestHandler_Room_FromPlaceholder(t *testing.T) {
	s := startCaddy(t, "chat {\nroom {http.request.uri.query.a}-{http.request.uri.query.b}\n}")
	a := s.client("ws://" + s.plain + "/chat?a=1&b=2")
	b := s.client("ws://" + s.plain + "/chat?a=1&b=2&room=x")
	other := s.client("ws://" + s.plain + "/chat?a=1&b=3")
	say(t, other, "no")
	say(t, a, "yes")
	expect(t, b, "yes")
}

func TestHandler_Room_PlaceholderThatComesToNothing_IsTheLobby(t *testing.T) {
	s := startCaddy(t, "chat {\nroom {query.room}\n}")
	a, b := s.client("ws://"+s.plain+"/chat"), s.client("ws://"+s.plain+"/chat?room=lobby")
	say(t, a, "hello")
	expect(t, b, "hello")
	if code, _ := s.status("http://"+s.plain+"/chat?room=", upgradeHeader); code != http.StatusBadRequest {
		t.Errorf("empty name: %d", code)
	}
}

var upgradeHeader = http.Header{
	"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
	"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
}

func TestHandler_ConnectionLimits(t *testing.T) {
	for option, want := range map[string]string{
		"max_connections 2":        "too many connections",
		"max_connections_per_ip 2": "too many connections from your address",
	} {
		t.Run(option, func(t *testing.T) {
			s := startCaddy(t, "chat {\n"+option+"\n}")
			a, b := s.client("ws://"+s.plain+"/chat"), s.client("wss://"+s.tls+"/chat")
			code, body := s.status("http://"+s.plain+"/chat", upgradeHeader)
			if code != http.StatusServiceUnavailable || strings.TrimSpace(body) != want {
				t.Errorf("%d %q", code, body)
			}
			say(t, a, "undisturbed")
			expect(t, b, "undisturbed")
			if err := a.Close(websocket.StatusNormalClosure, ""); err != nil {
				t.Error(err)
			}
			eventually(t, "room for another", func() bool {
				code, _ := s.status("http://"+s.plain+"/chat", http.Header{"Upgrade": {"x"}})
				c, _, err := websocket.Dial(t.Context(), "ws://"+s.plain+"/chat", nil)
				if err == nil {
					c.CloseNow()
				}
				return err == nil && code == http.StatusUpgradeRequired
			})
			s.noErrors()
		})
	}
}

func TestHandler_Origins(t *testing.T) {
	s := startCaddy(t, "chat {\norigins https://*.example.com\n}")
	for origin, want := range map[string]int{"https://evil.example": 403, "http://" + s.plain: 403, "https://a.example.com": 101} {
		header := upgradeHeader.Clone()
		header.Set("Origin", origin)
		_, res, err := websocket.Dial(t.Context(), "ws://"+s.plain+"/chat", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if res == nil || res.StatusCode != want {
			t.Errorf("%s: %v, %v", origin, res, err)
		}
	}
	s.noErrors()
}
