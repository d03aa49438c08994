package chat_test

import (
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
)

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
		for got := ben.any(); ; got = ben.any() {
			if typeOf(got) == "list" {
				ben.match(`{"type":"list","rows":[{"block":true,"…":"…"}],"more":false}`, got)
				break
			}
		}
		must(ben, `{"type":"set","id":"?","room":%q,"block":false}`, d)
		for name, frame := range tries {
			if got := ann.ask(frame); got != "" {
				t.Errorf("%s afterwards: %q", name, got)
			}
		}
	})
}
