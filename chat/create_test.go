package chat_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// Of all reasons why a conversation is not founded, the first in the order of the protocol
// is the answer. Here all of them apply, and then one after the other does so no more.
func TestCreate_Answers_InTheirOrder(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ask := func(c *client, frame string) {
			t.Helper()
			if got := c.ask(frame); got != "" {
				t.Fatalf("%s: %s", frame, got)
			}
		}
		two := ann.create(`"direct":"ben"`)
		g := ann.create(`"key":"k"`)
		_, err := b.hub.EraseRoom(t.Context(), g) // so that its name is known
		must(err)
		ask(ben, fmt.Sprintf(`{"type":"set","id":"?","room":%q,"block":true}`, two))
		must(b.hub.Ban(g, "ann", time.Hour))
		must(b.hub.Ban(g, "ben", time.Hour))
		must(b.hub.Mute(g, "ann", time.Hour))
		configure := func(change func(*chat.Settings)) {
			set := b.hub.Settings()
			change(&set)
			b.hub.Configure(set)
			synctest.Wait()
		}
		configure(func(set *chat.Settings) {
			set.CreateRate, set.Conversations = once, 1
			set.Policies = chatApp(t) // the hub still reads those in force
			set.Policies[1].Create = nil
		})
		ann.ask(`{"type":"create","id":"?","key":"other","pattern":"c-*"}`) // it takes what the rate allows
		users := `"ben","cy","dan","eve","ann"`
		for _, step := range []struct {
			want string
			ends func()
		}{
			{`"code":"forbidden","message":"…"`, func() { configure(func(set *chat.Settings) { set.Policies = chatApp(t) }) }},
			{`"code":"bad_frame","field":"users[4]","message":"…"`, func() { users = `"ben","cy","dan","eve"` }},
			{`"code":"forbidden","field":"users[0]","message":"…"`, func() { must(b.hub.Ban(g, "ben", 0)) }},
			{`"code":"banned","message":"…"`, func() { must(b.hub.Ban(g, "ann", 0)) }},
			{`"code":"muted","message":"…"`, func() { must(b.hub.Mute(g, "ann", 0)) }},
			{`"code":"room_full","message":"…"`, func() { users = `"ben","cy"` }},
			{`"code":"too_fast","message":"…"`, func() { configure(func(set *chat.Settings) { set.CreateRate = access.Rate{} }) }},
			{`"code":"forbidden","field":"users[0]","message":"…"`, func() { ask(ben, fmt.Sprintf(`{"type":"set","id":"?","room":%q,"block":false}`, two)) }},
			{`"code":"too_many","field":"users[0]","message":"…"`, func() { configure(func(set *chat.Settings) { set.Conversations = 10 }) }},
		} {
			ann.send(fmt.Sprintf(`{"type":"create","id":"1","key":"k","pattern":"g-*","title":"x","users":[%s]}`, users))
			ann.match(`{"type":"error","id":"1",`+step.want+`,"retry":"…"}`, ann.any())
			step.ends()
		}
		ann.send(`{"type":"create","id":"1","key":"k","pattern":"g-*","users":["ben","cy"]}`)
		ann.expect(fmt.Sprintf(`{"type":"created","id":"1","room":%q,"duplicate":false}`, g))
		// What is there is found again, whatever forbids to found it.
		ask(ben, fmt.Sprintf(`{"type":"set","id":"?","room":%q,"block":true}`, two))
		configure(func(set *chat.Settings) { set.CreateRate, set.Conversations = once, 1 })
		ann.ask(`{"type":"create","id":"?","key":"another","pattern":"c-*"}`)
		ann.send(`{"type":"create","id":"1","key":"k","pattern":"g-*","users":["ben","cy"]}`)
		ann.expect(fmt.Sprintf(`{"type":"created","id":"1","room":%q,"duplicate":true}`, g))
		ann.send(`{"type":"create","id":"1","direct":"ben"}`)
		ann.expect(fmt.Sprintf(`{"type":"created","id":"1","room":%q,"duplicate":true}`, two))
	})
}

// A title, a picture and a text are said: not by who is muted, at no door. Who says nothing may
// found a conversation all the same, and add users.
func TestConversation_Create_ByTheMuted(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		b.must(b.hub.Mute("", "ann", time.Hour))
		ann.until("muted")
		for i, said := range []string{`"title":"x"`, `"avatar":"https://example.com/x"`, `"about":"x"`} {
			ann.send(fmt.Sprintf(`{"type":"create","id":"1","key":"%d",%s}`, i, said))
			ann.expect(`{"type":"error","id":"1","code":"muted","…":"…"}`)
			if got := b.requestAs("ann", "POST", "/rooms", `{`+said+`}`); got != "muted" {
				t.Errorf("%s over HTTP: %q", said, got)
			}
		}
		g := ann.create(`"key":"k","users":["ben"]`)
		ann.send(fmt.Sprintf(`{"type":"member","id":"1","room":%q,"users":["cy"],"role":"member"}`, g))
		ann.expect(`{"type":"ok","id":"1","…":"…"}`)
		ann.send(fmt.Sprintf(`{"type":"info","id":"1","room":%q,"title":"x"}`, g))
		ann.expect(`{"type":"error","id":"1","code":"muted","…":"…"}`)
		if got := b.requestAs("ann", "PATCH", "/rooms/"+g, `{"title":"x"}`); got != "muted" {
			t.Errorf("info over HTTP: %q", got)
		}
	})
}
