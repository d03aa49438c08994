package caddymodule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/caddymodule/checks"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/webhook"
)

// judge is a program of the site that does what the first word says of what it is asked.
type judge struct {
	*httptest.Server
	t       *testing.T
	release chan struct{} // ends what is slow
	slow    chan string   // gets what is slow

	mu    sync.Mutex
	flips map[string]bool // what was asked before, by path and text
}

func newJudge(t *testing.T) *judge {
	j := &judge{t: t, release: make(chan struct{}), slow: make(chan string, 8), flips: map[string]bool{}}
	j.Server = httptest.NewServer(j)
	t.Cleanup(j.Close)
	return j
}

func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	secret, _ := webhook.ParseSecret(hookSecret)
	if err == nil {
		err = webhook.Verify(r.Header, body, time.Now(), secret)
	}
	var q struct {
		Body  any
		Title string
		Users []string
		From  struct{ Name string }
	}
	if err = errors.Join(err, json.Unmarshal(body, &q)); err != nil {
		j.t.Errorf("%s: %v", body, err)
	}
	text, _ := q.Body.(string)
	if text == "" {
		text = q.Title
	}
	if text == "" {
		text = strings.Join(q.Users, "")
	}
	if text == "" {
		text = q.From.Name
	}
	j.mu.Lock()
	again := j.flips[r.URL.Path+text]
	j.flips[r.URL.Path+text] = true
	j.mu.Unlock()
	answer := `{"verdict":"pass"}`
	switch word, _, _ := strings.Cut(text, " "); word {
	case "bad":
		answer = `{"verdict":"refuse","message":"no adverts"}`
	case "word":
		answer = `{"verdict":"change","body":"****"}`
	case "flips":
		if again {
			answer = `{"verdict":"refuse"}`
		}
	case "slow":
		j.slow <- text
		<-j.release
	case "silent":
		<-r.Context().Done()
	case "endless":
		for _, err := io.WriteString(w, answer+" "); err == nil; _, err = io.WriteString(w, strings.Repeat(" ", 1000)) {
		}
		return
	case "trickling":
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond) // it is slow by design: nobody waits for it
		}
		return
	case "elsewhere":
		http.Redirect(w, r, j.URL+"/other", http.StatusTemporaryRedirect)
		return
	case "dead":
		panic(http.ErrAbortHandler)
	case "fails":
		w.WriteHeader(http.StatusInternalServerError)
	case "nonsense":
		answer = `<html>Gateway</html>`
	case "lies":
		answer = `{"verdict":"change","body":{"text":`
	}
	_, _ = io.WriteString(w, answer)
}

// block is a configuration in which the program is asked about rooms that begin with t, and
// another check of the same program about names.
func (j *judge) block(options string) string {
	return "chat {\njournal memory\nlimits {\nconnect_rate 1000 1000\n}\nkey k " + keySecret + " {\nread *\nwrite *\n}\n" +
		"check " + j.URL + "/chat?token=Secret {\nprivate\nsecret " + hookSecret + "\nrooms t*\n" + options + "\n}\n" +
		"check " + j.URL + "/names {\nprivate\nsecret " + hookSecret + "\nrooms none\n}\n}"
}

// Whatever the program does: each room keeps its order, no other room waits, and what it does
// not let pass is heard by nobody, at no door. Nothing that was said, no name, no address, and
// no secret is in the log.
func TestCheck_WhateverTheProgramDoes_HarmsNoOtherRoom(t *testing.T) {
	j := newJudge(t)
	s := testcaddy.Start(t, j.block("timeout 2s\nkeys on"))
	at := "ws://" + s.Plain + "/chat"
	ann, ben := s.V1(at, nil, `,"name":"Secret Ann","rooms":[{"room":"tea"},{"room":"other"}]`), s.V1(at, nil, `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, ann, "welcome")
	testcaddy.Hears(t, ben, "welcome")
	heard := func(text string) { // and no message before it
		t.Helper()
		if frame := testcaddy.Until(t, ben, `"type":"message"`); !strings.Contains(frame, text) {
			t.Errorf("heard %s, want %s", frame, text)
		}
	}
	for i, word := range []string{"bad", "silent", "endless", "trickling", "elsewhere", "dead", "fails", "nonsense", "lies"} {
		code := "unavailable"
		if word == "bad" {
			code = "refused"
		}
		say := func(id, room, text string) {
			testcaddy.Say(t, ann, fmt.Sprintf(`{"type":"send","id":"%s","key":"%s-%d","room":"%s","body":"%s Secret"}`, id, id, i, room, text))
		}
		say("1", "tea", word)
		say("2", "tea", "fine")
		say("3", "other", "at once")
		if word == "silent" || word == "trickling" { // it still waits
			testcaddy.Until(t, ann, `"ok"`, `"id":"3"`)
			testcaddy.Until(t, ann, code, `"id":"1"`)
			testcaddy.Until(t, ann, `"ok"`, `"id":"2"`)
		} else {
			answers := map[string]string{}
			order := ""
			for len(answers) < 3 {
				var f struct{ ID, Code string }
				if err := json.Unmarshal([]byte(testcaddy.Until(t, ann, `"id":"`)), &f); err == nil && f.ID != "" { // presence has ids of users
					answers[f.ID], order = f.Code, order+f.ID
				}
			}
			if answers["1"] != code || answers["2"] != "" || answers["3"] != "" || strings.Index(order, "1") > strings.Index(order, "2") {
				t.Errorf("%s: %v, in the order %s", word, answers, order)
			}
		}
		heard(`"fine Secret"`) // and nothing else
		status := map[string]int{"bad": 422}[word]
		if status == 0 {
			status = 503
		}
		if got := post(t, s, "tea", word); got != status {
			t.Errorf("%s: POST has status %d", word, got)
		}
		if got := post(t, s, "tea", "fine"); got != 201 { // it does not rest
			t.Errorf("POST after %s has status %d", word, got)
		}
		heard(`"fine"`)
		raw := s.Client(at + "?room=tea")
		testcaddy.Say(t, raw, word)
		if _, _, err := raw.Read(t.Context()); websocket.CloseStatus(err) != map[bool]websocket.StatusCode{true: 4507, false: 4002}[word == "bad"] {
			t.Errorf("%s: the raw client is ended by %v", word, err)
		}
		testcaddy.Say(t, ann, `{"type":"send","room":"tea","body":"word"}`)
		heard(`"****"`)
	}
	log := testcaddy.Read(t, s.Log)
	for _, secret := range []string{"Secret", hookSecret, keySecret} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
	if !strings.Contains(log, "a check gave no verdict") {
		t.Error("the log does not say that there was no verdict")
	}
	s.NoErrors()
}

// post says something as a key, and returns the status.
func post(t *testing.T, s *testcaddy.Site, room, text string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.Plain+"/chat/rooms/"+room+"/messages", strings.NewReader(fmt.Sprintf(`{"body":%q}`, text)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+keySecret)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// A verdict that flips before something is sent again contradicts no ok. Names and their
// program are judged apart from rooms.
func TestCheck_AVerdictThatFlips(t *testing.T) {
	j := newJudge(t)
	s := testcaddy.Start(t, strings.Replace(j.block(""), "rooms none\n", "", 1))
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"name":"bad name","rooms":[{"room":"tea"}]`)
	if welcome := testcaddy.Hears(t, c, "welcome"); strings.Contains(welcome, "bad name") {
		t.Errorf("shown: %s", welcome)
	}
	send := `{"type":"send","id":"1","room":"tea","key":"k","body":"flips"}`
	testcaddy.Say(t, c, send)
	testcaddy.Until(t, c, `"ok"`, `"duplicate":false`)
	testcaddy.Say(t, c, send)
	testcaddy.Until(t, c, `"ok"`, `"duplicate":true`)
	testcaddy.Say(t, c, strings.Replace(send, `"key":"k"`, `"key":"l"`, 1))
	testcaddy.Until(t, c, `"error"`, `"refused"`)
}

// A reload takes other checks, waits for no question, and loses none that is open. The
// metrics go on. A check that is taken out is not asked.
func TestCheck_Reload(t *testing.T) {
	j := newJudge(t)
	s, admin := testcaddy.StartAdmin(t, j.block("timeout 10s\nat_once 8"))
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"},{"room":"two"}]`)
	testcaddy.Hears(t, c, "welcome")
	ask := func(id, text, code string) {
		t.Helper()
		testcaddy.Say(t, c, `{"type":"send","id":"`+id+`","room":"two","body":"`+text+`"}`)
		if answer := testcaddy.Until(t, c, `"id":"`+id+`"`); !strings.Contains(answer, code) {
			t.Errorf("%s: %s", text, answer)
		}
	}
	testcaddy.Say(t, c, `{"type":"send","id":"slow","room":"tea","body":"slow"}`)
	<-j.slow
	ask("1", "bad", `"refused"`)
	s.Load(j.block("timeout 9s\nat_once 9"))
	ask("2", "bad", `"refused"`)
	if err := s.TryLoad(j.block("timeout 11s")); err == nil || !strings.Contains(err.Error(), "Caddyfile:") {
		t.Errorf("11s: %v", err)
	}
	ask("3", "bad", `"refused"`)
	host := strings.TrimPrefix(j.URL, "http://")
	want := []string{
		`caddy_chat_check_verdicts_total{check="` + host + `",hub="default",verdict="refuse"} 3`, `caddy_chat_check_questions_total{check="` + host + `",hub="default"} 4`,
		`caddy_chat_check_questions_total{check="` + host + ` 2",hub="default"} 0`,
	}
	res, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	res.Body.Close()
	for _, line := range want {
		if err != nil || !strings.Contains(string(text), line) {
			t.Errorf("the metrics do not have %s, %v", line, err)
		}
	}
	s.Load("chat {\njournal memory\n}")
	ask("4", "bad", `"ok"`)
	close(j.release)
	testcaddy.Until(t, c, `"ok"`, `"id":"slow"`)
}

// words is a check that is a module: it refuses texts that have one of its words.
type words struct {
	Words []string `json:"words"`
	checks.Options
}

func init() { caddy.RegisterModule(words{}) }

func (words) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.checks.words", New: func() caddy.Module { return new(words) }}
}

func (w *words) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return w.Read(d, "check words", func() error { return nil }, map[string]func() error{
		"words": func() error { w.Words = d.RemainingArgs(); return nil },
	})
}

func (w *words) Check(_ context.Context, q *check.Question) (check.Verdict, error) {
	for _, word := range w.Words {
		if strings.Contains(string(q.Body), word) {
			return check.Verdict{Kind: check.Refuse, Message: "not this word"}, nil
		}
	}
	if strings.Contains(string(q.Body), "panic") {
		panic("a test wants it")
	}
	return check.Verdict{Kind: check.Pass}, nil
}

// A module of another package is asked, and its panic harms nobody.
func TestCheck_Module(t *testing.T) {
	s := testcaddy.Start(t, "chat {\njournal memory\ncheck words {\nwords darn\non_error pass\n}\n}")
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, c, "welcome")
	for text, answer := range map[string]string{"fine": `"ok"`, "darn": `"not this word"`, "panic": `"ok"`} {
		testcaddy.Say(t, c, `{"type":"send","id":"`+text+`","room":"tea","body":"`+text+`"}`)
		testcaddy.Until(t, c, `"id":"`+text+`"`, answer)
	}
}

// A user who logs in by WeChat is judged by WeChat, and others as the option says.
// No openid, text, token or secret is in the log.
func TestCheck_WeChat(t *testing.T) {
	weChat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.HasSuffix(r.URL.Path, "jscode2session"):
			fmt.Fprint(w, `{"openid":"o-Secret","session_key":"Secret"}`)
		case strings.HasSuffix(r.URL.Path, "stable_token"):
			fmt.Fprint(w, `{"access_token":"t-Secret","expires_in":7200}`)
		case strings.Contains(string(body), "risky Secret"):
			fmt.Fprint(w, `{"errcode":0,"result":{"suggest":"risky"}}`)
		case strings.Contains(string(body), "fails Secret"):
			fmt.Fprint(w, `{"errcode":-1,"errmsg":"Secret"}`)
		default:
			fmt.Fprint(w, `{"errcode":0,"result":{"suggest":"pass"}}`)
		}
	}))
	defer weChat.Close()
	settings := "wechat {\napp_id wx01\napp_secret app-Secret\napi " + weChat.URL + "\n"
	s := testcaddy.Start(t, "chat {\njournal memory\nauth "+settings+"}\nauth guest\ncheck "+settings+"}\n}")
	res, err := http.Post("http://"+s.Plain+"/chat/login", "application/json", strings.NewReader(`{"code":"c"}`))
	if err != nil {
		t.Fatal(err)
	}
	var in struct {
		Token string
		User  struct{ ID string }
	}
	err = json.NewDecoder(res.Body).Decode(&in)
	res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	li := s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+in.Token+`","rooms":[{"room":"tea"}]`)
	guest := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	say := func(c *websocket.Conn, text, answer string) {
		t.Helper()
		testcaddy.Say(t, c, `{"type":"send","id":"`+text+`","room":"tea","body":"`+text+` Secret"}`)
		if got := testcaddy.Until(t, c, `"id":"`+text+`"`); !strings.Contains(got, answer) {
			t.Errorf("%s: %s", text, got)
		}
	}
	say(li, "fine", `"ok"`)
	say(li, "risky", `"refused"`)
	say(li, "fails", `"unavailable"`)
	say(guest, "fine", `"refused"`)
	if log := testcaddy.Read(t, s.Log); strings.Contains(log, "Secret") {
		t.Error("a secret is in the log")
	}
}
