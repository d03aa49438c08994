package chat_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// When only the mark has moved, a device that has joined the room is told of the mark, and one
// that has the list alone of its row: on the node where it was read, and on another one.
func TestList_MarkAlone_IsReadWhereItIsJoined(t *testing.T) {
	inNodes(t, 2, chat.Settings{Policies: chatApp(t)}, func(t *testing.T, nodes []*bubble) {
		ann := nodes[0].connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ann.next()
		for seq := 2; seq <= 3; seq++ {
			ann.send(fmt.Sprintf(`{"type":"send","room":%q,"body":{"text":"hi"}}`, g))
			ann.expect(fmt.Sprintf(`{"type":"message","seq":%d,"…":"…"}`, seq))
		}
		time.Sleep(time.Second)
		var joined, listing []*client
		for _, b := range nodes {
			in := b.connect().hello(`,"token":"ben"`)
			in.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
			in.next()
			joined, listing = append(joined, in), append(listing, b.connect().openList("ben"))
		}
		reader := nodes[0].connect().hello(`,"token":"ben"`)
		for seq := 2; seq <= 3; seq++ {
			reader.send(fmt.Sprintf(`{"type":"read","id":"r","room":%q,"seq":%d}`, g, seq))
			for i := range nodes {
				joined[i].expect(fmt.Sprintf(`{"type":"read","room":%q,"seq":%d,"unread":%d}`, g, seq, 3-seq))
				listing[i].expect(fmt.Sprintf(`{"type":"row","room":%q,"read":%d,"unread":%d,"…":"…"}`, g, seq, 3-seq))
				joined[i].silent(10 * time.Second)
				listing[i].silent(10 * time.Second)
			}
		}
	})
}

// Who comes back with what another store said is given the whole list: each room has another
// epoch, and what the client had is of no use.
func TestList_Since_OfAnotherEpoch_IsTheWholeList(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		former := b.hub
		begin := func() (room, epoch string) {
			ann := b.connect().hello(`,"token":"ann"`)
			room = ann.create(`"key":"k","users":["ben"]`)
			time.Sleep(time.Second)
			return room, b.epoch(room)
		}
		room, epoch := begin()
		_, list := b.comeBack("ben", "")
		if _, again := b.comeBack("ben", list.At); again.All {
			t.Error("the whole list came again from the same store")
		}
		another := memjournal.New(memjournal.Options{})
		fresh, err := chat.NewHub(chat.Config{Settings: former.Settings(), Journal: another})
		if err != nil {
			t.Fatal(err)
		}
		b.handler.Hub, b.journal = fresh, another
		if same, other := begin(); same != room || other == epoch {
			t.Fatalf("the room %s of epoch %s was founded anew as %s of epoch %s", room, epoch, same, other)
		}
		_, list = b.comeBack("ben", list.At)
		if !list.All || len(list.Rows) != 1 || list.Rows[0].Room != room {
			t.Errorf("a list of another epoch is brought up to date by %+v", list)
		}
		if err := fresh.Close(t.Context()); err != nil {
			t.Error(err)
		}
		b.handler.Hub = former
	})
}

// A user's own room is in the list once something is said in it, on each device, and is read,
// set, and cleared like a conversation.
func TestList_OwnRoom_IsInItOnceSomethingIsSaid(t *testing.T) {
	set := chat.Settings{Policies: chatApp(t), Keys: access.Keys{newKey(t, "site", func(k *access.Key) { k.Write = []string{"@*"} })}}
	url, ws, _ := messagesURL(t, set)
	say := func(text string) {
		t.Helper()
		if status, answer, _ := call(t, "POST", url+"%40ben/messages", keyOf("site"), fmt.Sprintf(`{"body":{"text":%q}}`, text)); status != 201 {
			t.Fatal(status, answer)
		}
	}
	open := func(token string) *client {
		c := dialV1(t, ws)
		c.send(fmt.Sprintf(`{"type":"hello","token":%q,"list":{}}`, token))
		c.expect(`{"type":"welcome","list":{"…":"…"},"…":"…"}`)
		return c
	}
	ben, ann := open("ben"), open("ann")
	ben.send(`{"type":"list","id":"0","rooms":["@ben","@ann"]}`)
	ben.expect(`{"type":"list","id":"0","rows":[{"room":"@ben","gone":true},{"room":"@ann","gone":true}],"more":false}`)
	say("your order was sent")
	ben.expect(`{"type":"row","room":"@ben","size":1,"epoch":"…","last":1,"at":"…","count":1,"entry":{"type":"message","body":{"text":"your order was sent"},"…":"…"},"role":"member","read":0,"unread":1,"notify":true,"top":false}`)
	say("it has arrived")
	ben.expect(`{"type":"row","room":"@ben","count":2,"unread":2,"entry":{"body":{"text":"it has arrived"},"…":"…"},"…":"…"}`)

	tablet := dialV1(t, ws)
	tablet.send(`{"type":"hello","token":"ben","list":{},"rooms":[{"room":"@ben"}]}`)
	tablet.expect(`{"type":"welcome","rooms":[{"room":"@ben","write":false,"unread":2,"…":"…"}],"list":{"rows":[{"room":"@ben","unread":2,"…":"…"}],"unread":2,"…":"…"},"…":"…"}`)
	tablet.send(`{"type":"read","id":"1","room":"@ben","seq":1}`)
	tablet.expectAround(`{"type":"ok","id":"1","room":"@ben","seq":1,"unread":1}`, `{"type":"row","room":"@ben","read":1,"unread":1,"…":"…"}`)
	ben.expect(`{"type":"row","room":"@ben","read":1,"unread":1,"…":"…"}`)
	tablet.send(`{"type":"set","id":"2","room":"@ben","top":true}`)
	tablet.expectAround(`{"type":"ok","id":"2","room":"@ben"}`, `{"type":"row","room":"@ben","top":true,"…":"…"}`)
	ben.expect(`{"type":"row","room":"@ben","top":true,"…":"…"}`)
	tablet.send(`{"type":"set","id":"3","room":"@ben","clear":true}`)
	tablet.expectAround(`{"type":"ok","id":"3","room":"@ben"}`, `{"type":"row","room":"@ben","read":2,"unread":0,"top":true,"…":"…"}`)
	ben.expect(`{"type":"row","room":"@ben","unread":0,"…":"…"}`)
	ben.send(`{"type":"history","id":"4","room":"@ben"}`)
	ben.expect(`{"type":"history","id":"4","room":"@ben","epoch":"…","entries":[],"more":false}`)

	ann.send(`{"type":"list","id":"5"}`)
	ann.expect(`{"type":"list","id":"5","rows":[],"more":false}`)
	ann.send(`{"type":"list","id":"6","rooms":["@ben"]}`)
	ann.expect(`{"type":"list","id":"6","rows":[{"room":"@ben","gone":true}],"more":false}`)
	ann.send(`{"type":"set","id":"7","room":"@ben","top":true}`)
	ann.expect(`{"type":"error","id":"7","code":"forbidden","…":"…"}`)
}

// Who was away is told that the own room is new, and nothing of it when nothing has happened.
func TestList_OwnRoom_Since(t *testing.T) {
	set := chat.Settings{Policies: chatApp(t), Keys: access.Keys{newKey(t, "site", func(k *access.Key) { k.Write = []string{"@*"} })}}
	url, ws, _ := messagesURL(t, set)
	since, want := "", 0
	for _, text := range []string{"", "one", "", "two"} {
		if text != "" {
			if status, answer, _ := call(t, "POST", url+"%40ben/messages", keyOf("site"), fmt.Sprintf(`{"body":{"text":%q}}`, text)); status != 201 {
				t.Fatal(status, answer)
			}
			want++
		}
		c := dialV1(t, ws)
		c.send(fmt.Sprintf(`{"type":"hello","token":"ben","list":{"since":%q}}`, since))
		var f struct{ List opened }
		if err := json.Unmarshal([]byte(c.any()), &f); err != nil {
			t.Fatal(err)
		}
		if rows := len(f.List.Rows); (rows == 1) != (text != "") || f.List.All != (since == "") {
			t.Errorf("after %q, as message %d: %+v", text, want, f.List)
		}
		since = f.List.At
		c.closeNow()
	}
}
