package chat_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

func subject(t *testing.T, text string) []access.Subject {
	t.Helper()
	s, err := access.ParseSubject(text)
	if err != nil {
		t.Fatal(err)
	}
	return []access.Subject{s}
}

func TestAccess_OfPolicies(t *testing.T) {
	all := subject(t, "anyone")
	set := chat.Settings{Policies: access.Policies{
		{Pattern: "news", Read: all},
		{Pattern: "short", Read: all, Write: all, History: access.History{Entries: 2}},
		{Pattern: "fresh", Read: all, Write: all, History: access.History{Age: time.Minute}},
		{Pattern: "quiet", Read: all, Write: all, NoPresence: true},
		{Pattern: "pair", Read: all, Write: all, MaxMembers: 1},
		{Pattern: "inbox-{user}", Read: subject(t, "{user}"), Write: all},
	}}
	inBubble(t, set, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"token":"guest-a"`)
		say := func(frame, want string) {
			t.Helper()
			a.send(frame)
			a.expect(want)
		}
		forbidden := `{"type":"error","id":"1","code":"forbidden","message":"…","retry":false}`
		say(`{"type":"join","room":"news"}`, `{"type":"joined","write":false,"moderate":false,"…":"…"}`)
		say(`{"type":"send","id":"1","room":"news","body":1}`, forbidden)
		say(`{"type":"join","id":"1","room":"elsewhere"}`, forbidden)
		say(`{"type":"history","id":"1","room":"elsewhere"}`, forbidden)
		say(`{"type":"join","id":"1","room":"inbox-guest-b"}`, forbidden)
		say(`{"type":"join","room":"inbox-guest-a"}`, `{"type":"joined","…":"…"}`)

		say(`{"type":"join","room":"quiet"}`, `{"type":"joined","room":"quiet","epoch":"…","last":0,"entries":[],"more":false,"gap":false,
			"read":0,"unread":0,"write":true,"moderate":false}`)
		say(`{"type":"who","id":"1","room":"quiet"}`, forbidden)

		say(`{"type":"join","room":"pair"}`, `{"type":"joined","…":"…"}`)
		c := b.connect().hello(`,"rooms":[{"room":"pair"},{"room":"quiet"}]`)
		say(`{"type":"leave","id":"2","room":"pair"}`, `{"type":"ok","…":"…"}`)
		c.send(`{"type":"join","room":"pair"}`)
		c.expect(`{"type":"joined","…":"…"}`)
		a.silent(time.Minute) // of who came to quiet

		say(`{"type":"join","room":"short"}`, `{"type":"joined","epoch":"$epoch","…":"…"}`)
		for i := range 4 {
			say(`{"type":"send","room":"short","body":1}`, fmt.Sprintf(`{"type":"message","seq":%d,"…":"…"}`, i+1))
		}
		// Who was there is shown all of it, who comes later what the policy shows.
		say(`{"type":"history","room":"short"}`, `{"type":"history","entries":[{"seq":1,"…":"…"},{"seq":2,"…":"…"},"…"],"more":false,"…":"…"}`)
		here := a
		a = b.connect().hello(`,"token":"guest-late"`)
		newest := `[{"seq":3,"…":"…"},{"seq":4,"…":"…"}],"more":false`
		say(`{"type":"history","room":"short"}`, `{"type":"history","room":"short","epoch":"…","entries":`+newest+`}`)
		say(`{"type":"history","room":"short","before":4}`, `{"type":"history","entries":[{"seq":3,"…":"…"}],"more":false,"…":"…"}`)
		say(`{"type":"history","room":"short","before":2}`, `{"type":"history","entries":[],"more":false,"…":"…"}`)
		epoch := here.vars["epoch"].(string)
		say(`{"type":"join","room":"short","epoch":"`+epoch+`","after":1}`, `{"type":"joined","entries":`+newest+`,"gap":true,"unread":2,"…":"…"}`)
		say(`{"type":"join","room":"short","epoch":"`+epoch+`","after":2}`, `{"type":"joined","entries":`+newest+`,"gap":false,"…":"…"}`)

		a = here
		say(`{"type":"join","room":"fresh"}`, `{"type":"joined","epoch":"$fresh","…":"…"}`)
		say(`{"type":"send","room":"fresh","body":"old"}`, `{"type":"message","seq":1,"…":"…"}`)
		time.Sleep(2 * time.Minute)
		say(`{"type":"send","room":"fresh","body":"new"}`, `{"type":"message","seq":2,"…":"…"}`)
		say(`{"type":"history","room":"fresh"}`, `{"type":"history","entries":[{"seq":1,"…":"…"},{"seq":2,"…":"…"}],"more":false,"…":"…"}`)
		a = b.connect().hello(`,"token":"guest-later"`)
		say(`{"type":"history","room":"fresh"}`, `{"type":"history","entries":[{"seq":2,"…":"…"}],"more":false,"…":"…"}`)
		say(`{"type":"join","room":"fresh","epoch":"`+here.vars["fresh"].(string)+`","after":0}`, `{"type":"joined","entries":[{"seq":2,"…":"…"}],"gap":true,"…":"…"}`)
	})
}

func TestAccess_OfRawClients(t *testing.T) {
	all := subject(t, "anyone")
	url, hub := serve(t, chat.Config{Settings: chat.Settings{Policies: access.Policies{
		{Pattern: "open", Read: all, Write: all},
		{Pattern: "news", Read: all},
		{Pattern: "v1", Read: all, Write: all, NoRaw: true},
		{Pattern: "users", Read: subject(t, "users")},
	}}, Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{Auth: testAuth{}})
	if err := hub.Ban("open", "guest-x", time.Hour); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		"?room=open":                  101,
		"?room=v1":                    403,
		"?room=users":                 403,
		"?room=users&token=moderator": 101,
		"?room=elsewhere":             403,
		"?room=open&token=wrong":      401,
		"?room=open&token=guest-x":    403,
	} {
		c, res, err := websocket.Dial(t.Context(), url+query, nil)
		if err == nil {
			c.CloseNow()
		}
		if res == nil || res.StatusCode != want {
			t.Errorf("%s: got %v, %v, want %d", query, res, err, want)
		}
	}
	c := dial(t, url+"?room=news")
	send(t, c, "may not")
	if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != 4500 {
		t.Errorf("who may not write ended with %v, want 4500", err)
	}
}

// A change of policies reaches those who are there.
func TestAccess_ChangesLive(t *testing.T) {
	inBubble(t, chat.Settings{}, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"rooms":[{"room":"r"},{"room":"news"}]`)
		raw := b.connectRaw()
		b.hub.Configure(chat.Settings{Policies: access.Policies{{Pattern: "news", Read: subject(t, "anyone")}}})
		a.expect(`{"type":"removed","room":"r","code":"forbidden","message":"…","retry":false}`)
		raw.closed(4500)
		a.send(`{"type":"send","id":"1","room":"news","body":1}`)
		a.expect(`{"type":"error","id":"1","code":"forbidden","…":"…"}`)
	})
}

// onUpgrade calls f when the handshake is about to be answered.
type onUpgrade struct {
	http.ResponseWriter
	f func()
}

func (w onUpgrade) WriteHeader(status int) {
	w.f()
	w.ResponseWriter.WriteHeader(status)
}

func (w onUpgrade) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// What changes while a client shakes hands holds for that client too.
func TestAccess_ChangesDuringTheHandshake(t *testing.T) {
	narrow := chat.Settings{Policies: access.Policies{{Pattern: "news", Read: subject(t, "anyone")}}}
	for _, c := range []struct {
		what   string
		change func(*chat.Hub) error
		end    websocket.StatusCode // 0: none
		v1     bool                 // as for a client of chat.v1; else for a raw one
	}{
		{"policies", func(h *chat.Hub) error { h.Configure(narrow); return nil }, 4500, false},
		{"origins", func(h *chat.Hub) error { h.ReviewOrigins(access.Origins{"http://other.test"}); return nil }, 4500, false},
		{"origins, v1", func(h *chat.Hub) error { h.ReviewOrigins(access.Origins{"http://other.test"}); return nil }, 4500, true},
		{"origins that stay", func(h *chat.Hub) error { h.ReviewOrigins(access.Origins{"http://*.test"}); return nil }, 0, false},
		{"ban from the room", func(h *chat.Hub) error { return h.Ban("lobby", "guest-x", time.Hour) }, 4505, false},
		{"ban", func(h *chat.Hub) error { return h.Ban("", "guest-x", time.Hour) }, 4505, false},
		{"ban of another", func(h *chat.Hub) error { return h.Ban("", "guest-y", time.Hour) }, 0, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			var b *bubble
			around := func(h http.Handler) http.Handler {
				h.(*chat.Handler).Origins = access.Origins{"http://page.test"} // not of the host, whose pages are always let in
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.URL.RawQuery, r.Host = "token=guest-x", "chat.test"
					r.Header.Set("Origin", "http://page.test")
					h.ServeHTTP(onUpgrade{w, func() {
						if err := c.change(b.hub); err != nil {
							t.Error(err)
						}
						synctest.Wait()
					}}, r)
				})
			}
			inBubbleWith(t, chat.Settings{}, testAuth{}, around, func(t *testing.T, it *bubble) {
				b = it
				var client *client
				if c.v1 {
					client = b.connect()
					client.expect(`{"type":"bye","…":"…"}`)
				} else {
					client = b.connectRaw()
				}
				if c.end != 0 {
					client.closed(c.end)
				} else {
					client.silent(time.Second)
				}
			})
		})
	}
}

// followHook is a journal that calls f before a room is followed.
type followHook struct {
	journal.Journal
	f func(room string)
}

func (j followHook) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	j.f(room)
	return j.Journal.Follow(room, after, f)
}

// What changes while a client of chat.v1 joins holds for that client too.
func TestAccess_ChangesDuringTheJoin(t *testing.T) {
	narrow := chat.Settings{Policies: access.Policies{{Pattern: "news", Read: subject(t, "anyone")}}}
	for code, change := range map[string]func(*chat.Hub) error{
		"forbidden": func(h *chat.Hub) error { h.Configure(narrow); return nil },
		"banned":    func(h *chat.Hub) error { return h.Ban("r", "guest-x", time.Hour) },
	} {
		t.Run(code, func(t *testing.T) {
			var hub *chat.Hub
			journal := followHook{memjournal.New(memjournal.Options{}), func(string) {
				if err := change(hub); err != nil {
					t.Error(err)
				}
			}}
			url, h := serve(t, chat.Config{Journal: journal}, &chat.Handler{Auth: testAuth{}})
			hub = h
			c := dialV1(t, url).hello(`,"token":"guest-x"`)
			c.send(`{"type":"join","room":"r"}`)
			c.expect(`{"type":"error","code":"` + code + `","…":"…"}`)
			c.send(`{"type":"send","id":"1","room":"r","body":1}`)
			c.expect(`{"type":"error","id":"1","code":"not_joined","…":"…"}`)
		})
	}
}
