package chat_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// listed returns everything that a list shows a user now, by each way of asking for it.
func (b *bubble) listed(user, room, since string) (shown []string) {
	b.t.Helper()
	if _, list := b.comeBack(user, ""); slices.Contains(list.rooms(), room) || user == "ben" && list.Unread > 0 {
		shown = append(shown, "hello")
	}
	c, list := b.comeBack(user, since)
	if since != "" && slices.Contains(list.rooms(), room) {
		shown = append(shown, "hello since")
	}
	for _, ask := range []string{`{"type":"list"}`, fmt.Sprintf(`{"type":"list","rooms":[%q]}`, room)} {
		c.send(ask)
		if got := c.until("list"); strings.Contains(got, `"last"`) {
			shown = append(shown, ask)
		}
	}
	rec := httptest.NewRecorder()
	b.handler.ServeRequest(rec, newRequest("GET", user, ""), "/list")
	if strings.Contains(rec.Body.String(), room) {
		shown = append(shown, "GET /list")
	}
	return shown
}

// Who is banned in a conversation that they belong to, be it of two or not, sees as little of it
// in lists as in the room: the row goes from lists that are open, no head comes, and no answer
// has the row. Once the ban is over, by a command or by itself, all of it comes back.
func TestList_Banned_ShowsNothing(t *testing.T) {
	for _, kind := range []string{`"direct":"ben"`, `"key":"k","users":["ben"]`} {
		for _, lifted := range []bool{true, false} {
			t.Run(fmt.Sprint(kind, lifted), func(t *testing.T) {
				inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
					ann := b.connect().hello(`,"token":"ann"`)
					room := ann.create(kind)
					say(t, b.journal, room, "before")
					_, before := b.comeBack("ben", "")
					ben := b.connect().openList("ben")
					ben.waiting()

					// So another node bans, before it removes the member.
					value := `{"until":0}`
					if !lifted {
						value = fmt.Sprintf(`{"until":%d}`, time.Now().Add(time.Hour).UnixMilli())
					}
					if err := b.journal.Records().Put(t.Context(), "ban\x00"+room+"\x00ben", []byte(value)); err != nil {
						t.Fatal(err)
					}
					ben.expect(fmt.Sprintf(`{"type":"row","room":%q,"gone":true}`, room))
					if _, list := b.comeBack("ben", before.At); list.All || !slices.Equal(list.rooms(), []string{room + " gone"}) {
						t.Errorf("since before: all %t, rows %q", list.All, list.rooms())
					}
					say(t, b.journal, room, "secret")
					ben.silent(3 * time.Second)
					if shown := b.listed("ben", room, before.At); len(shown) > 0 {
						t.Errorf("while banned: %q", shown)
					}
					if shown := b.listed("ann", room, ""); len(shown) != 4 {
						t.Errorf("ann is shown %q", shown)
					}
					_, during := b.comeBack("ben", "")
					if lifted {
						if err := b.hub.Ban(room, "ben", 0); err != nil {
							t.Fatal(err)
						}
					} else {
						time.Sleep(time.Hour)
					}
					ben.expect(fmt.Sprintf(`{"type":"row","room":%q,"entry":{"body":"secret","…":"…"},"…":"…"}`, room))
					if _, list := b.comeBack("ben", during.At); !slices.Equal(list.rooms(), []string{room}) {
						t.Errorf("since during: rows %q", list.rooms())
					}
					say(t, b.journal, room, "after")
					ben.expect(fmt.Sprintf(`{"type":"head","room":%q,"entry":{"body":"after","…":"…"},"…":"…"}`, room))
					if shown := b.listed("ben", room, during.At); len(shown) != 5 {
						t.Errorf("afterwards: %q", shown)
					}
				})
			})
		}
	}
}

// Who was told that a row is gone because of a ban, and comes back when that is over, is told of
// the row, though nothing was said there.
func TestList_Since_BanIsOver_TellsOfTheRow(t *testing.T) {
	for name, d := range map[string]time.Duration{"lifted": wire.Forever, "by itself": time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
				room := b.connect().hello(`,"token":"ann"`).create(`"direct":"ben"`)
				say(t, b.journal, room, "before")
				ben, before := b.comeBack("ben", "")
				time.Sleep(time.Second)
				ben.waiting()
				if err := b.hub.Ban(room, "ben", d); err != nil {
					t.Fatal(err)
				}
				for got := ""; !strings.Contains(got, `"gone":true`); got = ben.until("row") {
				}
				ben.closeNow()
				if name == "lifted" {
					if err := b.hub.Ban(room, "ben", 0); err != nil {
						t.Fatal(err)
					}
				} else {
					time.Sleep(time.Hour)
				}
				_, list := b.comeBack("ben", before.At)
				if got := list.rooms(); list.All || !slices.Equal(got, []string{room}) {
					t.Errorf("all %t, rows %q", list.All, got)
				}
			})
		})
	}
}
