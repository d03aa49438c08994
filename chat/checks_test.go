package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/check"
)

// byWord is a check that does what the first word of a text says.
type byWord struct {
	mu    sync.Mutex
	asked []string // the texts, in the order in which it was asked
	other map[string]check.Verdict
	down  bool // it says nothing of anything
}

func (c *byWord) Check(ctx context.Context, q *check.Question) (check.Verdict, error) {
	text := strings.Trim(string(q.Body), `"`)
	c.mu.Lock()
	c.asked = append(c.asked, text)
	other, ok := c.other[text]
	down := c.down
	c.mu.Unlock()
	switch {
	case down:
		return check.Verdict{}, errors.New("down")
	case ok:
		return other, nil
	}
	switch word, _, _ := strings.Cut(text, " "); word {
	case "slow":
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return check.Verdict{}, ctx.Err()
		}
	case "dead": // it does not even notice that nobody waits any more
		time.Sleep(time.Hour)
	case "fails":
		return check.Verdict{}, errors.New("no answer")
	case "nothing":
		return check.Verdict{}, nil
	case "panics":
		panic("a test wants it")
	case "lies":
		return check.Verdict{Kind: check.Change, Body: json.RawMessage(`{"text":`)}, nil
	case "long":
		return check.Verdict{Kind: check.Change, Body: json.RawMessage(`"` + strings.Repeat("x", 5000) + `"`)}, nil
	case "bad":
		return check.Verdict{Kind: check.Refuse, Message: "no \u202eadverts\n"}, nil
	case "word":
		return check.Verdict{Kind: check.Change, Body: json.RawMessage(`"****"`)}, nil
	case "odd":
		return check.Verdict{Kind: check.Review}, nil
	}
	return check.Verdict{Kind: check.Pass}, nil
}

func (c *byWord) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

// checked is a hub whose rooms that begin with t are checked.
func checked(c check.Checker, passOnError bool) chat.Settings {
	return chat.Settings{Checks: check.Chain{check.New(check.Config{Name: "words", Checker: c, Rooms: []string{"t*"}, PassOnError: passOnError})}}
}

// everywhere is a hub all of whose rooms are checked.
func everywhere(c check.Checker) chat.Settings {
	return chat.Settings{Checks: check.Chain{check.New(check.Config{Name: "words", Checker: c})}}
}

const twoRooms = `,"token":"ann","rooms":[{"room":"tea"},{"room":"other"}]`

// What each verdict does to a message, for who says it and for who hears it.
func TestChecks_Verdicts(t *testing.T) {
	const unavailable = `{"type":"error","id":"1","code":"unavailable","message":"…","retry":2000}`
	const refused = `{"type":"error","id":"1","code":"refused","…":"…"}`
	for text, want := range map[string][3]string{ // the answer; with passes on errors; what is heard then
		"fine":    {"", "", `"fine"`},
		"slow":    {"", "", `"slow"`},
		"odd":     {"", "", `"odd"`},
		"word":    {"", "", `"****"`},
		"bad":     {`{"type":"error","id":"1","code":"refused","message":"no  adverts","retry":false}`, `{"type":"error","id":"1","code":"refused","…":"…"}`, ""},
		"fails":   {unavailable, "", `"fails"`},
		"nothing": {unavailable, "", `"nothing"`},
		"panics":  {unavailable, "", `"panics"`},
		"lies":    {unavailable, refused, ""},
		"long":    {unavailable, refused, ""},
		"dead":    {unavailable, "", `"dead"`},
	} {
		for i, pass := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, pass %v", text, pass), func(t *testing.T) {
				inBubble(t, checked(&byWord{}, pass), tokens{}, func(t *testing.T, b *bubble) {
					defer time.Sleep(2 * time.Hour) // the dead one returns
					ann := b.connect().hello(twoRooms)
					ben := b.connect().hello(`,"token":"ben","rooms":[{"room":"tea"}]`)
					ann.send(fmt.Sprintf(`{"type":"send","id":"1","room":"tea","body":%q}`, text))
					if want[i] != "" {
						ann.expect(want[i])
						ben.send(`{"type":"ping"}`)
						ben.expect(`{"type":"pong"}`)
						return
					}
					message := fmt.Sprintf(`{"type":"message","room":"tea","seq":1,"body":%s,"…":"…"}`, want[2])
					ann.expectAround(`{"type":"ok","id":"1","seq":1,"…":"…"}`, message)
					ben.expect(message)
				})
			})
		}
	}
}

// Commands about one room keep their order while a check is asked; another room does not
// wait; the seventeenth that waits is refused. Nobody is asked about what comes after leave.
func TestChecks_Order(t *testing.T) {
	c := &byWord{}
	inBubble(t, checked(c, false), tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(twoRooms)
		ann.send(`{"type":"send","id":"1","room":"tea","body":"slow"}`)
		ann.send(`{"type":"send","id":"2","room":"tea","body":"fine"}`)
		ann.send(`{"type":"edit","id":"3","room":"tea","seq":1,"body":"edited"}`)
		ann.send(`{"type":"recall","id":"4","room":"tea","seq":2}`)
		ann.send(`{"type":"history","id":"5","room":"tea"}`)
		ann.send(`{"type":"leave","id":"6","room":"tea"}`)
		ann.send(`{"type":"send","id":"7","room":"tea","body":"too late"}`)
		ann.send(`{"type":"send","id":"8","room":"other","body":"at once"}`)
		began := time.Now()
		ann.expectAround(`{"type":"ok","id":"8","…":"…"}`, `{"type":"message","room":"other","…":"…"}`)
		if took := time.Since(began); took >= time.Second {
			t.Errorf("another room waits for %v", took)
		}
		var answers []string
		for len(answers) < 7 {
			var f struct{ ID, Type, Code string }
			if err := json.Unmarshal([]byte(ann.any()), &f); err != nil {
				t.Fatal(err)
			}
			if f.ID != "" {
				answers = append(answers, f.ID+f.Type+f.Code)
			}
		}
		slices.Sort(answers[5:]) // the room answers leave
		if got := strings.Join(answers, " "); got != "1ok 2ok 3ok 4ok 5history 6ok 7errornot_joined" {
			t.Errorf("the answers are %s", got)
		}
		if n := c.times(); n != 3 {
			t.Errorf("it was asked %d times", n)
		}

		ann.send(`{"type":"join","id":"j","room":"tea"}`)
		ann.expect(`{"type":"joined","id":"j","…":"…"}`)
		for i := range 18 { // one is asked about, sixteen wait
			ann.send(fmt.Sprintf(`{"type":"send","id":"%d","room":"tea","body":"slow"}`, i))
		}
		ann.expect(`{"type":"error","id":"17","code":"too_fast","…":"…"}`)
	})
}

// What was recorded is not asked about again: another verdict cannot contradict the ok.
func TestChecks_AnotherVerdict_DoesNotContradictTheOK(t *testing.T) {
	c := &byWord{other: map[string]check.Verdict{}}
	inBubble(t, checked(c, false), tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(twoRooms)
		send := `{"type":"send","id":"1","room":"tea","key":"k","body":"fine"}`
		edit := `{"type":"edit","id":"1","room":"tea","seq":1,"key":"e","body":"also fine"}`
		ann.send(send)
		ann.expectAround(`{"type":"ok","id":"1","duplicate":false,"…":"…"}`, `{"type":"message","…":"…"}`)
		ann.send(edit)
		ann.expectAround(`{"type":"ok","id":"1","duplicate":false,"…":"…"}`, `{"type":"edited","…":"…"}`)
		c.mu.Lock()
		c.other["fine"], c.other["also fine"] = check.Verdict{Kind: check.Refuse}, check.Verdict{Kind: check.Refuse}
		c.mu.Unlock()
		for _, again := range []string{send, edit} {
			ann.send(again)
			ann.expect(`{"type":"ok","id":"1","duplicate":true,"…":"…"}`)
		}
		ann.send(`{"type":"send","id":"1","room":"tea","key":"l","body":"fine"}`)
		ann.expect(`{"type":"error","id":"1","code":"refused","…":"…"}`)
		if n := c.times(); n != 3 {
			t.Errorf("it was asked %d times", n)
		}
	})
}

// The other doors: plain HTTP and the raw dialect, in which nobody can look into binary.
func TestChecks_Doors(t *testing.T) {
	inBubble(t, everywhere(refuses{}), tokens{}, func(t *testing.T, b *bubble) {
		if status, body, _ := b.request("POST", "tea"); status != 422 || !strings.Contains(body, `"refused"`) {
			t.Errorf("POST: %d %s", status, body)
		}
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			raw := b.connectRaw()
			b.must(raw.conn.Write(t.Context(), kind, []byte("x")))
			raw.closed(4507)
		}
	})
	// The check would see "fine" alone.
	twice := `{"text":"word","text":"fine"}`
	inBubble(t, everywhere(&byWord{}), tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(twoRooms)
		ann.send(`{"type":"send","id":"1","room":"tea","body":"fine"}`)
		ann.expectAround(`{"type":"ok","id":"1","…":"…"}`, `{"type":"message","…":"…"}`)
		for _, command := range []string{`"send","id":"2"`, `"edit","id":"3","seq":1`} {
			ann.send(`{"type":` + command + `,"room":"tea","body":` + twice + `}`)
			ann.expect(`{"type":"error","id":"` + command[len(`"send","id":"`):][:1] + `","code":"bad_frame","…":"…"}`)
		}
		rec := serveMessages(b.handler, newRequest("POST", "bo", `{"body":`+twice+`}`), "tea")
		if rec.Code != 400 || !strings.Contains(rec.Body.String(), `"bad_frame"`) {
			t.Errorf("POST: %d %s", rec.Code, rec.Body)
		}
		if code := b.requestAs("ann", "PATCH", "/rooms/tea/messages/1", `{"body":`+twice+`}`); code != "bad_frame" {
			t.Errorf("PATCH: %q", code)
		}
	})
	inBubble(t, everywhere(&byWord{}), tokens{}, func(t *testing.T, b *bubble) {
		raw, other := b.connectRaw(), b.connectRaw()
		for _, text := range []string{"word", "slow", "fine"} {
			b.must(raw.conn.Write(t.Context(), websocket.MessageText, []byte(text)))
		}
		for _, want := range []string{"****", "slow", "fine"} {
			if got := other.any(); got != want {
				t.Errorf("%s is heard as %s", want, got)
			}
		}
	})
}

type refuses struct{}

func (refuses) Check(context.Context, *check.Question) (check.Verdict, error) {
	return check.Verdict{Kind: check.Refuse}, nil
}

// Rights that end while a check is asked have ended; and so has what waits when its session
// ends, or the hub.
func TestChecks_WhatEndsMeanwhile(t *testing.T) {
	inBubble(t, checked(&byWord{}, false), tokens{}, func(t *testing.T, b *bubble) {
		ann, ben, cy := b.connect().hello(twoRooms), b.connect().hello(`,"token":"ben","rooms":[{"room":"tea"}]`), b.connect().hello(`,"token":"cy","rooms":[{"room":"tea"}]`)
		ann.send(`{"type":"send","id":"1","room":"tea","body":"slow"}`)
		synctest.Wait()
		b.must(b.hub.Mute("tea", "ann", time.Hour))
		ann.expect(`{"type":"muted","…":"…"}`, `{"type":"error","id":"1","code":"muted","…":"…"}`)
		cy.send(`{"type":"send","room":"tea","body":"slow"}`)
		cy.send(`{"type":"send","room":"tea","body":"fine"}`)
		synctest.Wait()
		cy.closeNow()
		time.Sleep(5 * time.Second)
		for len(ben.frames) > 0 {
			if frame := ben.any(); typeOf(frame) == "message" {
				t.Errorf("heard: %s", frame)
			}
		}
		ben.send(`{"type":"send","room":"tea","body":"dead"}`)
		synctest.Wait()
		began := time.Now()
		b.must(b.hub.Close(t.Context()))
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the hub closes for %v", took)
		}
		time.Sleep(2 * time.Hour) // the dead one returns
	})
}

// A check that gives no verdict five times in a row, to several users, nor then on a harmless question, is not
// asked for ten seconds. Users cannot bring that about by what they say, alone or together.
func TestChecks_NoVerdicts_Rest(t *testing.T) {
	c := &byWord{}
	inBubble(t, checked(c, false), tokens{}, func(t *testing.T, b *bubble) {
		var users []*client
		for _, user := range []string{"ann", "ben", "cy"} {
			users = append(users, b.connect().hello(`,"token":"`+user+`","rooms":[{"room":"tea"}]`))
		}
		say := func(by *client, text, want string) {
			t.Helper()
			by.send(fmt.Sprintf(`{"type":"send","id":"1","room":"tea","body":%q}`, text))
			if frame := by.until(want); !strings.Contains(frame, `"id":"1"`) {
				t.Errorf("%s: %s", text, frame)
			}
		}
		say(users[0], "fine", "ok")
		for i := range 9 {
			say(users[i%3], "fails", "error")
		}
		say(users[1], "fine", "ok")
		c.mu.Lock()
		c.asked, c.down = nil, true
		c.mu.Unlock()
		for i := range 7 {
			say(users[i%3], "fine", "error")
		}
		if c.mu.Lock(); strings.Join(c.asked, " ") != "fine fine fine fine fine hello" {
			t.Errorf("it was asked %q", c.asked)
		}
		c.down = false
		c.mu.Unlock()
		time.Sleep(10 * time.Second)
		say(users[0], "fine", "ok")
	})
}
