package chat_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// emptyToken is a way to show a token that is empty.
type emptyToken struct{ query, header, hello string }

// An empty token is one that nobody accepts, at each door: whoever shows it has lost one, and
// must not be a guest.
func TestHello_EmptyToken_IsRefusedAtEachDoor(t *testing.T) {
	shown := map[string]emptyToken{
		"query": {query: "token="}, "query without =": {query: "token"}, "header": {header: "Bearer"},
		"header with a space": {header: "Bearer "}, "hello": {hello: `,"token":""`},
		"hello behind a good handshake": {header: "Bearer ann", hello: `,"token":""`},
	}
	jwt, err := identity.Secret([]byte("a secret of at least thirty-two bytes"))
	if err != nil {
		t.Fatal(err)
	}
	auths := map[string]func() access.Authenticator{
		"none":   func() access.Authenticator { return nil },
		"guests": func() access.Authenticator { return newGuests(t) },
		"tokens and guests": func() access.Authenticator {
			return identity.First{&identity.JWT{Keys: []identity.Key{jwt}}, newGuests(t)}
		},
	}
	for name, auth := range auths {
		for way, token := range shown {
			t.Run(name+"/"+way, func(t *testing.T) {
				tryEmptyToken(t, auth(), token)
			})
		}
	}
}

func newGuests(t *testing.T) *identity.Guest {
	g := identity.NewGuest(new(identity.MemorySecrets), 0)
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

// tryEmptyToken comes by each door that takes a token in this way.
func tryEmptyToken(t *testing.T, auth access.Authenticator, token emptyToken) {
	around := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery = token.query; token.header != "" {
				r.Header.Set("Authorization", token.header)
			}
			h.ServeHTTP(w, r)
		})
	}
	inBubbleWith(t, chat.Settings{}, auth, around, func(t *testing.T, b *bubble) {
		c := b.connect()
		c.send(`{"type":"hello","id":"1"` + token.hello + `}`)
		c.expect(`{"type":"error","id":"1","code":"bad_token","…":"…"}`, `{"type":"bye","code":"bad_token","…":"…"}`)
		c.closed(4501)
		if token.hello != "" {
			return
		}
		conn, res, err := b.tryDial()
		if err == nil {
			conn.CloseNow()
		}
		if res == nil || res.StatusCode != http.StatusUnauthorized {
			t.Errorf("raw: %v, %v", res, err)
		}
		if token.header == "" { // over HTTP, no query has a token
			return
		}
		for method, body := range map[string]string{"GET": "", "POST": `{"body":1}`} {
			w, r := httptest.NewRecorder(), newRequest(method, "", body)
			r.Header.Set("Authorization", token.header)
			b.handler.ServeRequest(w, r, "/rooms/tea/messages")
			if got := strconv.Itoa(w.Code) + " " + codeOf(w); got != "401 bad_token" {
				t.Errorf("%s: %s", method, got)
			}
		}
	})
}

// What is empty and no token is refused with its field: whoever sent it has lost a value.
func TestHello_EmptyFields_AreRefused(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		c := b.connect()
		for fields, field := range map[string]string{
			`"device":""`: "device", `"list":{"limit":0}`: "list.limit",
			`"rooms":[{"room":"tea","epoch":"","after":0}]`: "rooms[0].epoch", `"rooms":[null]`: "rooms[0]",
			`"rooms":[{"room":"tea","after":0}]`: "rooms[0].epoch", `"rooms":[{"room":"tea","epoch":"e","after":""}]`: "rooms[0].after",
		} {
			c.send(`{"type":"hello","id":"1",` + fields + `}`)
			c.expect(`{"type":"error","id":"1","code":"bad_frame","field":"` + field + `","…":"…"}`)
		}
		w := httptest.NewRecorder()
		b.handler.ServeLogin(w, newRequest("POST", "", `{"code":""}`), logins{})
		if got := refusal(t, w.Body.String()); got != "bad_frame code" {
			t.Errorf("login: %s", got)
		}
		// What is null is absent, and an empty since is one that the server does not know.
		c.send(`{"type":"hello","id":"1","token":"ann","device":null,"name":"","avatar":null,"rooms":[{"room":"tea","epoch":null,"after":null}],"list":{"since":"","limit":null}}`)
		c.expect(`{"type":"welcome","id":"1","list":{"all":true,"…":"…"},"rooms":[{"room":"tea","gap":false,"…":"…"}],"…":"…"}`)
		c.send(`{"type":"renew","id":"2","token":""}`)
		c.expect(`{"type":"error","id":"2","code":"bad_frame","field":"token","…":"…"}`)
	})
}

// showing is an Authenticator that says this of everybody.
type showing journal.User

func (s showing) Authenticate(context.Context, access.Credential) (*access.Identity, error) {
	return &access.Identity{User: journal.User(s), Settled: s.Name != ""}, nil
}

// What is only shown of a user is cut or left out, whoever says it, and keeps nobody out.
func TestHello_NameAndPicture_OfEveryAuthenticator(t *testing.T) {
	for _, c := range []struct {
		from journal.User // of the Authenticator, whose id is ann
		said string       // in hello, which counts if the Authenticator gives no name
		want string
	}{
		{journal.User{Name: strings.Repeat("x", 9000), Avatar: "/a.png"}, ``, `"name":"` + strings.Repeat("x", 64) + `"`},
		{journal.User{Name: "A\x00n\tn", Avatar: "javascript:x"}, `,"name":7`, `"name":"An n"`},
		{journal.User{Name: "\xff", Avatar: "https://" + strings.Repeat("x", 9000)}, ``, `"name":"ÿ"`},
		{journal.User{Avatar: "https://x/a"}, `,"name":"\u0000","avatar":"data:x"`, `"name":"","avatar":"https://x/a"`},
		{journal.User{Avatar: "https://x/a"}, `,"name":"Ann","avatar":["https://x/b"]`, `"name":"Ann","avatar":"https://x/a"`},
		{journal.User{Avatar: "https://x/a"}, `,"name":"` + strings.Repeat("é", 65) + `","avatar":"HTTPS://x/b"`, `"name":"` + strings.Repeat("é", 64) + `","avatar":"https://x/b"`},
	} {
		c.from.ID = "ann"
		inBubble(t, chat.Settings{}, showing(c.from), func(t *testing.T, b *bubble) {
			user := `"user":{"id":"ann",` + c.want + `}`
			v1 := b.connect()
			v1.send(`{"type":"hello","rooms":[{"room":"lobby"}]` + c.said + `}`)
			if got := v1.next(); !strings.Contains(got, user) {
				t.Errorf("hello%s got %s, want %s", c.said, got, user)
			}
			if c.said != "" {
				return // it is said in a hello only
			}
			raw := b.connectRaw()
			synctest.Wait()
			if err := raw.conn.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil {
				t.Fatal(err)
			}
			w := serveMessages(b.handler, newRequest("POST", "x", `{"body":"hi"}`), "lobby")
			if w.Code != http.StatusCreated {
				t.Errorf("POST: %s", w.Body)
			}
			from := `"from":{"id":"ann",` + c.want + `}`
			for range 2 {
				if got := v1.until("message"); !strings.Contains(got, from) {
					t.Errorf("got %s, want %s", got, from)
				}
			}
			raw.closeNow()
		})
	}
}
