package chat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// opened is the list of a welcome.
type opened struct {
	At     string
	All    bool
	Unread int
	Rows   []struct {
		Room string
		Gone bool
	}
}

// comeBack opens the list of a user who has been away.
func (b *bubble) comeBack(user, since string) (*client, opened) {
	b.t.Helper()
	c := b.connect()
	c.send(fmt.Sprintf(`{"type":"hello","token":%q,"list":{"since":%q}}`, user, since))
	var f struct{ List opened }
	if err := json.Unmarshal([]byte(c.any()), &f); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait() // until then a row comes in place of a head
	return c, f.List
}

// rooms returns the rooms of a list, each with what is wrong about it if its row is gone.
func (o opened) rooms() (list []string) {
	for _, row := range o.Rows {
		if row.Gone {
			row.Room += " gone"
		}
		list = append(list, row.Room)
	}
	return list
}

// readers returns the policies of chatApp where these read groups.
func readers(t *testing.T, subjects ...string) access.Policies {
	policies := chatApp(t)
	policies[1].Read = who(t, subjects...)
	return policies
}

// Which rows go and come with the policies is in no record. So whoever was away meanwhile gets
// the whole list: from each of two nodes, also when one of them knows the change alone,
// and also when the policies are as they were again. What lists do not show of policies
// changes nothing.
func TestList_Since_PoliciesHaveChanged_IsTheWholeList(t *testing.T) {
	var store *memjournal.Store
	onJournal(t, func() chat.Config {
		store = memjournal.NewStore(memjournal.Options{})
		return chat.Config{Settings: chat.Settings{Policies: chatApp(t)}, Journal: store.Open()}
	}, tokens{}, alone, func(t *testing.T, b *bubble) {
		second, err := chat.NewHub(chat.Config{Settings: b.hub.Settings(), Journal: store.Open()})
		if err != nil {
			t.Fatal(err)
		}
		hubs := [2]*chat.Hub{b.hub, second}
		on := func(node int) *bubble {
			b.handler.Hub = hubs[node]
			return b
		}
		configure := func(node int, policies access.Policies) {
			set := hubs[node].Settings()
			set.Policies = policies
			hubs[node].Configure(set)
			time.Sleep(time.Second)
		}
		g := on(0).connect().hello(`,"token":"ann"`).create(`"key":"k","users":["ben"]`)
		for node := range hubs {
			other := 1 - node
			device, first := on(node).comeBack("ben", "")
			check := func(what string, at int, since string, all bool, rooms ...string) string {
				t.Helper()
				c, back := on(at).comeBack("ben", since)
				if fmt.Sprint(back.All, back.rooms()) != fmt.Sprint(all, rooms) {
					t.Errorf("%s on node %d: all %t, %v", what, at, back.All, back.rooms())
				}
				c.closeNow()
				return back.At
			}
			for at := range hubs {
				check("nothing has changed", at, first.At, false)
			}
			policies := chatApp(t)
			policies[1].MaxMembers, policies[1].Moderate, policies[3].NoRaw = 7, who(t, "members"), true
			configure(node, policies)
			check("other things have changed", node, first.At, false)

			configure(node, readers(t, "admins"))
			device.expect(fmt.Sprintf(`{"type":"row","room":%q,"gone":true}`, g))
			device.closeNow()
			without := check("only admins read", node, first.At, true)
			check("they still do", node, without, false)
			with := check("all members read on the other node", other, without, true, g)
			check("they still do", other, with, false)
			check("only admins do here", node, with, true)

			configure(node, chatApp(t))
			for at := range hubs {
				check("the policies are again as they were", at, first.At, true, g)
				check("and since then", at, check("with the other list", at, without, true, g), false)
			}
		}
		for _, hub := range hubs {
			b.hub = hub
			b.close()
		}
	})
}

// A row is gone for who was away, too, when the conversation was erased meanwhile; and nothing
// is left of an erased user's list.
func TestList_Since_Erased_IsTheWholeList(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g, other := ann.create(`"key":"k","users":["ben"]`), ann.create(`"key":"o","users":["ben"]`)
		c, first := b.comeBack("ben", "")
		c.closeNow()
		if _, err := b.hub.EraseRoom(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		c, back := b.comeBack("ben", first.At)
		if !back.All || fmt.Sprint(back.rooms()) != fmt.Sprint([]string{other}) {
			t.Errorf("a room was erased: %v", back)
		}
		c.closeNow()
		if _, err := b.hub.EraseUser(t.Context(), "ben"); err != nil {
			t.Fatal(err)
		}
		if _, back := b.comeBack("ben", back.At); !back.All || len(back.Rows) > 0 {
			t.Errorf("the user was erased: %v", back)
		}
	})
}

// A conversation of two in which nobody has said anything is not in the answer, nor one that the
// user may not read whatever their role is: neither as there nor as gone.
func TestList_Since_LeavesOutWhatWasInNoList(t *testing.T) {
	policies := append(access.Policies{{Pattern: "s-*", Create: who(t, "users"), Read: who(t, "users"), Write: who(t, "members")}}, chatApp(t)...)
	inBubble(t, chat.Settings{Policies: policies}, tokens{}, func(t *testing.T, b *bubble) {
		c, first := b.comeBack("guest-g", "")
		c.closeNow()
		ann := b.connect().hello(`,"token":"ann"`)
		d := ann.create(`"direct":"guest-g"`)
		hidden, told := ann.create(`"key":"h","pattern":"s-*","users":["guest-g"]`), ann.create(`"key":"t","pattern":"g-*","users":["guest-g"]`)
		say(t, b.journal, hidden, "a secret")
		for _, since := range []string{first.At, ""} {
			c, back := b.comeBack("guest-g", since)
			if fmt.Sprint(back.rooms()) != fmt.Sprint([]string{told}) {
				t.Errorf("of %s, %s and %s the list has %v", d, hidden, told, back.rooms())
			}
			c.closeNow()
		}
		say(t, b.journal, d, "hi")
		if _, back := b.comeBack("guest-g", first.At); fmt.Sprint(back.rooms()) != fmt.Sprint([]string{d, told}) && fmt.Sprint(back.rooms()) != fmt.Sprint([]string{told, d}) {
			t.Errorf("after the first message: %v", back.rooms())
		}
	})
}

// Rows that were named and are beyond 128 KiB are left out, and the answer says so: whoever asks
// again for those has them all in the end. Those that are gone need no second answer.
func TestList_Rooms_BeyondOneAnswer_AreAskedForAgain(t *testing.T) {
	const rooms = 95
	inBubble(t, chat.Settings{Policies: chatApp(t), OutboxLimit: 8 << 20}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		avatar := "https://pictures/" + strings.Repeat("a", 480)
		missing := map[string]bool{"g-of-nobody": true}
		for i := range rooms {
			g := ann.create(fmt.Sprintf(`"key":"%d","title":%q,"avatar":%q`, i, strings.Repeat("界", 64), avatar))
			say(t, b.journal, g, fmt.Sprintf(`{"text":%q}`, strings.Repeat("y", 495)))
			missing[g] = true
		}
		answers := 0
		for more := true; more; answers++ {
			var ask []string
			for room := range missing {
				ask = append(ask, room)
			}
			names, err := json.Marshal(ask)
			if err != nil {
				t.Fatal(err)
			}
			ann.send(fmt.Sprintf(`{"type":"list","rooms":%s}`, names))
			text := ann.any()
			var f struct {
				More bool
				Next string
				Rows []struct {
					Room string
					Gone bool
				}
			}
			if err := json.Unmarshal([]byte(text), &f); err != nil {
				t.Fatal(err)
			}
			if more = f.More; len(text) > 129<<10 || f.Next != "" || len(f.Rows) == 0 {
				t.Fatalf("%d bytes with %d rows, next %q", len(text), len(f.Rows), f.Next)
			}
			for _, row := range f.Rows {
				if !missing[row.Room] || row.Gone != (row.Room == "g-of-nobody") {
					t.Errorf("an answer has %v", row)
				}
				delete(missing, row.Room)
			}
		}
		if len(missing) > 0 || answers < 2 {
			t.Errorf("after %d answers there is none about %d rooms", answers, len(missing))
		}
	})
}
