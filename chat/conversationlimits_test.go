package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// A user belongs to so many conversations and to no more, by whichever door they would come
// in; whoever leaves one may come into another.
func TestConversation_Number_IsBounded(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t), Conversations: 2}, tokens{}, func(t *testing.T, b *bubble) {
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
		refused := func(c *client, frame, field string) {
			t.Helper()
			c.send(frame)
			c.expect(`{"type":"error","id":"x","code":"too_many","message":"…","retry":false` + field + `}`)
		}
		first := ann.create(`"key":"1"`)
		ann.create(`"key":"2","users":["ben"]`)
		if again := ann.create(`"key":"1"`); again != first { // it is there already
			t.Error(first, again)
		}
		refused(ann, `{"type":"create","id":"x","key":"3"}`, "")
		refused(ann, `{"type":"create","id":"x","direct":"cy"}`, "")
		refused(ben, `{"type":"create","id":"x","direct":"ann"}`, `,"field":"direct"`)
		refused(ben, `{"type":"create","id":"x","key":"3","users":["cy","ann"]}`, `,"field":"users[1]"`)
		mine := ben.create(`"key":"4"`)
		refused(ann, fmt.Sprintf(`{"type":"member","id":"x","room":%q,"users":["cy","ben"],"role":"member"}`, first), `,"field":"users[1]"`)
		ben.send(fmt.Sprintf(`{"type":"members","room":%q}`, first))
		ben.expect(`{"type":"error","code":"forbidden","…":"…"}`)
		ann.send(fmt.Sprintf(`{"type":"members","room":%q}`, first)) // nobody was added
		ann.expect(`{"type":"members","size":1,"…":"…"}`)
		ben.send(fmt.Sprintf(`{"type":"member","id":"y","room":%q,"users":["ben"],"role":"none"}`, mine))
		ben.expect(`{"type":"ok","id":"y","…":"…"}`)
		ann.send(fmt.Sprintf(`{"type":"member","id":"x","room":%q,"users":["cy","ben"],"role":"member"}`, first))
		ann.expect(`{"type":"ok","id":"x","duplicate":false,"…":"…"}`)
	})
}

// Conversations that are founded, and lists that are asked for, come at a rate. What is
// there already is found at any rate.
func TestConversation_Rates(t *testing.T) {
	set := chat.Settings{
		Policies: chatApp(t), CreateRate: access.Rate{PerSecond: 0.2, Burst: 10}, ListRate: access.Rate{PerSecond: 0.5, Burst: 10},
	}
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		ann, other := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ann"`)
		for name, c := range map[string]struct {
			frame string // with a number
			wait  time.Duration
		}{
			"create": {`{"type":"create","id":"?","key":"%d"}`, 5 * time.Second},
			"list":   {`{"type":"list","id":"?","rooms":["%d"]}`, 2 * time.Second},
		} {
			ask := func(by *client, n int) string { return by.ask(fmt.Sprintf(c.frame, n)) }
			for i := range 10 {
				if got := ask(ann, i); got == "too_fast" {
					t.Errorf("%s %d: %s", name, i, got)
				}
			}
			for _, by := range []*client{ann, other} { // both are the same user
				if got := ask(by, 10); got != "too_fast" {
					t.Errorf("the 11th %s: %q", name, got)
				}
			}
			if name == "create" {
				if got := ask(ann, 3); got != "" {
					t.Errorf("founded before: %q", got)
				}
			}
			time.Sleep(c.wait)
			if got := ask(ann, 11); got == "too_fast" {
				t.Errorf("%s after %v: %s", name, c.wait, got)
			}
			if got := ask(ann, 12); got != "too_fast" {
				t.Errorf("one more %s: %q", name, got)
			}
		}
	})
}

// A list with more rows than the node may still tell of is right, and says that nothing
// follows.
func TestList_Listed_IsBounded(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t), Listed: 2}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		for i := range 2 {
			ann.create(fmt.Sprintf(`"key":"%d","users":["ben","cy"]`, i))
		}
		open := func(token, live string) *client {
			c := b.connect()
			c.send(fmt.Sprintf(`{"type":"hello","token":%q,"list":{}}`, token))
			c.expect(`{"type":"welcome","list":{"live":` + live + `,"rows":["…","…"],"…":"…"},"…":"…"}`)
			return c
		}
		ben := open("ben", "true")
		open("ben", "true") // the same rows
		open("cy", "false")
		ben.send(`{"type":"list"}`)
		if got := ben.any(); strings.Count(got, `"room"`) != 2 {
			t.Error(got)
		}
	})
}

// Of too many rows, those of whoever has the most are told no more, whether somebody else opens a
// list or a row comes: their sessions end, and are told so when they come back. Nobody with fewer
// pays for it, and the bound holds.
func TestList_Listed_TheGreatestPays(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t), Listed: 4}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		n := 0
		founds := func(users string) (room string) {
			n++
			return ann.create(fmt.Sprintf(`"key":"%d","users":%s`, n, users))
		}
		for range 3 {
			founds(`["ben"]`)
		}
		g := founds(`["cy"]`)
		founds(`["cy"]`)
		open := func(token string, live bool) *client {
			t.Helper()
			c := b.connect()
			c.send(fmt.Sprintf(`{"type":"hello","token":%q,"list":{}}`, token))
			c.expect(fmt.Sprintf(`{"type":"welcome","list":{"live":%v,"…":"…"},"…":"…"}`, live))
			synctest.Wait() // until then a row comes in place of a head
			return c
		}
		ends := func(c *client, what string) {
			t.Helper()
			if got := c.until("bye"); !strings.Contains(got, `"unavailable"`) {
				t.Errorf("%s: %s", what, got)
			}
		}
		ben := open("ben", true) // 3
		cy := open("cy", true)   // 2
		ends(ben, "another list")
		open("ben", false)
		ann.ask(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, g))
		ann.ask(fmt.Sprintf(`{"type":"send","id":"?","room":%q,"body":"hi"}`, g))
		drain(ann)
		if got := cy.until("head"); !strings.Contains(got, "hi") {
			t.Error(got)
		}
		for range 2 {
			founds(`["cy"]`)
			cy.until("row")
		}
		founds(`["cy"]`) // the fifth
		cy.until("row")
		ends(cy, "a row")
		open("cy", false)
	})
}

// Whoever becomes the owner, or is it no more, is told so by a row, though the command names
// somebody else.
func TestList_Owners_AreTold(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann, ben := b.connect(), b.connect()
		for token, c := range map[string]*client{"ann": ann, "ben": ben} {
			c.openList(token)
		}
		role := func(c *client, want string) {
			t.Helper()
			for got := c.any(); ; got = c.any() {
				if typeOf(got) == "row" && strings.Contains(got, `"role":"`+want+`"`) {
					return
				}
			}
		}
		g := ann.create(`"key":"k","users":["ben"]`)
		role(ben, "member")
		ann.send(fmt.Sprintf(`{"type":"member","room":%q,"users":["ben"],"role":"owner"}`, g))
		role(ben, "owner")
		role(ann, "admin")
		ben.send(fmt.Sprintf(`{"type":"member","room":%q,"users":["ben"],"role":"none"}`, g))
		role(ann, "owner")
	})
}
