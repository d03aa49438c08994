package chat_test

import (
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// What the site says to one user comes along with what that user has of it, and is the same
// after it has gone into a journal of another kind and back.
func TestTransfer_OwnRooms_ComeAlong(t *testing.T) {
	set := chat.Settings{Policies: chatApp(t), Keys: access.Keys{newKey(t, "site", func(k *access.Key) { k.Write = []string{"@*"} })}}
	for _, kinds := range [][]string{{"memory", "pebble", "memory"}, {"pebble", "postgres", "pebble"}, {"postgres", "pebble", "postgres"}} {
		if journals[kinds[0]] == nil || journals[kinds[1]] == nil {
			continue // where there is no database
		}
		t.Run(fmt.Sprint(kinds), func(t *testing.T) {
			url, ws, hub := messagesOf(t, chat.Config{Settings: set, Journal: journals[kinds[0]](t)})
			for room, bodies := range map[string][]string{
				"%40ben": {`{"body":{"text":"sent"}}`, `{"body":{"text":"come"},"notice":true}`, `{"body":"paid","reply":1,"quiet":true}`, `{"body":4}`},
				"%40ann": {`{"body":"hello"}`}, // who was never here
			} {
				for _, body := range bodies {
					if status, answer, _ := call(t, "POST", url+room+"/messages", keyOf("site"), body); status != 201 {
						t.Fatal(status, answer)
					}
				}
			}
			ben := dialV1(t, ws).hello(`,"token":"ben"`)
			for i, frame := range []string{`"read","seq":2`, `"set","notify":false`, `"set","top":true`} {
				ben.send(fmt.Sprintf(`{"type":%s,"id":"%d","room":"@ben"}`, frame, i))
				ben.expect(fmt.Sprintf(`{"type":"ok","id":"%d","room":"@ben","…":"…"}`, i))
			}
			row := func(ws string) {
				t.Helper()
				c := dialV1(t, ws).hello(`,"token":"ben"`)
				c.send(`{"type":"list","id":"l"}`)
				c.expect(`{"type":"list","id":"l","rows":[{"room":"@ben","last":4,"role":"member","read":2,"unread":1,"notify":false,"top":true,"…":"…"}],"more":false}`)
			}
			row(ws)
			lines := export(t, hub, "")
			if len(lines) != 6 {
				t.Fatalf("%d lines, want 5 entries and what ben has: %q", len(lines), lines)
			}
			for _, kind := range kinds[1:] {
				_, ws, hub := messagesOf(t, chat.Config{Settings: set, Journal: journals[kind](t)})
				imports(t, hub, lines, chat.Imported{Lines: 6, Recorded: 6})
				imports(t, hub, lines, chat.Imported{Lines: 6, Known: 6})
				row(ws)
				again := export(t, hub, "")
				if got, want := withoutEpochs(again), withoutEpochs(lines); got != want {
					t.Errorf("%s exports\n%s\nwant\n%s", kind, got, want)
				}
				lines = again
			}
		})
	}
}
