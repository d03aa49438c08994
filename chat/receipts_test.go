package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// Members of a small conversation see how far the others have read, and nobody sees it
// elsewhere.
func TestConversation_Receipts(t *testing.T) {
	policies := chatApp(t)
	policies[1].Receipts = 2
	inBubble(t, chat.Settings{Policies: policies}, tokens{}, func(t *testing.T, b *bubble) {
		for _, others := range []string{`"ben"`, `"ben","cy"`} {
			ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
			g := ann.create(`"key":"` + strings.ReplaceAll(others, `"`, "") + `","users":[` + others + `]`)
			shown := others == `"ben"`
			for _, c := range []*client{ann, ben} {
				c.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
				c.until("joined")
			}
			for range 3 {
				ann.send(fmt.Sprintf(`{"type":"send","room":%q,"body":1}`, g))
				ben.until("message")
				ann.until("message")
			}
			time.Sleep(2 * time.Second) // ann's own mark has moved, and ben was told
			for _, seq := range []int{2, 3, 4} {
				ben.send(fmt.Sprintf(`{"type":"read","id":"r","room":%q,"seq":%d}`, g, seq))
				ben.until("ok")
			}
			time.Sleep(2 * time.Second)
			ann.send(fmt.Sprintf(`{"type":"members","room":%q}`, g))
			var seen []string
			got := ann.any()
			for ; typeOf(got) != "members"; got = ann.any() {
				if typeOf(got) == "seen" {
					seen = append(seen, got)
				}
			}
			if !shown {
				if strings.Contains(got, `"read"`) || len(seen) > 0 {
					t.Errorf("of three: %s after %s", got, seen)
				}
				continue
			}
			ann.match(`{"type":"members","users":[{"user":{"id":"ann","…":"…"},"role":"owner","since":1,"read":4},{"user":{"id":"ben","…":"…"},"role":"member","since":1,"read":4}],"…":"…"}`, got)
			if len(seen) == 0 || len(seen) > 2 { // at once, and the newest a second later
				t.Fatalf("seen: %s", seen)
			}
			ann.match(fmt.Sprintf(`{"type":"seen","room":%q,"user":"ben","seq":4}`, g), seen[len(seen)-1])
		}
	})
}
