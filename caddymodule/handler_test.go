package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestHandler_OneRoomOverWsAndWss_WithTwoClientLibraries(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	a := s.Client("ws://" + s.Plain + "/chat?room=tea")
	b := s.Client("wss://" + s.TLS + "/chat?room=tea")
	d := ws.Dialer{TLSConfig: s.Trust()}
	c, _, _, err := d.Dial(t.Context(), "wss://"+s.TLS+"/chat?room=tea")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	testcaddy.Say(t, a, "from coder, ws")
	testcaddy.Expect(t, b, "from coder, ws")
	if got, err := wsutil.ReadServerText(c); err != nil || string(got) != "from coder, ws" {
		t.Fatalf("gobwas heard %q, %v", got, err)
	}
	if err := wsutil.WriteClientText(c, []byte("from gobwas, wss")); err != nil {
		t.Fatal(err)
	}
	testcaddy.Expect(t, a, "from gobwas, wss")
	testcaddy.Expect(t, b, "from gobwas, wss")
	s.NoErrors()
}

func TestHandler_MayBeAHostsRoot(t *testing.T) {
	s := testcaddy.Start(t, "chat /")
	a, b := s.Client("ws://"+s.Plain+"/?room=tea"), s.Client("wss://"+s.TLS+"?room=tea")
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
	if code, _ := s.Status("http://"+s.Plain+"/health", nil); code != 200 {
		t.Errorf("/health: %d", code)
	}
	s.NoErrors()
}

func TestHandler_PassesOtherPathsOn(t *testing.T) {
	s := testcaddy.Start(t, "chat\nroot "+t.TempDir()+"\nfile_server")
	for _, path := range []string{"/", "/chatter", "/chat/x"} {
		if code, _ := s.Status("http://"+s.Plain+path, nil); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code, _ := s.Status("http://"+s.Plain+"/chat", nil); code != http.StatusUpgradeRequired {
		t.Errorf("/chat: %d", code)
	}
}

// Upgrade belongs to HTTP/1.1: curl takes no answer over HTTP/2 that has it.
func TestHandler_UpgradeRequired_NamesNoUpgradeOverHTTP2(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	for _, two := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.Trust(), ForceAttemptHTTP2: two, DisableKeepAlives: true}}
		res, err := client.Get("https://" + s.TLS + "/chat")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		_, upgrade := res.Header["Upgrade"]
		if res.StatusCode != http.StatusUpgradeRequired || (res.ProtoMajor == 2) != two || upgrade == two {
			t.Errorf("HTTP/2 %v: %s %d %v", two, res.Proto, res.StatusCode, res.Header)
		}
	}
}

func TestHandler_UpgradePassesThroughCaddysWrappers(t *testing.T) {
	s := testcaddy.Start(t, "header X-Site tea\nheader >X-Late yes\nencode\nchat")
	testcaddy.Eventually(t, "HTTP/3 to be announced", func() bool {
		res, err := s.HTTPClient().Get("https://" + s.TLS + "/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.Header.Get("Alt-Svc") != ""
	})
	_, res, err := websocket.Dial(t.Context(), "wss://"+s.TLS+"/chat", &websocket.DialOptions{HTTPClient: s.HTTPClient()})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"X-Site": "tea", "X-Late": "yes", "Server": "Caddy", "Alt-Svc": "h3="} {
		if got := res.Header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q on the 101", name, got)
		}
	}
	// The line is written after the handshake while the socket is still open, because
	// the handler has returned.
	testcaddy.Eventually(t, "101 in the access log", func() bool {
		return strings.Contains(testcaddy.Read(t, s.Access), `"status":101`)
	})
}

func TestHandler_Room_FromPlaceholder(t *testing.T) {
	s := testcaddy.Start(t, "chat {\nroom {http.request.uri.query.a}-{http.request.uri.query.b}\n}")
	a := s.Client("ws://" + s.Plain + "/chat?a=1&b=2")
	b := s.Client("ws://" + s.Plain + "/chat?a=1&b=2&room=x")
	other := s.Client("ws://" + s.Plain + "/chat?a=1&b=3")
	testcaddy.Say(t, other, "no")
	testcaddy.Say(t, a, "yes")
	testcaddy.Expect(t, b, "yes")
}

func TestHandler_Room_PlaceholderThatIsEmpty_IsTheLobby(t *testing.T) {
	s := testcaddy.Start(t, "chat {\nroom {query.room}\n}")
	a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("ws://"+s.Plain+"/chat?room=lobby")
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
	if code, _ := s.Status("http://"+s.Plain+"/chat?room=", testcaddy.UpgradeHeader); code != http.StatusBadRequest {
		t.Errorf("empty name: %d", code)
	}
}

// A placeholder that nothing defines leads nobody into the lobby, and the log says why; one that a map defines is
// one like others.
func TestHandler_Room_PlaceholderThatNobodyDefines_IsRefused(t *testing.T) {
	s := testcaddy.Start(t, "map {query.x} {nope} {\n1 tea\ndefault \"\"\n}\nchat {\nroom {nope}\n}")
	a, b := s.Client("ws://"+s.Plain+"/chat?x=1"), s.Client("ws://"+s.Plain+"/chat?x=1")
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
	_, _ = a.CloseNow(), b.CloseNow()
	s.Load("chat {\nroom {nope}\n}")
	for range 3 {
		if code, body := s.Status("http://"+s.Plain+"/chat", testcaddy.UpgradeHeader); code != http.StatusBadRequest {
			t.Errorf("%d %s", code, body)
		}
	}
	if log := testcaddy.Read(t, s.Log); !strings.Contains(log, "the option room has a placeholder that nothing defines") || !strings.Contains(log, "{nope}") {
		t.Error("the log does not say why")
	}
}

func TestHandler_ConnectionLimits(t *testing.T) {
	for option, want := range map[string]string{
		"max_connections 2":        "too many connections",
		"max_connections_per_ip 2": "too many connections from your address",
	} {
		t.Run(option, func(t *testing.T) {
			s := testcaddy.Start(t, "chat {\n"+option+"\n}")
			a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("wss://"+s.TLS+"/chat")
			code, body := s.Status("http://"+s.Plain+"/chat", testcaddy.UpgradeHeader)
			if code != http.StatusServiceUnavailable || strings.TrimSpace(body) != want {
				t.Errorf("%d %q", code, body)
			}
			testcaddy.Say(t, a, "undisturbed")
			testcaddy.Expect(t, b, "undisturbed")
			if err := a.Close(websocket.StatusNormalClosure, ""); err != nil {
				t.Error(err)
			}
			testcaddy.Eventually(t, "that another client is accepted", func() bool {
				code, _ := s.Status("http://"+s.Plain+"/chat", http.Header{"Upgrade": {"x"}})
				c, _, err := websocket.Dial(t.Context(), "ws://"+s.Plain+"/chat", nil)
				if err == nil {
					c.CloseNow()
				}
				return err == nil && code == http.StatusUpgradeRequired
			})
			s.NoErrors()
		})
	}
}

func TestHandler_Origins(t *testing.T) {
	s := testcaddy.Start(t, "chat {\norigins https://*.example.com\n}")
	for origin, want := range map[string]int{"https://evil.example": 403, "http://" + s.Plain: 101, "https://servicewechat.com": 101, "https://a.example.com": 101} {
		header := testcaddy.UpgradeHeader.Clone()
		header.Set("Origin", origin)
		_, res, err := websocket.Dial(t.Context(), "ws://"+s.Plain+"/chat", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if res == nil || res.StatusCode != want {
			t.Errorf("%s: %v, %v", origin, res, err)
		}
	}
	s.NoErrors()
}
