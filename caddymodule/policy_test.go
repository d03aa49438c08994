package caddymodule_test

import (
	"fmt"
	"testing"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestPolicies_Apply_AndAreReloaded(t *testing.T) {
	s := testcaddy.Start(t, `chat {
		policy news {
			read anyone
		}
		policy talk-* {
			read anyone
			write anyone
		}
		policy modern {
			read anyone
			raw off
		}
	}`)
	url := "ws://" + s.Plain + "/chat?room="
	news, a, b := s.Client(url+"news"), s.Client(url+"talk-1"), s.Client(url+"talk-1")
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
	for _, room := range []string{"secret", "modern"} {
		if code, _ := s.Status("http://"+s.Plain+"/chat?room="+room, testcaddy.UpgradeHeader); code != 403 {
			t.Errorf("%s: status %d", room, code)
		}
	}
	s.Load("chat {\npolicy talk-* {\nread anyone\n}\n}")
	if _, _, err := news.Read(t.Context()); websocket.CloseStatus(err) != 4500 {
		t.Errorf("a client that may not read any more is told %v", err)
	}
	testcaddy.Say(t, b, "unheard") // a raw client can't be told, so it is disconnected
	if _, _, err := b.Read(t.Context()); websocket.CloseStatus(err) != 4500 {
		t.Errorf("a client that may not write is told %v", err)
	}
	b = s.Client(url + "talk-1")
	s.Load("chat {\npolicy talk-* {\nread anyone\nwrite anyone\n}\n}")
	testcaddy.Say(t, a, "heard")
	testcaddy.Expect(t, b, "heard")
}

func TestHandler_Messages_OverHTTP(t *testing.T) {
	s := testcaddy.Start(t, "route {\nchat /talk\nrespond other\n}")
	for path, want := range map[string]string{
		"/talk/rooms/tea/messages":       `401 {"title":"Unauthorized","status":401,"detail":"a token is needed","code":"bad_token","retry":false}`,
		"/talk/rooms/a%2Fb/messages":     `401 {"title":"Unauthorized","status":401,"detail":"a token is needed","code":"bad_token","retry":false}`,
		"/talk/rooms//messages":          `400 {"title":"Bad Request","status":400,"detail":"room name is empty","code":"bad_room","retry":false}`,
		"/talk/rooms/a/b/messages":       `404 {"title":"Not Found","status":404,"detail":"there is no such request: openapi.json lists them; percent-encode what stands in the path, its slashes too","code":"not_found","retry":false}`,
		"/talk/health":                   "200 ok\n",
		"/talk/login":                    `404 {"title":"Not Found","status":404,"detail":"no method of auth that this site has gives tokens at login","code":"not_found","retry":false}`,
		"/talk/rooms":                    "405 Method Not Allowed\n",
		"/talk/roomsx":                   "200 other",
		"/talks/rooms/tea/messages":      "200 other",
		"/talk/rooms/tea/messages/extra": "405 Method Not Allowed\n",
	} {
		code, body := s.Status("https://"+s.TLS+path, nil)
		if got := fmt.Sprint(code, " ", body); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}
