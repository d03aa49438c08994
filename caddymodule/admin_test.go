package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// startAdmin runs Caddy with its admin API, whose base URL is returned.
func startAdmin(t *testing.T, directives string) (*site, string) {
	t.Helper()
	addr := freeAddr(t)
	return startCaddyWith(t, directives, "admin "+addr+"\nmetrics"), "http://" + addr
}

// ask asks the admin API and returns the status and the answer.
func ask(t *testing.T, method, url, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatalf("%s %s: %s: %v", method, url, text, err)
		}
	}
	return res.StatusCode, answer
}

func TestAdmin_ShowsAndEndsSessions(t *testing.T) {
	s, admin := startAdmin(t, basicAuth+"chat {\nauth caddy\n}\nchat /other {\nhub other\njournal memory\n}")
	url := "ws://" + s.plain + "/chat"
	ann := s.v1(url, as("ann"), `,"device":"d1","rooms":[{"room":"tea"},{"room":"work"}]`)
	hears(t, ann, "welcome")
	ben := s.v1(url, as("ben"), `,"rooms":[{"room":"tea"}]`)
	hears(t, ben, "welcome")

	_, list := ask(t, "GET", admin+"/chat/hubs", "")
	if hubs := list["hubs"].([]any); len(hubs) != 2 || hubs[0].(map[string]any)["name"] != "default" || hubs[0].(map[string]any)["sessions"] != 2.0 ||
		hubs[1].(map[string]any)["name"] != "other" || hubs[1].(map[string]any)["healthy"] != true {
		t.Errorf("%v", list)
	}
	hub := admin + "/chat/hubs/default"
	_, list = ask(t, "GET", hub+"/rooms?limit=1", "")
	if fmt.Sprint(list["rooms"]) != "[map[name:tea sessions:2]]" || list["next"] != "tea" {
		t.Errorf("%v", list)
	}
	_, list = ask(t, "GET", hub+"/rooms?cursor=tea", "")
	if fmt.Sprint(list["rooms"]) != "[map[name:work sessions:1]]" || list["next"] != "" {
		t.Errorf("%v", list)
	}
	for query, want := range map[string]int{"": 2, "?user=ann": 1, "?room=tea": 2, "?room=work": 1, "?room=work&user=ben": 0, "?room=none": 0, "?limit=1": 1} {
		if _, list := ask(t, "GET", hub+"/sessions"+query, ""); len(list["sessions"].([]any)) != want {
			t.Errorf("%s: %v", query, list)
		}
	}
	_, list = ask(t, "GET", hub+"/sessions?user=ann", "")
	session := list["sessions"].([]any)[0].(map[string]any)
	if session["user"] != "ann" || session["dialect"] != "chat.v1" || session["device"] != "d1" || session["address"] != "127.0.0.1" || session["since"].(float64) < 1e12 {
		t.Errorf("%v", session)
	}
	one := hub + "/sessions/" + session["id"].(string)
	if _, same := ask(t, "GET", one, ""); fmt.Sprint(same) != fmt.Sprint(session) {
		t.Errorf("%v, want %v", same, session)
	}
	if code, _ := ask(t, "DELETE", one, ""); code != 204 {
		t.Errorf("status %d", code)
	}
	until(t, ann, `"bye"`, `"code":"kicked"`)
	eventually(t, "the session has gone", func() bool {
		code, _ := ask(t, "GET", one, "")
		return code == 404
	})
}

// until reads frames up to one that contains all parts.
func until(t *testing.T, c *websocket.Conn, parts ...string) string {
	t.Helper()
	for {
		frame := hears(t, c)
		found := true
		for _, part := range parts {
			found = found && strings.Contains(frame, part)
		}
		if found || t.Failed() {
			return frame
		}
	}
}

func TestAdmin_Moderates_AndThatOutlivesARestart(t *testing.T) {
	s, admin := startAdmin(t, basicAuth+"chat {\nauth caddy\n}")
	url, hub := "ws://"+s.plain+"/chat", admin+"/chat/hubs/default"
	devices := []*websocket.Conn{s.v1(url, as("ann"), `,"rooms":[{"room":"tea"}]`), s.v1(url, as("ann"), `,"rooms":[{"room":"tea"}]`)}
	ben := s.v1(url, as("ben"), `,"rooms":[{"room":"tea"}]`)
	for _, c := range append(devices, ben) {
		hears(t, c, "welcome")
	}
	if code, body := ask(t, "POST", hub+"/mute", `{"room":"tea","user":"ann","for":"10m"}`); code != 204 {
		t.Errorf("%d %v", code, body)
	}
	for _, c := range devices {
		until(t, c, `"muted"`)
		say(t, c, `{"type":"send","id":"1","room":"tea","body":"x"}`)
		until(t, c, `"code":"muted"`)
	}
	code, said := ask(t, "POST", hub+"/announce", `{"room":"tea","body":{"text":"closing at ten"}}`)
	if code != 200 || said["seq"] != 1.0 {
		t.Errorf("%d %v", code, said)
	}
	until(t, ben, `"type":"notice"`, `"body":{"text":"closing at ten"}`)
	say(t, ben, `{"type":"send","id":"1","room":"tea","body":"rude"}`)
	until(t, ben, `"type":"message"`)
	if code, body := ask(t, "POST", hub+"/recall", `{"room":"tea","seq":2}`); code != 204 {
		t.Errorf("%d %v", code, body)
	}
	if frame := until(t, ben, `"type":"recalled"`, `"target":2`); strings.Contains(frame, `"from"`) {
		t.Errorf("%s", frame)
	}
	if code, body := ask(t, "POST", hub+"/kick", `{"room":"tea","user":"ben"}`); code != 204 {
		t.Errorf("%d %v", code, body)
	}
	until(t, ben, `"type":"removed"`, `"code":"kicked"`)
	if code, body := ask(t, "POST", hub+"/ban", `{"user":"ann"}`); code != 204 {
		t.Errorf("%d %v", code, body)
	}
	for _, c := range devices {
		until(t, c, `"type":"bye"`, `"code":"banned"`)
	}
	s.restart(basicAuth + "chat {\nauth caddy\n}")
	_, list := ask(t, "GET", hub+"/sanctions", "")
	if text := fmt.Sprint(list["sanctions"]); !strings.HasPrefix(text, "[map[kind:ban user:ann] map[kind:mute room:tea until:") {
		t.Errorf("%v", text)
	}
	hears(t, s.v1(url, as("ann"), ``), `"code":"banned"`)
	if code, _ := ask(t, "POST", hub+"/ban", `{"user":"ann","for":0}`); code != 204 {
		t.Errorf("status %d", code)
	}
	hears(t, s.v1(url, as("ann"), ``), "welcome")
}

func TestAdmin_BadRequests_ChangeNothing(t *testing.T) {
	s, admin := startAdmin(t, "chat {\njournal memory\n}")
	_ = s
	for request, want := range map[string]string{
		"GET /chat/nothing":                                                    "404 there is nothing at /chat/nothing",
		"PUT /chat/hubs":                                                       "405 method PUT is not allowed here",
		"GET /chat/hubs/none":                                                  `404 no hub "none" is running`,
		"GET /chat/hubs/default/rooms?limit=0":                                 "400 limit must be a number from 1 to 1000",
		"GET /chat/hubs/default/sessions/none":                                 `404 there is no session "none"`,
		"DELETE /chat/hubs/default/sessions/none":                              `404 there is no session "none"`,
		"POST /chat/hubs/default/mute":                                         "400 the Content-Type must be application/json",
		"POST /chat/hubs/default/mute x":                                       "400 the body is not as it must be",
		"POST /chat/hubs/default/mute {}{}":                                    "400 the body is not as it must be: there is something behind it",
		`POST /chat/hubs/default/mute {"usr":"x"}`:                             `400 the body is not as it must be: json: unknown field "usr"`,
		`POST /chat/hubs/default/mute {}`:                                      "400 user is missing",
		`POST /chat/hubs/default/mute {"user":"x","for":"soon"}`:               "400 for is no duration",
		`POST /chat/hubs/default/mute {"user":"x","for":-5}`:                   "400 for must be from 0",
		`POST /chat/hubs/default/mute {"user":"x","for":[]}`:                   "400 for must be milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","room":"a` + "\\u0000" + `"}`: "400 room name has a control character",
		`POST /chat/hubs/default/kick {"user":"x","for":5}`:                    "400 a kick has no length",
		`POST /chat/hubs/default/kick {"user":"x"}`:                            `404 user "x" is not there`,
		`POST /chat/hubs/default/announce {"room":"` + "\\t" + `","body":1}`:   "400 room name has a control character",
		`POST /chat/hubs/default/announce {"room":"a"}`:                        "400 body: bad_frame",
		`POST /chat/hubs/default/recall {"room":"a"}`:                          "400 room and seq must name a message",
		`POST /chat/hubs/default/recall {"room":"a","seq":9}`:                  `404 room "a" has no message 9`,
	} {
		parts := strings.SplitN(request+" ", " ", 3)
		code, answer := ask(t, parts[0], admin+parts[1], strings.TrimSpace(parts[2]))
		message, _ := answer["error"].(string)
		if got := fmt.Sprint(code, " ", message); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
	if _, list := ask(t, "GET", admin+"/chat/hubs/default/sanctions", ""); len(list["sanctions"].([]any)) != 0 {
		t.Errorf("%v", list)
	}
}

func TestMetrics_TellOfEveryHub_AndSurviveReloads(t *testing.T) {
	s, admin := startAdmin(t, "chat\nchat /two {\nhub two\njournal memory\n}")
	scrape := func() string {
		res, err := http.Get(admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	a, b := s.client("ws://"+s.plain+"/chat?room=tea"), s.client("ws://"+s.plain+"/chat?room=tea")
	say(t, a, "hello")
	expect(t, b, "hello")
	hears(t, s.v1("ws://"+s.plain+"/two", nil, `,"rooms":[{"room":"r","epoch":"old","after":7}]`), `"gap":true`)
	hears(t, s.v1("ws://"+s.plain+"/two", nil, `,"token":"x"`), `"bad_token"`)
	s.status("http://"+s.plain+"/chat", nil)
	s.load("header X-Changed 1\nchat\nchat /two {\nhub two\njournal memory\n}")
	for _, want := range []string{
		`caddy_chat_sessions{hub="default"} 2`,
		`caddy_chat_rooms{hub="default"} 1`,
		`caddy_chat_messages_in_total{hub="default"} 1`,
		`caddy_chat_deliveries_total{hub="default"} 1`,
		`caddy_chat_bytes_in_total{hub="default"} 5`,
		`caddy_chat_journal_recorded_total{hub="default"} 1`,
		`caddy_chat_journal_entries{hub="default"} 1`,
		`caddy_chat_refusals_total{hub="default",reason="handshake"} 1`,
		`caddy_chat_refusals_total{hub="two",reason="identity"} 1`,
		`caddy_chat_errors_total{code="bad_token",hub="two"} 1`,
		`caddy_chat_byes_total{code="bad_token",hub="two"} 1`,
		`caddy_chat_resumes_total{hub="two",outcome="gap"} 1`,
		`caddy_chat_parked_connections{hub="default"}`,
	} {
		eventually(t, want, func() bool { return strings.Contains(scrape(), want) })
	}
	for line := range strings.Lines(scrape()) {
		if strings.HasPrefix(line, "caddy_chat_") && (strings.Contains(line, "tea") || strings.Contains(line, "127.0.0.1")) {
			t.Errorf("a label says too much: %s", line)
		}
	}
}
