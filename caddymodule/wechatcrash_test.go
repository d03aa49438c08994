package caddymodule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// weChatThatNotes plays WeChat: it finds risky what says so, and notes which texts it lets pass.
type weChatThatNotes struct {
	mu     sync.Mutex
	passed map[string]bool
	asked  int
}

func (w *weChatThatNotes) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch {
	case strings.HasSuffix(r.URL.Path, "jscode2session"):
		fmt.Fprintf(rw, `{"openid":"o-%s","session_key":"x"}`, r.URL.Query().Get("js_code"))
	case strings.HasSuffix(r.URL.Path, "stable_token"):
		fmt.Fprint(rw, `{"access_token":"t","expires_in":7200}`)
	default:
		var q struct{ Content string }
		if json.Unmarshal(body, &q) != nil || r.Context().Err() != nil {
			return
		}
		verdict := "pass"
		if strings.Contains(q.Content, "risky") {
			verdict = "risky"
		}
		w.mu.Lock()
		w.asked++
		w.passed[q.Content] = verdict == "pass"
		w.mu.Unlock()
		fmt.Fprintf(rw, `{"errcode":0,"result":{"suggest":%q}}`, verdict)
	}
}

// await waits until it was asked so many times more, however busy the machine is.
func (w *weChatThatNotes) await(t *testing.T, more int) {
	t.Helper()
	w.mu.Lock()
	until := w.asked + more
	w.mu.Unlock()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		asked := w.asked
		w.mu.Unlock()
		if asked >= until {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it was asked %d times, want %d", asked, until)
		}
	}
}

func (w *weChatThatNotes) let(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.passed[text]
}

// checkedTalker sends one message after the other, every fourth of which is risky, and sends
// again what was not answered.
type checkedTalker struct {
	t           *testing.T
	p           *testcaddy.Process
	weChat      *weChatThatNotes
	name, token string
	n           int
	said        map[string]uint64 // acknowledged, by text
	refused     int
}

func (k *checkedTalker) text() string {
	return fmt.Sprint(map[bool]string{true: "risky ", false: "fine "}[k.n%4 == 3], k.name, k.n)
}

// sendUntilKilled sends until the server has been killed.
func (k *checkedTalker) sendUntilKilled() {
	ctx, cancel := context.WithTimeout(k.t.Context(), 5*time.Minute)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+k.p.Addr+"/chat", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}})
	if err != nil {
		return
	}
	defer c.CloseNow()
	say := func(frame string) error { return c.Write(ctx, websocket.MessageText, []byte(frame)) }
	send := func() error {
		return say(fmt.Sprintf(`{"type":"send","id":"%d","room":"tea","key":"%s-%d","body":%q}`, k.n, k.name, k.n, k.text()))
	}
	if say(`{"type":"hello","token":"`+k.token+`","rooms":[{"room":"tea"}]}`) != nil || send() != nil {
		return
	}
	for {
		_, frame, err := c.Read(ctx)
		if err != nil {
			if ctx.Err() != nil {
				k.t.Error("the server was not killed")
			}
			return
		}
		var f struct {
			Type, ID, Code string
			Seq            uint64
			Body           string
		}
		_ = json.Unmarshal(frame, &f) // welcome has other types
		switch {
		case f.Type == "message" && !k.weChat.let(f.Body):
			k.t.Errorf("shown, and not passed by WeChat: %s", frame)
		case f.Type == "bye", f.Type == "error" && f.ID == "":
			k.t.Errorf("heard %s", frame)
			return
		case f.Type == "ok" && f.ID == fmt.Sprint(k.n):
			k.said[k.text()] = f.Seq
			k.n++
			err = send()
		case f.Type == "error" && f.Code == "refused":
			if !strings.HasPrefix(k.text(), "risky") {
				k.t.Errorf("%s: %s", k.text(), frame)
			}
			k.refused++
			k.n++
			err = send()
		case f.Type == "error":
			if f.Code != "unavailable" {
				k.t.Errorf("%s: %s", k.text(), frame)
			}
			time.Sleep(20 * time.Millisecond)
			err = send()
		}
		if err != nil {
			return
		}
	}
}

// The server is killed at random moments while users send and WeChat is asked. What was
// acknowledged was let pass by WeChat, and is there once; what was not let pass is shown to
// nobody, before the kill and after it.
func TestCheck_WeChat_Killed_ShowsNothingUnchecked(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	weChat := &weChatThatNotes{passed: map[string]bool{}}
	api := httptest.NewServer(weChat)
	defer api.Close()
	settings := "wechat {\napp_id wx01\napp_secret secret\napi " + api.URL + "\n"
	p := testcaddy.NewProcess(t, "chat {\nauth "+settings+"}\ncheck "+settings+`}
		key k `+keySecret+` {
			read *
		}
		`+hardlyLimited+`
	}`)
	start := func() {
		p.Start()
		testcaddy.Eventually(t, "the journal is open", func() bool {
			res, err := http.Get("http://" + p.Addr + "/chat/health")
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK
		})
	}
	start()
	talkers := []*checkedTalker{}
	for _, name := range []string{"li", "bo"} {
		_, in := testcaddy.Ask(t, "POST", "http://"+p.Addr+"/chat/login", `{"code":"`+name+`"}`)
		token, _ := in["token"].(string)
		talkers = append(talkers, &checkedTalker{t: t, p: p, weChat: weChat, name: name, token: token, said: map[string]uint64{}})
	}
	const kills = 6
	for range kills {
		var talking sync.WaitGroup
		for _, k := range talkers {
			talking.Go(k.sendUntilKilled)
		}
		weChat.await(t, 8+rnd.IntN(40)) // what is under way when it is killed is random
		p.Kill()
		talking.Wait()
		start()
	}
	kept := map[string]uint64{}
	for last, more := uint64(0), true; more; {
		var page struct {
			More    bool
			Entries []struct {
				Seq  uint64
				Body string
			}
		}
		r, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("http://%s/chat/rooms/tea/messages?after=%d", p.Addr, last), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+keySecret)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(res.Body).Decode(&page)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			if !weChat.let(e.Body) || kept[e.Body] != 0 {
				t.Errorf("entry %d, %q, was not let pass, or is there twice", e.Seq, e.Body)
			}
			kept[e.Body], last = e.Seq, e.Seq
		}
		more = page.More
	}
	said, refused := 0, 0
	for _, k := range talkers {
		for text, seq := range k.said {
			if kept[text] != seq || !weChat.let(text) {
				t.Errorf("%q was acknowledged as %d, and is %d", text, seq, kept[text])
			}
		}
		said, refused = said+len(k.said), refused+k.refused
	}
	if said == 0 || refused == 0 {
		t.Errorf("%d were acknowledged and %d refused: that shows nothing; seed %d", said, refused, seed)
	}
	if t.Failed() {
		p.Kill() // so that nobody writes the log
		t.Logf("seed %d\n%s", seed, p.Log.String())
	}
	t.Logf("%d acknowledged, %d refused, %d recorded, %d questions, %d kills", said, refused, len(kept), weChat.asked, kills)
}
