package wechat

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
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// standIn plays WeChat: it gives tokens, and answers with what the test says.
type standIn struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	answers []string // of the next calls; the last one stays
	asked   []string // scene and content
	valid   int      // the number of the token that is taken
	given   int      // the number of the newest token
	tokens  int      // calls for one
}

func newStandIn(t *testing.T, answers ...string) *standIn {
	s := &standIn{t: t, answers: answers}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	var c struct {
		AppID, Secret, OpenID, Content string
		Force                          *bool `json:"force_refresh"`
		Version, Scene                 int
	}
	if err != nil || json.Unmarshal(text, &c) != nil || strings.Contains(string(text), `\u`) {
		s.t.Errorf("%s: %v", text, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.URL.Path {
	case "/cgi-bin/stable_token":
		s.tokens++
		if c.AppID != "wx01" || c.Secret != "Secret" || c.Force == nil || *c.Force {
			s.t.Errorf("asked for a token: %s", text)
		}
		s.given = s.valid
		fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":7200}`, s.given)
	case "/wxa/msg_sec_check":
		if r.URL.Query().Get("access_token") != fmt.Sprintf("token-%d", s.valid) {
			fmt.Fprint(w, `{"errcode":42001,"errmsg":"access_token expired Secret"}`)
			return
		}
		if c.Version != 2 || c.OpenID != "o-Secret" {
			s.t.Errorf("asked: %s", text)
		}
		s.asked = append(s.asked, fmt.Sprint(c.Scene, " ", c.Content))
		answer := s.answers[0]
		if len(s.answers) > 1 {
			s.answers = s.answers[1:]
		}
		if answer == "slow" {
			s.mu.Unlock()
			<-r.Context().Done()
			s.mu.Lock()
			return
		}
		fmt.Fprint(w, answer)
	default:
		http.NotFound(w, r)
	}
}

func suggests(what string) string {
	return fmt.Sprintf(`{"errcode":0,"errmsg":"ok","result":{"suggest":%q,"label":"100"},"detail":[]}`, what)
}

func (s *standIn) checker() (*Checker, journal.Records) {
	s.t.Helper()
	j := memjournal.New(memjournal.Options{})
	s.t.Cleanup(func() { j.Close() })
	openids := &identity.Openids{Secrets: new(identity.MemorySecrets)}
	if err := openids.Keep(s.t.Context(), j.Records(), "wx-li", identity.Openid{App: "wx01", OpenID: "o-Secret"}); err != nil {
		s.t.Fatal(err)
	}
	c := New(Options{AppID: "wx01", AppSecret: "Secret", API: s.URL, Openids: openids, Review: check.Review, Others: check.Refuse})
	c.Use(j.Records())
	return c, j.Records()
}

func ask(ctx context.Context, c *Checker, who string, body string) string {
	v, err := c.Check(ctx, &check.Question{About: check.Send, From: journal.User{ID: who}, Body: json.RawMessage(body)})
	if err != nil {
		return err.Error()
	}
	return v.Kind.String()
}

// What each answer of WeChat means. No error has anything of the question or of a secret.
func TestChecker_EveryAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		suggests("pass"):                      "pass",
		suggests("risky"):                     "refuse",
		suggests("review"):                    "review",
		suggests("Secret"):                    "WeChat's answer has no verdict",
		`{"errcode":-1,"errmsg":"Secret"}`:    "WeChat gives no verdict: errcode -1",
		`{"errcode":40001,"errmsg":"Secret"}`: "WeChat gives no verdict: errcode 40001",
		`{"errcode":40014}`:                   "WeChat gives no verdict: errcode 40014",
		`{"errcode":43104}`:                   "abstain",
		`{"errcode":61010}`:                   "abstain",
		`{"errcode":44002}`:                   "WeChat gives no verdict: errcode 44002",
		`{"errcode":47001}`:                   "WeChat gives no verdict: errcode 47001",
		`{"errcode":44991}`:                   errMinute.Error(),
		`{"errcode":45009}`:                   errDay.Error(),
		`<html>Secret</html>`:                 "ask WeChat: the answer is not JSON as documented",
		strings.Repeat(" ", maxAnswer+1):      "ask WeChat: the answer is not JSON as documented",
		"slow":                                "ask WeChat: context deadline exceeded",
	} {
		t.Run(want, func(t *testing.T) {
			s := newStandIn(t, answer)
			c, _ := s.checker()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if answer == "slow" {
				ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
			}
			defer cancel()
			if got := ask(ctx, c, "wx-li", `"hello"`); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// Users without an openid, or with one of another mini program, are left to others.
func TestChecker_Others(t *testing.T) {
	s := newStandIn(t, suggests("pass"))
	c, records := s.checker()
	if err := c.opt.Openids.Keep(t.Context(), records, "wx-max", identity.Openid{App: "wx02", OpenID: "o-Secret"}); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"u7", "wx-max"} {
		if got := ask(t.Context(), c, who, `"hello"`); got != "abstain" {
			t.Errorf("%s: %s", who, got)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("asked %q", s.asked)
	}
}

// All texts of a body are asked about, that of the field text first and the names of fields last, in pieces; what is too
// long is refused, and what has no text passes, both without a question. The first piece that
// is risky decides. Names and titles are of another scene.
func TestChecker_Texts(t *testing.T) {
	s := newStandIn(t, suggests("pass"))
	c, _ := s.checker()
	long := strings.Repeat("虹", 2500)
	for _, step := range []struct{ body, want, asked string }{
		{`"a\u2028b"`, "pass", "2 a\nb"},
		{`{"b":["x",{"c":"y"}],"text":"first","a":"<&>","n":7}`, "pass", "2 first\n<&>\nx\ny\na\nb\nc\nn"},
		{`[{"x":{"bad words":1,"type":2}}]`, "pass", "2 x\nbad words"},
		{`{"type":7}`, "pass", ""},
		{`" "`, "pass", ""},
		{`"` + long + `z"`, "pass", "2 " + long + "|2 z"},
		{`"` + strings.Repeat(long, 4) + `z"`, "refuse", ""},
	} {
		s.asked = nil
		if got := ask(t.Context(), c, "wx-li", step.body); got != step.want || strings.Join(s.asked, "|") != step.asked {
			t.Errorf("%.40s: %s, asked %q", step.body, got, s.asked)
		}
	}
	s.asked, s.answers = nil, []string{suggests("review"), suggests("risky"), suggests("pass")}
	if got := ask(t.Context(), c, "wx-li", `"`+long+long+long+`"`); got != "refuse" || len(s.asked) != 2 {
		t.Errorf("%s, asked %d times", got, len(s.asked))
	}
	s.asked = nil
	for _, q := range []check.Question{
		{About: check.Name, From: journal.User{ID: "wx-li", Name: "Li"}}, {About: check.Create, From: journal.User{ID: "wx-li", Name: "Li"}, Title: "Trip", Text: "to Rome"},
	} {
		if v, err := c.Check(t.Context(), &q); err != nil || v.Kind != check.Pass {
			t.Error(v, err)
		}
	}
	if got := strings.Join(s.asked, "|"); got != "1 Li|1 Trip\nto Rome" {
		t.Errorf("asked %q", got)
	}
}

// A token that has ended is replaced once, and all who ask share it.
func TestChecker_Token(t *testing.T) {
	s := newStandIn(t, suggests("pass"))
	c, _ := s.checker()
	for range 2 {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if got := ask(t.Context(), c, "wx-li", `"hello"`); got != "pass" {
					t.Error(got)
				}
			})
		}
		all.Wait()
		s.mu.Lock()
		s.valid++
		s.mu.Unlock()
	}
	if s.tokens != 2 {
		t.Errorf("%d tokens were asked for", s.tokens)
	}
}

// All nodes together ask no more than 3600 times a minute.
func TestChecker_Limits(t *testing.T) {
	s := newStandIn(t, suggests("pass"))
	_, records := s.checker()
	var one, other calls
	began := time.Now()
	taken := 0
	for range maxCalls {
		for _, node := range []*calls{&one, &other} {
			if node.take(t.Context(), records, "wx01") == nil {
				taken++
			}
		}
	}
	if minutes := int(time.Now().Unix()/60-began.Unix()/60) + 1; taken < maxCalls || taken > minutes*maxCalls {
		t.Errorf("%d calls in %d minutes", taken, minutes)
	}
	at := time.Date(2026, 3, 1, 15, 59, 30, 0, time.UTC)
	if got := midnight(at); got.Sub(at) != 30*time.Second {
		t.Errorf("midnight is in %v", got.Sub(at))
	}
	if got := nextMinute(at); got.Sub(at) != 30*time.Second {
		t.Errorf("the next minute is in %v", got.Sub(at))
	}
}

// After 45009 neither of two nodes asks before midnight in China, but for the calls that the
// other one has taken already; then both ask again.
func TestChecker_TheLimitOfTheDay_IsThatOfAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := memjournal.New(memjournal.Options{}).Records()
		var one, other, new calls
		time.Sleep(7 * time.Hour) // the fake clock begins at midnight UTC
		if err := other.take(t.Context(), records, "wx01"); err != nil {
			t.Fatal(err)
		}
		one.restToday(t.Context(), records, "wx01")
		more := 0
		for other.take(t.Context(), records, "wx01") == nil {
			more++
		}
		if more != callsOnce-1 {
			t.Errorf("the other node asks %d times more", more)
		}
		for _, wait := range []time.Duration{0, 9*time.Hour - time.Second, time.Second} {
			time.Sleep(wait)
			for name, node := range map[string]*calls{"the one": &one, "the other": &other, "a new one": &new} {
				err := node.take(t.Context(), records, "wx01")
				if want := wait != time.Second; errors.Is(err, errDay) != want || (err != nil) != want {
					t.Errorf("after %v, %s: %v", wait, name, err)
				}
			}
		}
		if err := one.take(t.Context(), records, "wx02"); err != nil { // the node's own rest is over
			t.Error(err)
		}
	})
}

// A node whose clock is behind takes its calls from the minute of the others.
func TestChecker_Limits_ClocksDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := memjournal.New(memjournal.Options{}).Records()
		next := time.Now().Unix()/60 + 1
		for taken, want := range map[int]error{10: nil, maxCalls: errMinute} {
			if err := records.Put(t.Context(), callsKey("wx01"), fmt.Appendf(nil, "%d %d", next, taken)); err != nil {
				t.Fatal(err)
			}
			if err := new(calls).take(t.Context(), records, "wx01"); !errors.Is(err, want) {
				t.Errorf("%d were taken: %v", taken, err)
			}
			r, err := records.Get(t.Context(), callsKey("wx01"))
			if want := fmt.Sprintf("%d %d", next, min(taken+callsOnce, maxCalls)); err != nil || string(r.Value) != want {
				t.Errorf("%q, %v, want %q", r.Value, err, want)
			}
		}
	})
}

// A node that WeChat tells of the limit of the day asks no more, and says so to the others.
func TestChecker_45009(t *testing.T) {
	s := newStandIn(t, `{"errcode":45009}`)
	c, records := s.checker()
	other := New(c.opt)
	other.Use(records)
	for _, node := range []*Checker{c, c, other} {
		if got := ask(t.Context(), node, "wx-li", `"hello"`); got != errDay.Error() || len(s.asked) != 1 {
			t.Errorf("%s, asked %q", got, s.asked)
		}
	}
}
