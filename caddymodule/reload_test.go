package caddymodule_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestReload_KeepsConnectionsRoomsAndHistory(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("wss://"+s.TLS+"/chat")
	testcaddy.Say(t, a, "before")
	testcaddy.Expect(t, b, "before")
	for range 3 {
		s.Load("header X-Changed " + time.Now().String()[:19] + "\nchat")
	}
	testcaddy.Say(t, b, "after")
	testcaddy.Expect(t, a, "after")
	late := s.Client("ws://" + s.Plain + "/chat?history=10")
	testcaddy.Expect(t, late, "before")
	testcaddy.Expect(t, late, "after")
	testcaddy.Say(t, a, "to all")
	testcaddy.Expect(t, b, "to all")
	testcaddy.Expect(t, late, "to all")
}

func TestReload_SettingsReachExistingConnections(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("ws://"+s.Plain+"/chat")
	s.Load("chat {\nmax_message 1KiB\n}")
	testcaddy.Say(t, a, strings.Repeat("x", 1024))
	testcaddy.Expect(t, b, strings.Repeat("x", 1024))
	testcaddy.Say(t, a, strings.Repeat("x", 1025))
	if _, _, err := a.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("ended by %v", err)
	}
}

// A configuration that is refused, at any point, changes nothing about the running hub:
// not its connections, its settings or its entry in the pool.
func TestReload_Refused_ChangesNothing(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("ws://"+s.Plain+"/chat")
	for _, bad := range []string{
		"chat {\nmax_message 1KiB\norigins nonsense\n}",                    // refused by our own Provision
		"chat {\nmax_message 1KiB\n}\nreverse_proxy {\nto localhost:0-\n}", // refused by a module after ours
	} {
		if err := s.TryLoad(bad); err == nil {
			t.Fatalf("accepted: %s", bad)
		}
	}
	long := strings.Repeat("x", 60<<10)
	testcaddy.Say(t, a, long)
	testcaddy.Expect(t, b, long)
	s.Load("chat\nheader X-Good 1")
	testcaddy.Say(t, a, "still here")
	testcaddy.Expect(t, b, "still here")
}

func TestShutdown_SaysGoodbyeToAllClients_AlsoThoseThatNeverAnswer(t *testing.T) {
	s := testcaddy.Start(t, "chat {\nmax_connections_per_ip 1000\n}")
	var listening []*websocket.Conn
	for range 50 {
		listening = append(listening, s.Client("wss://"+s.TLS+"/chat"))
		s.Client("ws://" + s.Plain + "/chat") // never reads
	}
	gone := make(chan error, len(listening))
	for _, c := range listening {
		go func() {
			_, _, err := c.Read(t.Context())
			gone <- err
		}()
	}
	start := time.Now()
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	for range listening {
		if err := <-gone; websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("ended by %v", err)
		}
	}
	s.NoErrors()
}

// Old configurations take a limited amount of memory: the clients whose connections keep
// them are asked to reconnect.
func TestReload_ManyTimes_AsksTheOldestClientsToReconnect(t *testing.T) {
	defer caddymodule.SetRetireTime(caddymodule.SetRetireTime(time.Millisecond))
	s := testcaddy.Start(t, "chat")
	first, plain := s.V1("wss://"+s.TLS+"/chat", nil, ""), s.V1("ws://"+s.Plain+"/chat", nil, "")
	testcaddy.Hears(t, first, "welcome")
	testcaddy.Hears(t, plain, "welcome")
	for i := range 10 {
		s.Load(fmt.Sprintf("header X-Load %d\nchat", i))
	}
	tenth := s.V1("wss://"+s.TLS+"/chat", nil, "")
	testcaddy.Hears(t, tenth, "welcome")
	for i := range 8 {
		s.Load(fmt.Sprintf("header X-Load %d\nchat", 100+i))
	}
	testcaddy.Hears(t, first, `"bye"`, "please connect again")
	for _, c := range []*websocket.Conn{plain, tenth} {
		testcaddy.Say(t, c, `{"type":"ping","id":"1"}`)
		testcaddy.Hears(t, c, `"pong"`)
	}
}

// A reload that removes an origin disconnects the web pages of that origin. Pages of
// other origins, and clients that are not web pages, stay connected.
func TestReload_Origins_ApplyToConnectedClients(t *testing.T) {
	s := testcaddy.Start(t, "chat {\norigins https://a.example https://b.example\n}")
	url := "ws://" + s.Plain + "/chat"
	from := func(origin string) *websocket.Conn {
		c := s.V1(url, http.Header{"Origin": {origin}}, "")
		testcaddy.Hears(t, c, "welcome")
		return c
	}
	a, b, phone := from("https://a.example"), from("https://B.example"), s.V1(url, nil, "")
	testcaddy.Hears(t, phone, "welcome")
	s.Load("chat {\norigins https://b.example\n}")
	testcaddy.Hears(t, a, `"bye"`, `"forbidden"`)
	s.Load("header X-Other 1\nchat {\norigins https://*.example\n}")
	for _, c := range []*websocket.Conn{b, phone} {
		testcaddy.Say(t, c, `{"type":"ping","id":"1"}`)
		testcaddy.Hears(t, c, `"pong"`)
	}
	s.Load("chat") // only pages of the site itself
	testcaddy.Hears(t, b, `"bye"`, `"forbidden"`)
	testcaddy.Say(t, phone, `{"type":"ping","id":"1"}`)
	testcaddy.Hears(t, phone, `"pong"`)
}
