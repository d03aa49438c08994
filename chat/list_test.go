package chat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

func TestList_AsTheRoomsAre(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect()
		ann.send(`{"type":"hello","token":"ann","list":{}}`)
		ann.expect(`{"type":"welcome","list":{"at":"…","all":true,"live":"…","rows":[],"more":false,"unread":0},"…":"…"}`)
		ben := b.connect().hello(`,"token":"ben"`)
		g := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
		time.Sleep(time.Second)
		d := ann.create(`"direct":"ben"`)
		say := func(c *client, room, text string) {
			c.send(fmt.Sprintf(`{"type":"join","room":%q}`, room))
			c.send(fmt.Sprintf(`{"type":"send","room":%q,"body":{"text":%q}}`, room, text))
			c.send(fmt.Sprintf(`{"type":"leave","id":"left","room":%q}`, room))
			for typeOf(c.any()) != "ok" {
			}
		}
		list := func(c *client, fields, want string) {
			t.Helper()
			c.send(`{"type":"list"` + fields + `}`)
			for {
				if got := c.any(); typeOf(got) == "list" {
					c.match(want, got)
					return
				}
			}
		}
		list(ben, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"title":"Trip","size":2,"epoch":"…","last":1,"at":"…","count":0,"role":"member","read":1,"unread":0,"notify":true,"top":false}],"more":false}`, g))
		say(ann, d, "hi")
		time.Sleep(2 * time.Second) // the mark has moved to what was sent
		list(ben, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"with":{"id":"ann","…":"…"},"count":1,"unread":1,"read":1,"entry":{"type":"message","body":{"text":"hi"},"…":"…"},"…":"…"},{"room":%q,"…":"…"}],"more":false}`, d, g))
		list(ann, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"with":{"id":"ben","…":"…"},"unread":0,"read":2,"…":"…"},{"room":%q,"role":"owner","…":"…"}],"more":false}`, d, g))

		// Pages, settings, clearing and hiding.
		ben.send(fmt.Sprintf(`{"type":"set","id":"1","room":%q,"top":true,"notify":false}`, g))
		ben.expect(`{"type":"ok","id":"1","…":"…"}`)
		ben.send(`{"type":"list","limit":1}`)
		first := ben.any()
		ben.match(fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"top":true,"notify":false,"…":"…"}],"next":"…","more":true}`, g), first)
		list(ben, `,"limit":1,"next":"`+fieldOf(t, first, "next")+`"`, fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"…":"…"}],"more":false}`, d))
		ben.send(fmt.Sprintf(`{"type":"set","id":"2","room":%q,"clear":true,"hide":true}`, d))
		ben.expect(`{"type":"ok","id":"2","…":"…"}`)
		list(ben, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"…":"…"}],"more":false}`, g))
		list(ben, fmt.Sprintf(`,"rooms":[%q,"g-none",%q,"g-none",%q]`, d, g, d), fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"…":"…"},{"room":%q,"unread":0,"read":2,"hidden":true,"…":"…"},{"room":"g-none","gone":true}],"more":false}`, g, d))
		say(ann, d, "again")
		list(ben, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"…":"…"},{"room":%q,"unread":1,"entry":{"body":{"text":"again"},"…":"…"},"…":"…"}],"more":false}`, g, d))
		ben.send(fmt.Sprintf(`{"type":"history","room":%q}`, d))
		ben.expect(`{"type":"history","entries":[{"type":"message","seq":3,"…":"…"}],"more":false,"…":"…"}`)
	})
}

// Where no room can be a conversation a client is not told of a list, so that it shows none.
func TestList_WithoutConversations_IsNotInTheWelcome(t *testing.T) {
	for _, policies := range []access.Policies{nil, {{Pattern: "*", Read: who(t, "anyone")}}} {
		inBubble(t, chat.Settings{Policies: policies}, tokens{}, func(t *testing.T, b *bubble) {
			ann := b.connect()
			ann.send(`{"type":"hello","token":"ann","list":{}}`)
			if got := ann.any(); typeOf(got) != "welcome" || strings.Contains(got, `"list"`) {
				t.Fatalf("welcome: %s", got)
			}
		})
	}
}

// Who comes back is told what has changed, and nothing else.
func TestList_Since_TellsWhatHasChanged(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		same, talk, left, mine := ann.create(`"key":"1","users":["ben"]`), ann.create(`"key":"2","users":["ben"]`), ann.create(`"key":"3","users":["ben"]`), ann.create(`"key":"4","users":["ben"]`)
		ben := b.connect()
		ben.send(`{"type":"hello","token":"ben","list":{"limit":2}}`)
		welcome := ben.any()
		ben.match(`{"type":"welcome","list":{"all":true,"rows":["…","…"],"more":true,"next":"…","unread":0,"…":"…"},"…":"…"}`, welcome)
		since := fieldOf(t, welcome, "list", "at")
		back := func(want string) {
			t.Helper()
			ben.closeNow()
			ben = b.connect()
			ben.send(`{"type":"hello","token":"ben","list":{"since":"` + since + `"}}`)
			ben.expect(`{"type":"welcome","list":` + want + `,"…":"…"}`)
		}
		back(`{"at":"…","all":false,"live":"…","rows":[],"more":false}`)
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, talk))
		ann.expect(`{"type":"joined","…":"…"}`)
		ann.send(fmt.Sprintf(`{"type":"send","room":%q,"body":"hi"}`, talk))
		ann.expect(`{"type":"message","…":"…"}`)
		ann.send(fmt.Sprintf(`{"type":"member","id":"x","room":%q,"users":["ben"],"role":"none"}`, left))
		ann.expect(`{"type":"ok","id":"x","…":"…"}`)
		ben.send(fmt.Sprintf(`{"type":"set","id":"y","room":%q,"top":true}`, mine))
		for typeOf(ben.any()) != "ok" { // heads and rows
		}
		for _, room := range []string{talk, left, mine} {
			if room == same {
				t.Fatal("two rooms are one")
			}
		}
		got := map[string]bool{}
		ben.closeNow()
		ben = b.connect()
		ben.send(`{"type":"hello","token":"ben","list":{"since":"` + since + `"}}`)
		for _, row := range rowsOf(t, ben.any()) {
			got[fmt.Sprint(row["room"], row["gone"] == true, row["unread"], row["top"])] = true
		}
		for _, want := range []string{fmt.Sprint(talk, false, 1.0, false), fmt.Sprint(left, true, nil, nil), fmt.Sprint(mine, false, 0.0, true)} {
			if !got[want] {
				t.Errorf("missing %s in %v", want, got)
			}
		}
		if len(got) != 3 {
			t.Errorf("changed are %v", got)
		}
		foreign := b.connect()
		foreign.send(`{"type":"hello","token":"cy","list":{}}`)
		for _, strange := range []string{"nonsense", since[1:], "A" + since[:len(since)-1], fieldOf(t, foreign.any(), "list", "at")} {
			since = strange
			back(`{"all":true,"rows":["…","…","…"],"more":false,"unread":1,"…":"…"}`)
		}
	})
}

// What is again as it was at first has changed all the same.
func TestList_Since_TellsOfSettingsThatAreTheDefaultAgain(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		g := b.connect().hello(`,"token":"ann"`).create(`"key":"1","users":["ben"]`)
		ben := b.connect().hello(`,"token":"ben"`)
		set := func(fields string) {
			ben.send(fmt.Sprintf(`{"type":"set","id":"1","room":%q,%s}`, g, fields))
			ben.expect(`{"type":"ok","id":"1","…":"…"}`)
		}
		set(`"top":true,"notify":false`)
		phone := b.connect()
		phone.send(`{"type":"hello","token":"ben","list":{}}`)
		welcome := phone.any()
		phone.match(fmt.Sprintf(`{"type":"welcome","list":{"rows":[{"room":%q,"top":true,"notify":false,"…":"…"}],"…":"…"},"…":"…"}`, g), welcome)
		phone.closeNow()
		set(`"top":false,"notify":true`)
		phone = b.connect()
		phone.send(`{"type":"hello","token":"ben","list":{"since":"` + fieldOf(t, welcome, "list", "at") + `"}}`)
		phone.expect(fmt.Sprintf(`{"type":"welcome","list":{"all":false,"rows":[{"room":%q,"top":false,"notify":true,"…":"…"}],"…":"…"},"…":"…"}`, g))
	})
}

// fieldOf returns a text in a frame.
func fieldOf(t testing.TB, frame string, path ...string) string {
	t.Helper()
	var at any
	if err := json.Unmarshal([]byte(frame), &at); err != nil {
		t.Fatal(err)
	}
	for _, name := range path {
		at = at.(map[string]any)[name]
	}
	return at.(string)
}

// rowsOf returns the rows in the list of a welcome.
func rowsOf(t *testing.T, welcome string) []map[string]any {
	t.Helper()
	var f struct {
		List struct{ Rows []map[string]any }
	}
	if err := json.Unmarshal([]byte(welcome), &f); err != nil {
		t.Fatal(err)
	}
	return f.List.Rows
}
