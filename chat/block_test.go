package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// until skips frames before one of a type.
func (c *client) until(typ string) string {
	c.t.Helper()
	for {
		if got := c.any(); typeOf(got) == typ {
			return got
		}
	}
}

// Whom the other one of two has blocked says nothing there by any door, does not bring the
// other one into conversations, and still reads. It ends when the block does.
func TestConversation_Block(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
		d, g := ann.create(`"direct":"ben"`), ann.create(`"key":"k"`)
		shared := ann.create(`"key":"before","users":["ben"]`)
		must := func(c *client, format string, args ...any) {
			t.Helper()
			if got := c.ask(fmt.Sprintf(format, args...)); got != "" {
				t.Fatalf("%s: %s", format, got)
			}
		}
		for _, c := range []*client{ann, ben} {
			must(c, `{"type":"join","id":"?","room":%q}`, d)
		}
		must(ann, `{"type":"send","id":"?","room":%q,"body":"hi"}`, d)
		for _, room := range []string{g, shared} { // of more than two, or not hers
			if got := ben.ask(fmt.Sprintf(`{"type":"set","id":"?","room":%q,"block":true}`, room)); got != "forbidden" {
				t.Errorf("block in %s: %q", room, got)
			}
		}
		tries := map[string]string{
			"send": fmt.Sprintf(`{"type":"send","id":"?","room":%q,"body":"psst"}`, d), "typing": fmt.Sprintf(`{"type":"typing","id":"?","room":%q}`, d),
			"edit":   fmt.Sprintf(`{"type":"edit","id":"?","room":%q,"seq":2,"body":"psst"}`, d),
			"tag":    fmt.Sprintf(`{"type":"tag","id":"?","room":%q,"seq":2,"tag":"psst","value":true}`, d),
			"add":    fmt.Sprintf(`{"type":"member","id":"?","room":%q,"users":["cy","ben"],"role":"member"}`, g),
			"create": `{"type":"create","id":"?","key":"new","users":["ben"]}`,
		}
		must(ben, `{"type":"set","id":"?","room":%q,"block":true}`, d)
		for name, frame := range tries {
			if got := ann.ask(frame); got != "forbidden" {
				t.Errorf("%s of whom is blocked: %q", name, got)
			}
		}
		if rec := serveMessages(b.handler, newRequest("POST", "ann", `{"body":1}`), d); rec.Code != 403 {
			t.Errorf("POST: %d", rec.Code)
		}
		ann.send(tries["add"])
		ann.match(`{"type":"error","id":"?","code":"forbidden","field":"users[1]","…":"…"}`, ann.until("error"))
		must(ann, `{"type":"history","id":"?","room":%q}`, d)
		must(ann, `{"type":"create","id":"?","direct":"ben"}`) // it is there
		must(ann, `{"type":"member","id":"?","room":%q,"users":["ben"],"role":"admin"}`, shared)
		must(ben, `{"type":"send","id":"?","room":%q,"body":"not you"}`, d)
		ben.send(fmt.Sprintf(`{"type":"list","rooms":[%q]}`, d))
		ben.match(`{"type":"list","rows":[{"block":true,"…":"…"}],"more":false}`, ben.until("list"))
		must(ben, `{"type":"set","id":"?","room":%q,"block":false}`, d)
		for name, frame := range tries {
			if got := ann.ask(frame); got != "" {
				t.Errorf("%s afterwards: %q", name, got)
			}
		}
	})
}

// Two of whom one was erased belong to their conversation again once either founds it anew.
func TestConversation_Direct_GoesOnAfterErasure(t *testing.T) {
	for _, founder := range []string{"ann", "ben"} {
		inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
			ben := b.connect().hello(`,"token":"ben"`)
			d := ben.create(`"direct":"ann"`)
			ben.send(fmt.Sprintf(`{"type":"join","room":%q}`, d))
			ben.expect(`{"type":"joined","…":"…"}`)
			if _, err := b.hub.EraseUser(t.Context(), "ann"); err != nil {
				t.Fatal(err)
			}
			ben.expect(`{"type":"member","seq":2,"users":[{"id":"ann","…":"…"}],"role":"none","…":"…"}`)
			if got := ben.ask(fmt.Sprintf(`{"type":"send","id":"?","room":%q,"body":1}`, d)); got != "forbidden" {
				t.Errorf("send to nobody: %q", got)
			}
			ann := b.connect().hello(`,"token":"ann"`)
			by, other := ann, "ben"
			if founder == "ben" {
				by, other = ben, "ann"
			}
			for _, duplicate := range []bool{false, true} {
				by.send(fmt.Sprintf(`{"type":"create","id":"1","direct":%q}`, other))
				by.match(fmt.Sprintf(`{"type":"created","id":"1","room":%q,"duplicate":%t}`, d, duplicate), by.until("created"))
			}
			ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, d))
			ann.match(`{"type":"joined","role":"member","size":2,"write":true,"with":{"id":"ben","…":"…"},"last":3,"…":"…"}`, ann.until("joined"))
			for _, c := range []*client{ann, ben} {
				if got := c.ask(fmt.Sprintf(`{"type":"send","id":"?","room":%q,"body":1}`, d)); got != "" {
					t.Errorf("send afterwards: %q", got)
				}
			}
		})
	}
}

// Where one of two has blocked the other, neither is told what the other does without
// saying anything, at no door, and the blocked one cannot tell that from the other one's
// having gone. It ends when the block does.
func TestConversation_Block_IsSilent(t *testing.T) {
	policies := chatApp(t)
	policies[0].Receipts = 2
	inBubble(t, chat.Settings{Policies: policies}, tokens{}, func(t *testing.T, b *bubble) {
		both := map[string]*client{"ann": b.connect().hello(`,"token":"ann"`), "ben": b.connect().hello(`,"token":"ben"`)}
		d := both["ann"].create(`"direct":"ben"`)
		do := func(by, want, format string) {
			t.Helper()
			if got := both[by].ask(fmt.Sprintf(format, d)); got != want {
				t.Fatalf("%s: %s: %s", by, format, got)
			}
			time.Sleep(3 * time.Second) // what is told a moment later is told
		}
		heard := func(by string) (types []string) {
			for {
				select {
				case got := <-both[by].frames:
					types = append(types, typeOf(string(got)))
				default:
					return types
				}
			}
		}
		for by := range both {
			do(by, "", `{"type":"join","id":"?","room":%q}`)
		}
		do("ann", "", `{"type":"send","id":"?","room":%q,"body":1}`)
		do("ben", "", `{"type":"read","id":"?","room":%q,"seq":2}`)
		// each lets both do all that the other might be told, and says what they were told.
		each := func() map[string][]string {
			time.Sleep(3 * time.Second) // or a leave and a join soon after a report are none together
			heard("ann")
			heard("ben")
			told := map[string][]string{}
			for by, other := range map[string]string{"ann": "ben", "ben": "ann"} {
				do(by, "", `{"type":"leave","id":"?","room":%q}`)
				do(by, "", `{"type":"join","id":"?","room":%q}`)
				both[by].ask(fmt.Sprintf(`{"type":"typing","id":"?","room":%q}`, d)) // forbidden to who is blocked
				time.Sleep(3 * time.Second)
				heard(by)
				told[other] = heard(other)
			}
			do("ben", "", `{"type":"send","id":"?","room":%q,"body":1}`)
			heard("ben")
			do("ann", "", `{"type":"read","id":"?","room":%q,"seq":9000}`)
			told["ben"] = append(told["ben"], heard("ben")...)
			heard("ann")
			return told
		}
		// seen says what somebody is shown of the other one.
		seen := func(by string) string {
			c := b.connect()
			defer c.closeNow()
			c.send(fmt.Sprintf(`{"type":"hello","token":%q,"rooms":[{"room":%q}]}`, by, d))
			welcome := c.until("welcome")
			c.send(fmt.Sprintf(`{"type":"who","room":%q}`, d))
			who := c.until("who")
			c.send(fmt.Sprintf(`{"type":"members","room":%q}`, d))
			return fmt.Sprintf("%d present, %d listed, %d read", strings.Count(welcome, `"members":2`)+1, strings.Count(who, `"id":`), strings.Count(c.until("members"), `"read":`))
		}
		check := func(when string, told []string, shown string) {
			t.Helper()
			got := each()
			if want := append(told[:len(told):len(told)], told2(len(told) > 0)...); !slices.Equal(got["ann"], told) || !slices.Equal(got["ben"], want) {
				t.Errorf("%s: %v, want %v and %v", when, got, told, want)
			}
			for by := range both {
				if got := seen(by); got != shown {
					t.Errorf("%s: %s is shown %s, want %s", when, by, got, shown)
				}
			}
		}
		open, all := []string{"presence", "presence", "typing"}, "2 present, 2 listed, 2 read"
		check("before", open, all)
		presence := func(block bool, want string) {
			t.Helper()
			heard("ann")
			both["ben"].send(fmt.Sprintf(`{"type":"set","room":%q,"block":%t}`, d, block))
			for by, other := range map[string]string{"ann": "ben", "ben": "ann"} {
				both[by].match(fmt.Sprintf(want, other), both[by].until("presence"))
			}
		}
		presence(true, `{"type":"presence","joined":[],"left":[{"id":%q,"…":"…"}],"members":1,"…":"…"}`)
		check("blocked", nil, "1 present, 1 listed, 0 read")
		presence(false, `{"type":"presence","joined":[{"id":%q,"…":"…"}],"left":[],"members":2,"…":"…"}`)
		check("unblocked", open, all)
	})
}

// told2 is what ben is told besides, because ann has read.
func told2(open bool) []string {
	if open {
		return []string{"seen"}
	}
	return nil
}
