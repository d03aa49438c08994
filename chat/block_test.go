package chat_test

import (
	"fmt"
	"testing"

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
		ann.expect(`{"type":"error","id":"?","code":"forbidden","field":"users[1]","…":"…"}`)
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
