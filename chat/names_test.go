package chat_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// granted is an Authenticator that takes a token for an id, and permits everything
// in every room that a pattern can name.
type granted struct{}

func (granted) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	if c.Token == "" {
		return &access.Identity{User: journal.User{ID: "guest-fresh", Guest: true}}, nil
	}
	all := []string{"*", "@*", "@{user}"}
	return &access.Identity{
		User: journal.User{ID: c.Token}, Settled: true,
		Grants: &access.Grants{Read: all, Write: all, Moderate: all},
	}, nil
}

// Rooms whose names begin with @ are the server's. Only who owns one reads it: nobody else gets in at any door,
// whatever policies and tokens say, and other rooms are what they were.
func TestNames_RoomsOfTheServer_AreForbiddenAtEveryDoor(t *testing.T) {
	anyone := subject(t, "anyone")
	for name, policies := range map[string]access.Policies{
		"no policies":  nil,
		"open to all":  {{Pattern: "*", Read: anyone, Write: anyone, Moderate: anyone}},
		"by its owner": {{Pattern: "{user}", Read: anyone, Write: anyone, Moderate: anyone}},
	} {
		t.Run(name, func(t *testing.T) {
			j := memjournal.New(memjournal.Options{})
			h := &chat.Handler{Auth: granted{}}
			ws, hub := serve(t, chat.Config{Settings: chat.Settings{Policies: policies}, Journal: j}, h)
			rooms := httpDoor(t, h)
			for _, room := range []string{"@", "@ben", "@hub-0", "@@", "@ a"} {
				if got := answerTo(t, ws+"?token=ann&room="+url.QueryEscape(room)); got != http.StatusForbidden {
					t.Errorf("raw, %s: %d", room, got)
				}
				if got := answerTo(t, ws+"?history=5&room="+url.QueryEscape(room)); got != http.StatusForbidden {
					t.Errorf("raw without a token, %s: %d", room, got)
				}
				for method, body := range map[string]string{"GET": "", "POST": `{"body":"hi"}`} {
					got, answer, _ := call(t, method, rooms+url.PathEscape(room)+"/messages", "ann", body)
					if got != http.StatusForbidden || answer["code"] != "forbidden" {
						t.Errorf("%s, %s: %d, %v", method, room, got, answer)
					}
				}
				forbiddenInFrames(t, ws, room)
				var refused *wire.Error
				if _, err := hub.Announce(t.Context(), room, []byte(`"hi"`)); !errors.As(err, &refused) || refused.Code != wire.Forbidden {
					t.Errorf("announce, %s: %v", room, err)
				}
				page, err := j.Read(t.Context(), journal.Query{Room: room, Limit: 1})
				if err != nil || page.Last != 0 {
					t.Errorf("%s has an entry: %v", room, err)
				}
			}
			for _, room := range []string{"a@b", "~@ann", "＠ann"} {
				if got, _, _ := call(t, "POST", rooms+url.PathEscape(room)+"/messages", "ann", `{"body":"hi"}`); got != http.StatusCreated {
					t.Errorf("POST, %s: %d", room, got)
				}
			}
		})
	}
}

// forbiddenInFrames tries every command that names a room.
func forbiddenInFrames(t *testing.T, ws, room string) {
	t.Helper()
	c := dialV1(t, ws)
	c.send(`{"type":"hello","token":"ann","rooms":[{"room":"` + room + `"},{"room":"tea"}]}`)
	c.expect(`{"type":"welcome","rooms":[{"room":"` + room + `","code":"forbidden","message":"…","retry":false},{"room":"tea","last":"…","…":"…"}],"…":"…"}`)
	for command, code := range map[string]string{
		`"type":"join"`:                        "forbidden",
		`"type":"join","epoch":"k","after":0`:  "forbidden",
		`"type":"history"`:                     "forbidden",
		`"type":"history","after":0`:           "forbidden",
		`"type":"mute","user":"bo","for":1000`: "forbidden",
		`"type":"kick","user":"bo"`:            "forbidden",
		`"type":"ban","user":"bo"`:             "forbidden",
		`"type":"send","key":"k","body":"hi"`:  "not_joined",
		`"type":"recall","seq":1`:              "not_joined",
		`"type":"read","seq":1`:                "forbidden",
		`"type":"typing"`:                      "not_joined",
		`"type":"who"`:                         "not_joined",
	} {
		c.send(`{` + command + `,"id":"1","room":"` + room + `"}`)
		c.expect(`{"type":"error","id":"1","code":"` + code + `","message":"…","retry":false}`)
	}
	c.closeNow()
}

// httpDoor serves a handler's messages over HTTP, and returns the URL of the rooms.
func httpDoor(t *testing.T, h *chat.Handler) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/rooms/{room}/messages", func(w http.ResponseWriter, r *http.Request) {
		h.ServeMessages(w, r, r.PathValue("room"))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL + "/rooms/"
}

// Ids that begin with bot- or hub- are the server's. A credential with one is
// refused at every door, whoever issued it, and the log says why.
func TestNames_UsersOfTheServer_AreRefusedAtEveryDoor(t *testing.T) {
	logged, logs := observer.New(zapcore.DebugLevel)
	h := &chat.Handler{Auth: granted{}}
	ws, _ := serve(t, chat.Config{Journal: memjournal.New(memjournal.Options{}), Logger: zap.New(logged)}, h)
	rooms := httpDoor(t, h)
	for _, id := range []string{"bot-", "bot-1", "hub-0", "hub-x y"} {
		refusals := len(logs.FilterMessageSnippet("reserved").All())
		shown := "?token=" + url.QueryEscape(id)
		if got := answerTo(t, ws+shown); got != http.StatusUnauthorized {
			t.Errorf("raw, %s: %d", id, got)
		}
		for handshake, hello := range map[string]string{shown: `{"type":"hello"}`, "": `{"type":"hello","token":"` + id + `"}`} {
			c := dialV1(t, ws+handshake)
			c.send(hello)
			c.expect(`{"type":"error","code":"bad_token","message":"…","retry":false}`, `{"type":"bye","code":"bad_token","…":"…"}`)
			c.closed(4501)
		}
		c := dialV1(t, ws).hello(`,"token":"ann"`)
		c.send(`{"type":"renew","id":"1","token":"` + id + `"}`)
		c.expect(`{"type":"error","id":"1","code":"bad_token","message":"…","retry":false}`)
		for method, body := range map[string]string{"GET": "", "POST": `{"body":"hi"}`} {
			if got, answer, _ := call(t, method, rooms+"tea/messages", id, body); got != http.StatusUnauthorized || answer["code"] != "bad_token" {
				t.Errorf("%s, %s: %d, %v", method, id, got, answer)
			}
		}
		found := logs.FilterMessageSnippet("reserved").All()[refusals:]
		if len(found) != 6 || found[0].Level != zapcore.WarnLevel {
			t.Errorf("%s: %d refusals are logged: %v", id, len(found), found)
		}
	}
	for _, id := range []string{"bot", "robot-1", "hubert", "Bot-1", "a-bot-1"} {
		dialV1(t, ws).hello(`,"token":"` + id + `"`)
	}
}
