package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestAdmin_ShowsAndEndsSessions(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\n}\nchat /other {\nhub other\njournal memory\n}")
	url := "ws://" + s.Plain + "/chat"
	ann := s.V1(url, testcaddy.As("ann"), `,"device":"d1","rooms":[{"room":"tea"},{"room":"work"}]`)
	testcaddy.Hears(t, ann, "welcome")
	ben := s.V1(url, testcaddy.As("ben"), `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, ben, "welcome")

	_, list := testcaddy.Ask(t, "GET", admin+"/chat/hubs", "")
	if hubs := list["hubs"].([]any); len(hubs) != 2 || hubs[0].(map[string]any)["name"] != "default" || hubs[0].(map[string]any)["sessions"] != 2.0 ||
		hubs[1].(map[string]any)["name"] != "other" || hubs[1].(map[string]any)["healthy"] != true {
		t.Errorf("%v", list)
	}
	hub := admin + "/chat/hubs/default"
	_, list = testcaddy.Ask(t, "GET", hub+"/rooms?limit=1", "")
	if fmt.Sprint(list["rooms"]) != "[map[name:tea sessions:2]]" || list["next"] != "tea" {
		t.Errorf("%v", list)
	}
	_, list = testcaddy.Ask(t, "GET", hub+"/rooms?cursor=tea", "")
	if fmt.Sprint(list["rooms"]) != "[map[name:work sessions:1]]" || list["next"] != "" {
		t.Errorf("%v", list)
	}
	for query, want := range map[string]int{"": 2, "?user=ann": 1, "?room=tea": 2, "?room=work": 1, "?room=work&user=ben": 0, "?room=none": 0, "?limit=1": 1} {
		if _, list := testcaddy.Ask(t, "GET", hub+"/sessions"+query, ""); len(list["sessions"].([]any)) != want {
			t.Errorf("%s: %v", query, list)
		}
	}
	_, list = testcaddy.Ask(t, "GET", hub+"/sessions?user=ann", "")
	session := list["sessions"].([]any)[0].(map[string]any)
	if session["user"] != "ann" || session["dialect"] != "chat.v1" || session["device"] != "d1" || session["address"] != "127.0.0.1" || session["since"].(float64) < 1e12 {
		t.Errorf("%v", session)
	}
	one := hub + "/sessions/" + session["id"].(string)
	if _, same := testcaddy.Ask(t, "GET", one, ""); fmt.Sprint(same) != fmt.Sprint(session) {
		t.Errorf("%v, want %v", same, session)
	}
	if code, _ := testcaddy.Ask(t, "DELETE", one, ""); code != 204 {
		t.Errorf("status %d", code)
	}
	testcaddy.Until(t, ann, `"bye"`, `"code":"kicked"`)
	testcaddy.Eventually(t, "the session has gone", func() bool {
		code, _ := testcaddy.Ask(t, "GET", one, "")
		return code == 404
	})
}

func TestAdmin_Moderates_AndThatOutlivesARestart(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\n}")
	url, hub := "ws://"+s.Plain+"/chat", admin+"/chat/hubs/default"
	devices := []*websocket.Conn{s.V1(url, testcaddy.As("ann"), `,"rooms":[{"room":"tea"}]`), s.V1(url, testcaddy.As("ann"), `,"rooms":[{"room":"tea"}]`)}
	ben := s.V1(url, testcaddy.As("ben"), `,"rooms":[{"room":"tea"}]`)
	for _, c := range append(devices, ben) {
		testcaddy.Hears(t, c, "welcome")
	}
	if code, body := testcaddy.Ask(t, "POST", hub+"/mute", `{"room":"tea","user":"ann","for":"10m"}`); code != 204 {
		t.Errorf("%d %v", code, body)
	}
	for _, c := range devices {
		testcaddy.Until(t, c, `"muted"`)
		testcaddy.Say(t, c, `{"type":"send","id":"1","room":"tea","body":"x"}`)
		testcaddy.Until(t, c, `"code":"muted"`)
	}
	code, said := testcaddy.Ask(t, "POST", hub+"/announce", `{"room":"tea","body":{"text":"closing at ten"}}`)
	if code != 200 || said["seq"] != 1.0 {
		t.Errorf("%d %v", code, said)
	}
	testcaddy.Until(t, ben, `"type":"notice"`, `"body":{"text":"closing at ten"}`)
	testcaddy.Say(t, ben, `{"type":"send","id":"1","room":"tea","body":"rude"}`)
	testcaddy.Until(t, ben, `"type":"message"`)
	if code, body := testcaddy.Ask(t, "POST", hub+"/recall", `{"room":"tea","seq":2}`); code != 204 {
		t.Errorf("%d %v", code, body)
	}
	if frame := testcaddy.Until(t, ben, `"type":"recalled"`, `"target":2`); strings.Contains(frame, `"from"`) {
		t.Errorf("%s", frame)
	}
	if code, body := testcaddy.Ask(t, "POST", hub+"/kick", `{"room":"tea","user":"ben"}`); code != 204 {
		t.Errorf("%d %v", code, body)
	}
	testcaddy.Until(t, ben, `"type":"removed"`, `"code":"kicked"`)
	if code, body := testcaddy.Ask(t, "POST", hub+"/ban", `{"user":"ann"}`); code != 204 {
		t.Errorf("%d %v", code, body)
	}
	for _, c := range devices {
		testcaddy.Until(t, c, `"type":"bye"`, `"code":"banned"`)
	}
	s.Restart(testcaddy.BasicAuth + "chat {\nauth caddy\n}")
	_, list := testcaddy.Ask(t, "GET", hub+"/sanctions", "")
	if text := fmt.Sprint(list["sanctions"]); !strings.HasPrefix(text, "[map[kind:ban user:ann] map[kind:mute room:tea until:") {
		t.Errorf("%v", text)
	}
	testcaddy.Hears(t, s.V1(url, testcaddy.As("ann"), ``), `"code":"banned"`)
	if code, _ := testcaddy.Ask(t, "POST", hub+"/ban", `{"user":"ann","for":0}`); code != 204 {
		t.Errorf("status %d", code)
	}
	testcaddy.Hears(t, s.V1(url, testcaddy.As("ann"), ``), "welcome")
}

func TestAdmin_BadRequests_ChangeNothing(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat {\njournal memory\n}")
	_ = s
	for request, want := range map[string]string{
		"GET /chat/nothing":                                                    "404 there is nothing at /chat/nothing",
		"PUT /chat/hubs":                                                       "405 method PUT is not allowed here",
		"GET /chat/hubs/none":                                                  `404 no hub "none" is running`,
		"GET /chat/hubs/default/rooms?limit=0":                                 "400 limit must be a number from 1 to 1000",
		"GET /chat/hubs/default/sessions/none":                                 `404 there is no session "none"`,
		"DELETE /chat/hubs/default/sessions/none":                              `404 there is no session "none"`,
		"POST /chat/hubs/default/mute":                                         "400 the Content-Type must be application/json",
		"POST /chat/hubs/default/mute x":                                       "400 the body is not valid: invalid character",
		"POST /chat/hubs/default/mute {}{}":                                    "400 the body is not valid: there is more after the JSON value",
		`POST /chat/hubs/default/mute {"usr":"x"}`:                             `400 the body is not valid: json: unknown field "usr"`,
		`POST /chat/hubs/default/mute {}`:                                      "400 user is missing",
		`POST /chat/hubs/default/mute {"user":"x","for":"soon"}`:               "400 for is not a duration",
		`POST /chat/hubs/default/mute {"user":"x","for":-5}`:                   "400 for must be whole milliseconds",
		`POST /chat/hubs/default/mute {"user":"x","for":[]}`:                   "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","for":0.5}`:                   "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","for":1e300}`:                 "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","for":18446744073710}`:        "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","for":"-1ns"}`:                "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","room":"a` + "\\u0000" + `"}`: "400 room name has a control character",
		`POST /chat/hubs/default/kick {"user":"x","for":5}`:                    "400 a kick has no duration",
		`POST /chat/hubs/default/kick {"user":"x"}`:                            `404 user "x" is not present`,
		`POST /chat/hubs/default/announce {"room":"` + "\\t" + `","body":1}`:   "400 room name has a control character",
		`POST /chat/hubs/default/mute {"user":"x","room":"@x"}`:                "403 forbidden: you may not do this",
		`POST /chat/hubs/default/ban {"user":"x","room":"@x","for":"1h"}`:      "403 forbidden: you may not do this",
		`POST /chat/hubs/default/announce {"room":"@x","body":1}`:              "403 forbidden: you may not do this",
		`POST /chat/hubs/default/announce {"room":"a"}`:                        "400 body: bad_frame",
		`POST /chat/hubs/default/recall {"room":"a"}`:                          "400 room and seq must name a message",
		`POST /chat/hubs/default/recall {"room":"a","seq":9}`:                  `404 room "a" has no message 9`,
	} {
		parts := strings.SplitN(request+" ", " ", 3)
		code, answer := testcaddy.Ask(t, parts[0], admin+parts[1], strings.TrimSpace(parts[2]))
		message, _ := answer["error"].(string)
		if got := fmt.Sprint(code, " ", message); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
	if _, list := testcaddy.Ask(t, "GET", admin+"/chat/hubs/default/sanctions", ""); len(list["sanctions"].([]any)) != 0 {
		t.Errorf("%v", list)
	}
}
