package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
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
		"/talk/rooms":                    `405 {"title":"Method Not Allowed","status":405,"detail":"the methods here are POST, OPTIONS","code":"bad_frame","retry":false}`,
		"/talk/roomsx":                   "200 other",
		"/talks/rooms/tea/messages":      "200 other",
		"/talk/rooms/tea/messages/extra": `405 {"title":"Method Not Allowed","status":405,"detail":"the methods here are DELETE, PATCH, OPTIONS","code":"bad_frame","retry":false}`,
	} {
		code, body := s.Status("https://"+s.TLS+path, nil)
		if got := fmt.Sprint(code, " ", body); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// A conversation whose policy a reload takes away is closed, to its members too, but for keys
// and the admin API; and it is as before when another reload gives the policy back.
func TestPolicies_OfConversations_Reload(t *testing.T) {
	const rest = `auth caddy {
			id {http.request.header.X-User}
		}
		key k ` + feedSecret + ` {
			read *
			write *
		}
		policy * {
			read anyone
			write anyone
		}
	}`
	with, without := `chat {
		policy g-* {
			read members
			write members
			create users
		}
		`+rest, "chat {\n"+rest
	s, admin := testcaddy.StartAdmin(t, with)
	url := "ws://" + s.Plain + "/chat"
	as := func(user string) http.Header { return http.Header{"X-User": {user}} }
	ann, ben, eve := s.V1(url, as("ann"), `,"list":{}`), s.V1(url, as("ben"), `,"list":{}`), s.V1(url, as("eve"), "")
	testcaddy.Hears(t, eve, "welcome")
	testcaddy.Say(t, ann, `{"type":"create","id":"1","key":"k","title":"Trip","users":["ben"]}`)
	room := member(t, testcaddy.Until(t, ann, `"created"`), "room")
	// asks returns what a command about the room is answered.
	asks := func(c *websocket.Conn, fields string) string {
		t.Helper()
		testcaddy.Say(t, c, `{"id":"?","room":"`+room+`",`+fields+`}`)
		return testcaddy.Until(t, c, `"id":"?"`)
	}
	// status is what a request about its messages gets.
	status := func(method string, header http.Header) int {
		t.Helper()
		body := ""
		if method == "POST" {
			header.Set("Content-Type", "application/json")
			body = `{"body":{"text":"hi"}}`
		}
		return ask(t, s, method, "/chat/rooms/"+room+"/messages", header, body).StatusCode
	}
	key := http.Header{"Authorization": {"Bearer " + feedSecret}}
	for range 2 {
		for _, c := range []*websocket.Conn{ann, ben} {
			if got := asks(c, `"type":"join"`); !strings.Contains(got, `"joined"`) {
				t.Fatalf("a member is told %s", got)
			}
		}
		testcaddy.Say(t, ann, `{"type":"send","room":"`+room+`","body":{"text":"inside"}}`)
		testcaddy.Until(t, ben, `"message"`, "inside")
		if got := status("GET", as("eve")); got != 403 {
			t.Errorf("a stranger reads: %d", got)
		}

		s.Load(without)
		for _, c := range []*websocket.Conn{ann, ben} {
			testcaddy.Until(t, c, `"removed"`, room, "forbidden")
		}
		for who, c := range map[string]*websocket.Conn{"ann": ann, "ben": ben, "eve": eve} {
			for _, fields := range []string{`"type":"join"`, `"type":"history"`, `"type":"members"`, `"type":"info","title":"x"`} {
				if got := asks(c, fields); !strings.Contains(got, `"forbidden"`) {
					t.Errorf("%s, %s: %s", who, fields, got)
				}
			}
			for _, method := range []string{"GET", "POST"} {
				if got := status(method, as(who)); got != 403 {
					t.Errorf("%s, %s: %d", who, method, got)
				}
			}
		}
		for _, method := range []string{"GET", "POST"} {
			if got := status(method, key); got != 200 && got != 201 {
				t.Errorf("a key, %s: %d", method, got)
			}
		}
		if got, _ := testcaddy.Ask(t, "GET", admin+"/chat/hubs/default/rooms/"+room, ""); got != 200 {
			t.Errorf("the admin API: %d", got)
		}
		s.Load(with)
	}
	// What was said meanwhile is there, and was told nobody.
	if got := asks(ben, `"type":"join"`); !strings.Contains(got, `"role":"member"`) || strings.Count(got, `"text":"inside"`) != 2 || strings.Count(got, `"text":"hi"`) != 2 {
		t.Errorf("a member is told %s", got)
	}
}

// Who was away while a reload took a conversation out of their list, or gave it back, gets the
// whole list: also if the configuration is as it was when they left. A reload that changes
// nothing about lists, and a restart, cost nobody a whole list.
func TestPolicies_Reload_ListsAreReadAfresh(t *testing.T) {
	config := func(readers, more string) string {
		return `chat {
			auth caddy {
				id {http.request.header.X-User}
			}
			policy g-* {
				read ` + readers + `
				write members
				create users
				` + more + `
			}
		}`
	}
	s := testcaddy.Start(t, config("members", ""))
	url := "ws://" + s.Plain + "/chat"
	as := func(user string) http.Header { return http.Header{"X-User": {user}} }
	ann := s.V1(url, as("ann"), "")
	testcaddy.Say(t, ann, `{"type":"create","id":"1","key":"k","users":["ben"]}`)
	room := member(t, testcaddy.Until(t, ann, `"created"`), "room")
	comeBack := func(since string) (c *websocket.Conn, at, list string) {
		t.Helper()
		c = s.V1(url, as("ben"), `,"list":{"since":"`+since+`"}`)
		var f struct {
			List struct {
				At   string
				All  bool
				Rows []struct{ Room string }
			}
		}
		if err := json.Unmarshal([]byte(testcaddy.Hears(t, c, `"welcome"`)), &f); err != nil {
			t.Fatal(err)
		}
		return c, f.List.At, strings.Replace(fmt.Sprint(f.List.All, f.List.Rows), room, "the group", 1)
	}
	open, first, list := comeBack("")
	if list != "true [{the group}]" {
		t.Fatalf("at first: %s", list)
	}
	expect := func(what, since, want string) string {
		t.Helper()
		c, at, list := comeBack(since)
		if list != want {
			t.Errorf("%s: %s", what, list)
		}
		if err := c.CloseNow(); err != nil {
			t.Error(err)
		}
		return at
	}
	s.Load(config("members", "max_members 7"))
	expect("other places", first, "false []")
	s.Load(config("admins", ""))
	testcaddy.Until(t, open, `"gone":true`, room)
	without := expect("only admins read", first, "true []")
	s.Load(config("members", ""))
	testcaddy.Until(t, open, `"row"`, room, `"role":"member"`)
	last := expect("members read again", without, "true [{the group}]")
	expect("members read again, as at first", first, "true [{the group}]")
	s.Restart(config("members", ""))
	expect("after a restart", last, "false []")
	s.Restart(config("admins", ""))
	expect("after a restart with other policies", last, "true []")
}
