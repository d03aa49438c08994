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
	if code, body := testcaddy.Ask(t, "POST", hub+"/mute", `{"room":"tea","user":"ann","for":"10m"}`); code != 200 || body["sessions"] != 2.0 || body["until"].(float64) < 1e12 {
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
	if code, body := testcaddy.Ask(t, "POST", hub+"/recall", `{"room":"tea","seq":2}`); code != 200 || body["target"] != 2.0 {
		t.Errorf("%d %v", code, body)
	}
	if frame := testcaddy.Until(t, ben, `"type":"recalled"`, `"target":2`); strings.Contains(frame, `"from"`) {
		t.Errorf("%s", frame)
	}
	if code, body := testcaddy.Ask(t, "POST", hub+"/kick", `{"room":"tea","user":"ben"}`); code != 200 || body["sessions"] != 1.0 {
		t.Errorf("%d %v", code, body)
	}
	testcaddy.Until(t, ben, `"type":"removed"`, `"code":"kicked"`)
	if code, body := testcaddy.Ask(t, "POST", hub+"/ban", `{"user":"ann"}`); code != 200 || body["sessions"] != 2.0 {
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
	if code, body := testcaddy.Ask(t, "POST", hub+"/ban", `{"user":"ann","for":0}`); code != 200 || body["lifted"] != true {
		t.Errorf("%d %v", code, body)
	}
	testcaddy.Hears(t, s.V1(url, testcaddy.As("ann"), ``), "welcome")
}

func TestAdmin_BadRequests_ChangeNothing(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\njournal memory\n}")
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", testcaddy.As("ann"), `,"rooms":[{"room":"tea"}]`), "welcome")
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for request, want := range map[string]string{
		"GET /chat/nothing":      "404 there is nothing at /chat/nothing",
		"PUT /chat/hubs":         "405 method PUT is not allowed here, but GET, HEAD",
		"GET /chat/hubs/none":    `404 no hub "none" is running`,
		"GET /chat/hubs/defualt": `404 no hub "defualt" is running; did you mean "default"?`,
		"GET /chat/hubs/%2F":     `404 no hub "/" is running`,
		`POST /chat/hubs/default/backup {"dir":"/x\u0000y"}`:                                     "400 dir must be the absolute path",
		"GET /chat/hubs?hub=x":                                                                   `400 there is no parameter "hub" here`,
		"GET /chat/hubs/default/rooms?limit=0":                                                   "400 limit must be a number from 1 to 1000",
		"GET /chat/hubs/default/rooms?limit=5&limit=5":                                           `400 the parameter "limit" is given twice`,
		"GET /chat/hubs/default/rooms?limit=%zz":                                                 "400 the query is not valid",
		"GET /chat/hubs/default/rooms/tae":                                                       `404 there is no room "tae"; did you mean "tea"?`,
		"GET /chat/hubs/default/rooms/%00":                                                       "400 room name has a control character",
		"DELETE /chat/hubs/default/rooms/tae":                                                    `404 there is no room "tae"; did you mean "tea"?`,
		"DELETE /chat/hubs/default/rooms/@x":                                                     `403 room "@x" belongs to the server`,
		"GET /chat/hubs/default/users/an":                                                        `404 no user "an" is known here; did you mean "ann"?`,
		"DELETE /chat/hubs/default/users/an":                                                     `404 no user "an" is known here; did you mean "ann"?`,
		"GET /chat/hubs/default/sessions?room=":                                                  "400 room is missing",
		"GET /chat/hubs/default/sessions/none":                                                   `404 there is no session "none"`,
		"DELETE /chat/hubs/default/sessions/none":                                                `404 there is no session "none"`,
		"POST /chat/hubs/default/mute":                                                           "400 the body is missing: it must be a JSON object",
		"POST /chat/hubs/default/mute x":                                                         "400 the body is not valid JSON: expected a value at byte 0",
		"POST /chat/hubs/default/mute {":                                                         "400 the body is not valid JSON: expected the name of a member at byte 1",
		"POST /chat/hubs/default/mute null":                                                      "400 the body must be a JSON object",
		"POST /chat/hubs/default/mute []":                                                        "400 the body must be a JSON object",
		"POST /chat/hubs/default/mute {}{}":                                                      "400 the body is not valid JSON: more than one value at byte 2",
		`POST /chat/hubs/default/mute {"usr":"x"}`:                                               `400 usr is not known here`,
		`POST /chat/hubs/default/mute {"user":7}`:                                                `400 user must be no number`,
		"POST /chat/hubs/default/mute {\"user\":\"\xff\"}":                                       `400 the body is not UTF-8`,
		`POST /chat/hubs/default/mute {}`:                                                        "400 user is missing",
		`POST /chat/hubs/default/mute {"user":"x"}`:                                              `404 no user "x" is known here; if the name is right, set unknown (--unknown)`,
		`POST /chat/hubs/default/mute {"user":"ann","room":"tae"}`:                               `404 there is no room "tae"; did you mean "tea"?; if the name is right, set unknown (--unknown)`,
		`POST /chat/hubs/default/mute {"user":"x","for":"soon"}`:                                 "400 for is not a duration",
		`POST /chat/hubs/default/mute {"user":"x","for":-5}`:                                     "400 for must be whole milliseconds",
		`POST /chat/hubs/default/mute {"user":"x","for":[]}`:                                     "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","for":0.5}`:                                     "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","for":1e300}`:                                   "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","for":18446744073710}`:                          "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","for":"-1ns"}`:                                  "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"x","room":"a` + "\\u0000" + `"}`:                   "400 room name has a control character",
		"GET /chat/hubs/default/sessions?user=":                                                  "400 user is empty; leave it out",
		`POST /chat/hubs/default/ban {"user":"ann","room":""}`:                                   "400 room must not be empty",
		`POST /chat/hubs/default/mute {"user":"ann","room":""}`:                                  "400 room must not be empty",
		`POST /chat/hubs/default/kick {"user":"ann","room":""}`:                                  "400 room must not be empty",
		`POST /chat/hubs/default/ban {"user":"ann","room":null,"for":5}`:                         "400 room must not be null",
		`POST /chat/hubs/default/ban {"user":"ann","for":null}`:                                  "400 for must not be null",
		`POST /chat/hubs/default/kick {"user":"ann","room":null}`:                                "400 room must not be null",
		`POST /chat/hubs/default/announce {"room":null,"all":true,"body":1}`:                     "400 room must not be null",
		`POST /chat/hubs/default/announce {"room":"","all":true,"body":1}`:                       "400 room must not be empty",
		`POST /chat/hubs/default/replay {"webhook":"x","from":null,"since":"1h"}`:                "400 from must not be null",
		`POST /chat/hubs/default/replay {"webhook":"x","from":"","since":"1h"}`:                  "400 from must not be empty",
		`POST /chat/hubs/default/announce {"room":"tea","body":1e400}`:                           "400 the body is not valid JSON: number is too large",
		`POST /chat/hubs/default/ban {"user":"ann","for":"0.4ms"}`:                               "400 for must be whole milliseconds",
		`POST /chat/hubs/default/ban {"user":"ann","user":"ben"}`:                                `400 user stands twice`,
		`POST /chat/hubs/default/ban {"user":"ann","rooM":"tea"}`:                                `400 rooM is not known here`,
		`POST /chat/hubs/default/ban {"unknown":true,"user":"` + strings.Repeat("x", 129) + `"}`: "400 nobody can have this id",
		`POST /chat/hubs/default/ban {"unknown":true,"user":"a` + "\\u0000" + `"}`:               "400 nobody can have this id",
		`POST /chat/hubs/default/kick {"user":"x","for":5}`:                                      "400 a kick has neither for nor unknown",
		`POST /chat/hubs/default/kick {"user":"an"}`:                                             `404 user "an" is not connected; did you mean "ann"?`,
		`POST /chat/hubs/default/kick {"user":"ann","room":"rum"}`:                               `404 there is no room "rum"`,
		`POST /chat/hubs/default/kick {"user":"ben","room":"tea"}`:                               `404 user "ben" is not in room "tea"`,
		`POST /chat/hubs/default/announce {"body":1}`:                                            "400 room is missing; to announce in every room",
		`POST /chat/hubs/default/announce {"room":"tea","all":true,"body":1}`:                    "400 all means every room",
		`POST /chat/hubs/default/announce {"room":"` + "\\t" + `","body":1}`:                     "400 room name has a control character",
		`POST /chat/hubs/default/mute {"user":"x","room":"@x"}`:                                  `403 room "@x" belongs to the server`,
		`POST /chat/hubs/default/ban {"user":"x","room":"@x","for":"1h"}`:                        `403 room "@x" belongs to the server`,
		`POST /chat/hubs/default/announce {"room":"@x","body":1}`:                                `403 room "@x" belongs to the server`,
		`POST /chat/hubs/default/announce {"room":"a"}`:                                          "400 body is missing",
		`POST /chat/hubs/default/announce {"room":"tea","body":""}`:                              "400 the announcement is empty",
		`POST /chat/hubs/default/announce {"room":"tea","body":null}`:                            "400 the announcement is empty",
		`POST /chat/hubs/default/announce {"room":"tea","body":{}}`:                              "400 the announcement is empty",
		`GET /chat/hubs/default/sessions?cursor=zzz`:                                             "400 cursor must be next of the part before",
		`GET /chat/hubs/default/rooms?cursor=%07`:                                                "400 cursor must be next of the part before",
		`POST /chat/hubs/default/announce {"all":true,"body":{"text":" "}}`:                      "400 the announcement is empty",
		`POST /chat/hubs/default/announce {"all":true,"body":` + deep + `}`:                      "400 body: ",
		`POST /chat/hubs/default/announce {"room":"tae","body":1}`:                               `404 there is no room "tae"; did you mean "tea"?`,
		`POST /chat/hubs/default/recall {"room":"a"}`:                                            "400 seq must be the number of a message",
		`POST /chat/hubs/default/recall {"seq":1}`:                                               "400 room is missing",
		`POST /chat/hubs/default/recall {"room":"@a","seq":1}`:                                   `403 room "@a" belongs to the server`,
		`POST /chat/hubs/default/recall {"room":"tea","seq":9}`:                                  `404 room "tea" has no message 9`,
		`POST /chat/hubs/default/recall {"room":"tae","seq":9}`:                                  `404 there is no room "tae"; did you mean "tea"?`,
		`POST /chat/hubs/default/recall {"room":"tea","seq":-1}`:                                 `400 seq must be no number -1`,
		`POST /chat/hubs/default/backup {"dir":"x"}`:                                             "400 dir must be the absolute path",
		`POST /chat/hubs/default/compact {"fast":true}`:                                          `400 fast is not known here`,
		"POST /chat/hubs/default/mute \"" + strings.Repeat("x", 1<<20) + "\"":                    "413 the body has more than 1048576 bytes",
		"POST /chat/hubs/default/compact \"" + strings.Repeat("x", 1<<20) + "\"":                 "413 the body has more than 1048576 bytes",
		"POST /chat/hubs/default/import \"" + strings.Repeat("x", 100) + "\"":                    "400 the Content-Type must be application/jsonl",
	} {
		parts := strings.SplitN(request+" ", " ", 3)
		code, answer := testcaddy.Ask(t, parts[0], admin+parts[1], strings.TrimSpace(parts[2]))
		message, _ := answer["error"].(string)
		if got := fmt.Sprint(code, " ", message); !strings.HasPrefix(got, want) {
			t.Errorf("%.200s: %s, want %s", request, got, want)
		}
	}
	if _, list := testcaddy.Ask(t, "GET", admin+"/chat/hubs/default/sanctions", ""); len(list["sanctions"].([]any)) != 0 {
		t.Errorf("%v", list)
	}
}
