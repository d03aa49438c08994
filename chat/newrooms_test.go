package chat_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// doors are the ways in which something is said in a room: each reports whether that
// was too fast. A user without a name is one that has shown no credential, or a guest.
var doors = map[string]func(b *bubble, user, room string) (tooFast bool){
	"chat.v1": func(b *bubble, user, room string) bool {
		if user == "" {
			user = "guest-" + room // a new one each time
		}
		c := b.connect().hello(fmt.Sprintf(`,"token":%q,"rooms":[{"room":%q}]`, user, room))
		defer c.closeNow()
		c.send(fmt.Sprintf(`{"type":"send","id":"1","room":%q,"body":1}`, room))
		for {
			switch frame := c.next(); {
			case strings.Contains(frame, `"code":"too_fast"`):
				if strings.Contains(frame, `"retry":false`) {
					b.t.Errorf("%s: there is no time to wait", frame)
				}
				return true
			case typeOf(frame) == "ok":
				return false
			}
		}
	},
	"raw": func(b *bubble, user, room string) bool {
		b.query = "room=" + room
		if user != "" {
			b.query += "&token=" + user
		}
		c := b.connectRaw()
		defer c.closeNow()
		if err := c.conn.Write(b.t.Context(), websocket.MessageText, []byte("hi")); err != nil {
			b.t.Error(err)
		}
		select {
		case <-c.frames: // closed: nobody else is there
			if websocket.CloseStatus(c.end) != 4003 {
				b.t.Errorf("ended with %v", c.end)
			}
			return true
		case <-time.After(time.Millisecond):
			return false
		}
	},
	"HTTP": func(b *bubble, user, room string) bool {
		if user == "" {
			user = "guest-" + room
		}
		r := newRequest("POST", user, `{"body":"hi"}`)
		rec := serveMessages(b.handler, r, room)
		if rec.Code == http.StatusTooManyRequests && rec.Header().Get("Retry-After") == "" {
			b.t.Error("there is no time to wait")
		}
		return rec.Code == http.StatusTooManyRequests
	},
}

// Who makes the first entries of too many rooms must wait, at every door: each user for
// themselves, guests and those without a name by their address. Everything else is as
// it was.
func TestDoors_NewRooms_AreCharged(t *testing.T) {
	for door, say := range doors {
		t.Run(door, func(t *testing.T) {
			set := chat.Settings{NewRooms: few(0.2, 3)}
			inQueryBubble(t, set, func(t *testing.T, b *bubble) {
				say(b, "li", "old")
				for i, user := range []string{"ann", ""} {
					room := func(n int) string { return fmt.Sprintf("%d-%d", i, n) }
					for n := range 4 {
						if tooFast := say(b, user, room(n)); tooFast != (n == 3) {
							t.Errorf("%q, new room %d: too fast %v", user, n, tooFast)
						}
					}
					for range 3 {
						if say(b, user, room(0)) || say(b, user, "old") {
							t.Errorf("%q: a room that has entries is charged", user)
						}
					}
					time.Sleep(5 * time.Second)
					if say(b, user, room(3)) || !say(b, user, room(4)) {
						t.Errorf("%q: after 5 s it is not one room more", user)
					}
				}
				if say(b, "bo", "another") {
					t.Error("another user is charged with it")
				}
				if n := b.hub.Stats().Refused[chat.RefusedRate]; n != 4 {
					t.Errorf("%d refusals are counted", n)
				}
			})
		})
	}
}

// Many who speak at once in a new room make one first entry.
func TestDoors_NewRoom_IsChargedOnce(t *testing.T) {
	inQueryBubble(t, chat.Settings{NewRooms: few(0.001, 1)}, func(t *testing.T, b *bubble) {
		c := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"},{"room":"rum"}]`)
		for range 20 {
			c.send(`{"type":"send","room":"tea","body":1}`)
			c.send(`{"type":"typing","room":"rum"}`) // makes nothing
		}
		for i := range 20 {
			c.expect(fmt.Sprintf(`{"type":"message","seq":%d,"…":"…"}`, i+1))
		}
		for range 2 { // what was refused founds nothing
			c.send(`{"type":"send","id":"1","room":"rum","body":1}`)
			c.expect(`{"type":"error","id":"1","code":"too_fast","…":"…"}`)
		}
		if _, err := b.hub.Announce(t.Context(), "rum", []byte("1")); err != nil {
			t.Error(err) // the operator is not charged
		}
		c.expect(`{"type":"notice","…":"…"}`)
		c.send(`{"type":"send","room":"rum","body":1}`)
		c.expect(`{"type":"message","seq":2,"…":"…"}`)
	})
}

// A user has so many read marks, through whichever door they were made.
func TestDoors_Marks_AreBounded(t *testing.T) {
	for door, say := range doors {
		t.Run(door, func(t *testing.T) {
			var j journal.Journal
			inQueryBubble(t, chat.Settings{Marks: 3}, func(t *testing.T, b *bubble) {
				j = b.journal
				for n := range 5 {
					say(b, "ann", fmt.Sprint("room", n))
					synctest.Wait()
				}
				var marks []string
				if err := j.Records().Scan(t.Context(), "mark\x00ann\x00", func(r journal.Record) error {
					marks = append(marks, r.Key[len("mark\x00ann\x00"):])
					return nil
				}); err != nil {
					t.Error(err)
				}
				if want := "[room2 room3 room4]"; fmt.Sprint(marks) != want {
					t.Errorf("marks in %v, want %s", marks, want)
				}
			})
		})
	}
	t.Run("read", func(t *testing.T) {
		inQueryBubble(t, chat.Settings{Marks: 2}, func(t *testing.T, b *bubble) {
			for n := range 4 {
				doors["chat.v1"](b, "li", fmt.Sprint(n))
			}
			c := b.connect().hello(`,"token":"ann","rooms":[{"room":"0"},{"room":"1"},{"room":"2"},{"room":"3"}]`)
			for n := range 4 {
				c.send(fmt.Sprintf(`{"type":"read","id":"1","room":"%d","seq":1}`, n))
				c.expect(`{"type":"ok","seq":1,"unread":0,"…":"…"}`)
			}
			for n, want := range []int{0, 0, 1, 1} {
				b.checkState("ann", fmt.Sprint(n), want, 1-want)
			}
		})
	})
}
