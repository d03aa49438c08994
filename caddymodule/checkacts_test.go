package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// checkedActs are what the user of that name does beside sending, by chat.v1 and as a key in
// the user's name: with WORD for what the program is asked about, and N for a number of its
// own. A check that gives no verdict, or refuses, changes nothing of what state shows.
var checkedActs = map[string]struct{ rooms, first, frame, method, path, body, state string }{
	"edit": {
		"e*", `POST /rooms/e/messages {"body":"x"}`,
		`{"type":"edit","room":"e","seq":1,"body":"WORD N"}`, "PATCH", "/rooms/e/messages/1", `{"body":"WORD N"}`, "/rooms/e/messages?",
	},
	"create": {
		"c-*", "",
		`{"type":"create","pattern":"c-*","key":"N","title":"WORD N"}`, "POST", "/rooms", `{"room":"c-N","title":"WORD N"}`, "/list?",
	},
	"info": {
		"i-*", `POST /rooms {"room":"i-1","title":"x"}`,
		`{"type":"info","room":"i-1","title":"WORD N"}`, "PATCH", "/rooms/i-1", `{"title":"WORD N"}`, "/rooms/i-1?",
	},
	"member": {
		"m-*", `POST /rooms {"room":"m-1"}`,
		`{"type":"member","room":"m-1","users":["WORD N"],"role":"member"}`, "POST", "/rooms/m-1/members", `{"users":["WORD N"],"role":"member"}`, "/rooms/m-1/members?",
	},
}

// badWords are what a program does that gives no good answer: see judge.
var badWords = []string{"bad", "silent", "endless", "trickling", "elsewhere", "dead", "fails", "nonsense", "lies", "word"}

// Whatever the program does when it is asked about something else than a message: it is not
// done, whoever asks for it is told, and what is said in another room does not wait.
func TestCheck_EachAct_WhateverTheProgramDoes(t *testing.T) {
	j := newJudge(t)
	block := "chat {\njournal memory\nauth jwt {\nsecret \"" + testcaddy.JWTSecret + "\"\n}\nauth guest\n" +
		"limits {\nconnect_rate 1000 1000\ncreate_rate 1000 1000\nlist_rate 1000 1000\nnew_rooms 1000 1000\n}\n" +
		"key k " + keySecret + " {\nread *\nwrite *\nmembers *\nas *\n}\n"
	options := "{\nprivate\nsecret " + hookSecret + "\nkeys on\n"
	for _, act := range checkedActs {
		block += "check " + j.URL + "/chat " + options + "rooms " + act.rooms + "\n}\n"
		if strings.Contains(act.rooms, "-") {
			block += "policy " + act.rooms + " {\nread members\nwrite members\nmoderate admins\ncreate users\ninvite members\n}\n"
		}
	}
	s := testcaddy.Start(t, block+"policy * {\nread anyone\nwrite anyone\n}\ncheck "+j.URL+"/names "+options+"}\n}")
	var trying sync.WaitGroup // at once, since each waits for what is slow
	for name := range checkedActs {
		trying.Go(func() { tryAct(t, s, name) })
	}
	trying.Go(func() { tryNames(t, s) })
	trying.Wait()
	s.NoErrors()
}

func tryAct(t *testing.T, s *testcaddy.Site, user string) {
	act := checkedActs[user]
	key := http.Header{"Authorization": {"Bearer " + keySecret}, "Content-Type": {"application/json"}}
	request := func(method, path, body string) (int, http.Header, string) {
		t.Helper()
		if !strings.Contains(path, "?") {
			path += "?"
		}
		res := ask(t, s, method, "/chat"+path+"&as="+user, key, body)
		return res.StatusCode, res.Header, text(t, res)
	}
	if method, rest, ok := strings.Cut(act.first, " "); ok {
		path, body, _ := strings.Cut(rest, " ")
		if status, _, answer := request(method, path, body); status != 201 {
			t.Fatalf("%s: %d %s", act.first, status, answer)
		}
	}
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+testcaddy.SiteToken(t, jwt.MapClaims{"sub": user})+`","rooms":[{"room":"other"},{"room":"e"}]`)
	testcaddy.Hears(t, c, "welcome")
	_, _, before := request("GET", act.state, "")
	for i, word := range append(badWords, "fine") {
		code, status, retry := "unavailable", 503, "2"
		switch {
		case word == "bad":
			code, status, retry = "refused", 422, ""
		case word == "fine", word == "word" && user == "edit":
			code, status, retry = "", 201, ""
		}
		fill := func(n int, what string) string {
			return strings.NewReplacer("WORD", word, "N", fmt.Sprint(n)).Replace(what)
		}
		testcaddy.Say(t, c, strings.Replace(fill(2*i, act.frame), "{", `{"id":"1",`, 1))
		testcaddy.Say(t, c, `{"type":"send","id":"2","room":"other","body":"at once"}`)
		answers, order := answersTo(t, c)
		if answers["1"] != code || answers["2"] != "" || (word == "silent" || word == "trickling") && order != "21" {
			t.Errorf("%s: %s: %v, in the order %s", user, word, answers, order)
		}
		got, header, answer := request(act.method, act.path, fill(2*i+1, act.body))
		if got != status || header.Get("Retry-After") != retry || !strings.Contains(answer, code) {
			t.Errorf("%s: %s: %d %v %s, want %d", user, word, got, header, answer, status)
		}
		_, _, now := request("GET", act.state, "")
		if done := code == ""; (now != before) != done {
			t.Errorf("%s: %s: %s is now %s", user, word, before, now)
		}
		before = now
		// The program is not at rest: that takes five times without a verdict in a row.
		if got, _, answer := request(act.method, act.path, strings.NewReplacer("WORD", "fine", "N", fmt.Sprint(100+i)).Replace(act.body)); got != 201 {
			t.Errorf("%s: after %s: %d %s", user, word, got, answer)
		}
		_, _, before = request("GET", act.state, "")
	}
}

// answersTo returns the codes of what answers the frames 1 and 2, "" for what is done, and
// the order in which they came.
func answersTo(t *testing.T, c *websocket.Conn) (codes map[string]string, order string) {
	t.Helper()
	codes = map[string]string{}
	for len(codes) < 2 && !t.Failed() {
		var f struct{ Type, ID, Code string }
		frame := testcaddy.Hears(t, c)
		if err := json.Unmarshal([]byte(frame), &f); err != nil {
			t.Fatal(err)
		}
		if f.ID == "1" || f.ID == "2" {
			codes[f.ID], order = f.Code, order+f.ID
		}
	}
	return codes, order
}

// tryNames lets users come with names about which the program gives no good answer: guests
// have none then, and others keep the one that passed last.
func tryNames(t *testing.T, s *testcaddy.Site) {
	for _, word := range badWords {
		user := `,"token":"` + testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u-" + word}) + `"`
		for _, step := range []struct{ name, user, want string }{
			{word, user, ""}, {"fine", user, "fine"}, {word, user, "fine"}, {word, "", ""}, {"fine", "", "fine"},
		} {
			if slow := word == "silent" || word == "trickling"; slow && step.user == "" {
				continue // the test takes long enough
			}
			c := s.V1("ws://"+s.Plain+"/chat", nil, `,"name":"`+step.name+`"`+step.user)
			var welcome struct{ User struct{ Name string } }
			if err := json.Unmarshal([]byte(testcaddy.Hears(t, c, "welcome")), &welcome); err != nil || welcome.User.Name != step.want {
				t.Errorf("%+v: the name is %q, %v", step, welcome.User.Name, err)
			}
			c.CloseNow()
		}
	}
}
