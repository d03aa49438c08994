package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/memjournal"
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

// Only for those who may bring a guest in are other nodes asked who that is: a node that does not
// answer delays nobody else, and a stranger does not learn from the time what is known of a guest.
// What is shown of a guest who may not come is not kept.
func TestConversation_Guests_AreAskedAboutOnlyForWhoMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		silent := store.Open() // a node that is alive, and no hub answers for it
		defer silent.Close()
		no := refusesOf{check.Member, "guest-no"}
		b, stop := begin(t, chat.Config{
			Settings: chat.Settings{Policies: chatApp(t), Checks: check.Chain{check.New(check.Config{Name: "no", Checker: no})}},
			Journal:  store.Open(),
		}, testAuth{}, alone)
		defer stop()
		defer b.close()
		synctest.Wait() // the hub knows of the other node
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
		gil := b.connect().hello(`,"token":"guest-gil","name":"Gil"`)
		g, c := ann.create(`"key":"k","users":["cy"]`), ann.create(`"key":"k","pattern":"c-*"`)
		if err := b.hub.Ban("", "guest-out", time.Hour); err != nil {
			t.Fatal(err)
		}
		set := func(by *client, room, users, role, want string, waits bool) {
			t.Helper()
			start := time.Now()
			by.send(fmt.Sprintf(`{"type":"member","id":"1","room":%q,"users":[%s],"role":%q}`, room, users, role))
			by.expect(want)
			if took := time.Since(start); waits != (took > time.Second) {
				t.Errorf("users %s, role %s: answered after %v", users, role, took)
			}
		}
		const forbidden = `{"type":"error","id":"1","code":"forbidden","…":"…"}`
		set(ben, g, `"guest-a"`, "member", forbidden, false)
		set(ben, "g-none", `"guest-a"`, "member", forbidden, false)
		set(gil, c, `"guest-gil"`, "member", forbidden, false)
		set(ann, g, `"guest-a"`, "admin", `{"type":"ok","id":"1","…":"…"}`, true)
		set(ann, g, `"guest-out"`, "member", forbidden, false)
		set(ann, g, `"guest-no"`, "member", `{"type":"error","id":"1","code":"refused","…":"…"}`, false)
		set(ann, g, `"guest-b","guest-c"`, "member", `{"type":"error","id":"1","code":"room_full","…":"…"}`, false)
		set(ann, g, `"guest-a"`, "none", `{"type":"ok","id":"1","…":"…"}`, false)
		if kept, err := b.journal.Records().Get(t.Context(), "user\x00guest-gil"); err != nil || kept.Value != nil {
			t.Errorf("of a guest who may not come %s is kept, %v", kept.Value, err)
		}
	})
}

// refusesOf is a check that lets all pass but one kind of question about one user.
type refusesOf struct {
	about check.About
	user  string
}

func (r refusesOf) Check(_ context.Context, q *check.Question) (check.Verdict, error) {
	if q.About == r.about && slices.Contains(q.Users, r.user) {
		return check.Verdict{Kind: check.Refuse}, nil
	}
	return check.Verdict{Kind: check.Pass}, nil
}
