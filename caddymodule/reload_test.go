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
)

func TestReload_KeepsConnectionsRoomsAndHistory(t *testing.T) {
	s := startCaddy(t, "chat")
	a, b := s.client("ws://"+s.plain+"/chat"), s.client("wss://"+s.tls+"/chat")
	say(t, a, "before")
	expect(t, b, "before")
	for range 3 {
		s.load("header X-Changed " + time.Now().String()[:19] + "\nchat")
	}
	say(t, b, "after")
	expect(t, a, "after")
	late := s.client("ws://" + s.plain + "/chat?history=10")
	expect(t, late, "before")
	expect(t, late, "after")
	say(t, a, "to all")
	expect(t, b, "to all")
	expect(t, late, "to all")
}

func TestReload_SettingsReachExistingConnections(t *testing.T) {
	s := startCaddy(t, "chat")
	a, b := s.client("ws://"+s.plain+"/chat"), s.client("ws://"+s.plain+"/chat")
	s.load("chat {\nmax_message 1KiB\n}")
	say(t, a, strings.Repeat("x", 1024))
	expect(t, b, strings.Repeat("x", 1024))
	say(t, a, strings.Repeat("x", 1025))
	if _, _, err := a.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("ended by %v", err)
	}
}

// A configuration that is refused, at whatever point, leaves the running hub as
// it was: its sockets, its settings, and its place in the pool.
func TestReload_Refused_ChangesNothing(t *testing.T) {
	s := startCaddy(t, "chat")
	a, b := s.client("ws://"+s.plain+"/chat"), s.client("ws://"+s.plain+"/chat")
	for _, bad := range []string{
		"chat {\nmax_message 1KiB\norigins nonsense\n}",                    // our own Provision
		"chat {\nmax_message 1KiB\n}\nreverse_proxy {\nto localhost:0-\n}", // a module after ours
	} {
		if err := s.tryLoad(bad); err == nil {
			t.Fatalf("accepted: %s", bad)
		}
	}
	long := strings.Repeat("x", 60<<10)
	say(t, a, long)
	expect(t, b, long)
	s.load("chat\nheader X-Good 1")
	say(t, a, "still here")
	expect(t, b, "still here")
}

func TestShutdown_SaysGoodbyeToAll_EvenToThoseWhoNeverAnswer(t *testing.T) {
	s := startCaddy(t, "chat {\nmax_connections_per_ip 1000\n}")
	var listening []*websocket.Conn
	for range 50 {
		listening = append(listening, s.client("wss://"+s.tls+"/chat"))
		s.client("ws://" + s.plain + "/chat") // never reads
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
	s.noErrors()
}

// What old configurations take in memory is bounded: the clients that hold them
// are asked to come back.
func TestReload_ManyTimes_AsksTheOldestToComeBack(t *testing.T) {
	defer caddymodule.SetRetireTime(caddymodule.SetRetireTime(time.Millisecond))
	s := startCaddy(t, "chat")
	first, plain := s.v1("wss://"+s.tls+"/chat", nil, ""), s.v1("ws://"+s.plain+"/chat", nil, "")
	hears(t, first, "welcome")
	hears(t, plain, "welcome")
	for i := range 10 {
		s.load(fmt.Sprintf("header X-Load %d\nchat", i))
	}
	tenth := s.v1("wss://"+s.tls+"/chat", nil, "")
	hears(t, tenth, "welcome")
	for i := range 8 {
		s.load(fmt.Sprintf("header X-Load %d\nchat", 100+i))
	}
	hears(t, first, `"bye"`, "please connect again")
	for _, c := range []*websocket.Conn{plain, tenth} {
		say(t, c, `{"type":"ping","id":"1"}`)
		hears(t, c, `"pong"`)
	}
}

// A page that is taken off the list is sent away by the reload; those of others,
// and what is no page, stay.
func TestReload_Origins_HoldForThoseWhoAreConnected(t *testing.T) {
	s := startCaddy(t, "chat {\norigins https://a.example https://b.example\n}")
	url := "ws://" + s.plain + "/chat"
	from := func(origin string) *websocket.Conn {
		c := s.v1(url, http.Header{"Origin": {origin}}, "")
		hears(t, c, "welcome")
		return c
	}
	a, b, phone := from("https://a.example"), from("https://B.example"), s.v1(url, nil, "")
	hears(t, phone, "welcome")
	s.load("chat {\norigins https://b.example\n}")
	hears(t, a, `"bye"`, `"forbidden"`)
	s.load("header X-Other 1\nchat {\norigins https://*.example\n}")
	for _, c := range []*websocket.Conn{b, phone} {
		say(t, c, `{"type":"ping","id":"1"}`)
		hears(t, c, `"pong"`)
	}
	s.load("chat") // the site itself alone
	hears(t, b, `"bye"`, `"forbidden"`)
	say(t, phone, `{"type":"ping","id":"1"}`)
	hears(t, phone, `"pong"`)
}
