package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat"
)

// A guest who comes into a conversation is called by name at once, whichever node they are at,
// and also after they have gone. One who was added while away is, from the next hello on; so is
// one who has another name then. Of guests who belong to nothing nothing is kept.
func TestConversation_Guests_AreCalledByName(t *testing.T) {
	inNodes(t, 2, chat.Settings{Policies: chatApp(t)}, func(t *testing.T, nodes []*bubble) {
		ann := nodes[0].connect().hello(`,"token":"ann"`)
		gil := nodes[1].connect().hello(`,"token":"guest-gil","name":"Gil","avatar":"https://example.com/gil.png"`)
		nodes[0].connect().hello(`,"token":"guest-hal","name":"Hal"`)
		nodes[0].connect().hello(`,"token":"guest-ida","name":"Ida"`)
		g := ann.create(`"key":"k","users":["guest-gil"]`)
		ask := func(frame, want string) {
			t.Helper()
			ann.send(fmt.Sprintf(frame, g))
			got := ann.next()
			for got != "" && typeOf(got) == "member" { // it may come before the answer
				got = ann.next()
			}
			if !strings.Contains(got, want) {
				t.Errorf("%s is answered with %s, not with %s", frame, got, want)
			}
		}
		const members = `{"type":"members","id":"1","room":%q}`
		ask(`{"type":"join","id":"1","room":%q}`, `"users":[{"id":"guest-gil","name":"Gil","avatar":"https://example.com/gil.png","guest":true}]`)
		ask(members, `"name":"Gil"`)
		ask(`{"type":"member","id":"1","room":%q,"users":["guest-hal","guest-jo"],"role":"member"}`, `"ok"`)
		ask(members, `"name":"Hal"`)
		ask(members, `{"id":"guest-jo","name":""}`)
		gil.closeNow()
		synctest.Wait()
		ask(members, `"name":"Gil"`)
		nodes[1].connect().hello(`,"token":"guest-jo","name":"Jo"`)
		ask(members, `"name":"Jo"`)
		nodes[1].connect().hello(`,"token":"guest-gil","name":"Gilbert"`)
		ask(members, `"name":"Gilbert"`)
		if kept, err := nodes[0].journal.Records().Get(t.Context(), "user\x00guest-ida"); err != nil || kept.Value != nil {
			t.Errorf("of a guest who belongs to nothing %s is kept, %v", kept.Value, err)
		}
		ben := nodes[1].connect().hello(`,"token":"ben"`)
		ben.send(fmt.Sprintf(`{"type":"member","id":"1","room":%q,"users":["guest-ida"],"role":"member"}`, g))
		ben.expect(`{"type":"error","id":"1","code":"forbidden","…":"…"}`)
		if kept, _ := nodes[0].journal.Records().Get(t.Context(), "user\x00guest-ida"); kept.Value != nil {
			t.Errorf("who may add nobody has %s kept", kept.Value)
		}
	})
}
