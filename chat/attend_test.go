package chat_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
)

// allPaths serves all that a Handler serves, as the Caddy module does.
func allPaths(handler http.Handler) http.Handler {
	h := handler.(*chat.Handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := strings.TrimPrefix(r.URL.EscapedPath(), "/chat"); {
		case path == "":
			h.ServeHTTP(w, r)
		case path == "/health":
			h.ServeHealth(w, r)
		case path == "/login":
			h.ServeLogin(w, r, logins{})
		case path == "/nothing":
			h.Attend(w, r, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "not here", http.StatusNotFound) })
		default:
			h.ServeRequest(w, r, path)
		}
	})
}

// open sends the beginning of a request: its line, further headers, and some of its body.
func (b *bubble) open(line, headers, body string) (net.Conn, *bufio.Reader) {
	b.t.Helper()
	server, client := net.Pipe()
	b.accept <- server
	if _, err := fmt.Fprintf(client, "%s HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\n%s\r\n%s", line, headers, body); err != nil {
		b.t.Fatal(err)
	}
	return client, bufio.NewReader(client)
}

const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// bodiless are requests whose body never comes.
var bodiless = map[string]string{ // by line: further headers
	"POST /chat":                       "",
	"GET /chat":                        upgrade,
	"GET /chat?room=":                  upgrade,
	"GET /chat?token=%zz":              upgrade,
	"GET /chat/health":                 "",
	"PUT /chat/health":                 "",
	"POST /chat/login":                 "",
	"GET /chat/login":                  "",
	"POST /chat/nothing":               "",
	"POST /chat/rooms/x/y":             "",
	"PUT /chat/rooms/x":                "",
	"POST /chat/openapi.json":          "",
	"GET /chat/openapi.json":           "",
	"POST /chat/rooms/x/messages":      "",
	"POST /chat/rooms/y/messages":      "Authorization: Bearer ann\r\n",
	"POST /chat/rooms":                 "Authorization: Bearer ann\r\n",
	"DELETE /chat/rooms/x?erase=false": "Authorization: Bearer ann\r\n",
	"OPTIONS /chat/rooms/x":            "",
}

// gone returns after how long the server has closed a connection, whatever it answers.
func gone(began time.Time, r io.Reader) time.Duration {
	_, _ = io.Copy(io.Discard, r)
	return time.Since(began)
}

// A body that does not come is waited for for ten seconds, whatever the request asks for and
// whoever sends it.
func TestAttend_NoBody_LosesItsConnection(t *testing.T) {
	for line, headers := range bodiless {
		t.Run(line, func(t *testing.T) {
			inBubbleWith(t, chat.Settings{}, tokens{}, allPaths, func(t *testing.T, b *bubble) {
				began := time.Now()
				c, r := b.open(line, "Content-Length: 1000\r\n"+headers, "{")
				defer c.Close()
				if took := gone(began, r); took > 10*time.Second {
					t.Errorf("the connection was there for %v", took)
				}
			})
		})
	}
}

// slowly is a check that takes a time, and notices when nobody waits any more.
type slowly time.Duration

func (s slowly) Check(ctx context.Context, _ *check.Question) (check.Verdict, error) {
	select {
	case <-time.After(time.Duration(s)):
		return check.Verdict{Kind: check.Pass}, nil
	case <-ctx.Done():
		return check.Verdict{}, ctx.Err()
	}
}

// When the hub leaves, all requests end within three seconds, whatever they wait for: else the
// web server waits for them.
func TestAttend_WhenTheHubLeaves_AllRequestsEnd(t *testing.T) {
	text := strings.Repeat("k", 40)
	secret, err := access.NewSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	key := access.Key{Name: "shop", Secrets: []access.Secret{secret}, Write: []string{"*"}, Feed: true, Read: []string{"*"}}
	set := chat.Settings{
		Checks: check.Chain{check.New(check.Config{Name: "slow", Checker: slowly(9 * time.Second), Timeout: 10 * time.Second, Keys: true})}, Keys: []access.Key{key},
		Policies: access.Policies{{Pattern: "g-*", Read: subject(t, "members"), Create: subject(t, "users")}, {Pattern: "*", Read: subject(t, "users"), Write: subject(t, "users")}},
	}
	waiting := map[string][3]string{"an answer that nobody takes": {"GET /chat/openapi.json", "", ""}}
	for line, headers := range bodiless {
		waiting[line] = [3]string{line, "Content-Length: 1000\r\n" + headers, "{"}
	}
	for name, c := range map[string][3]string{
		"a check":   {"POST /chat/rooms/x/messages", "Bearer ann", `{"body":"hi"}`},
		"a name":    {"POST /chat/rooms", "Bearer ann\r\nIdempotency-Key: k", `{"users":["ben"],"title":"T"}`},
		"a batch":   {"POST /chat/messages", "Bearer " + text, `{"messages":[` + strings.Repeat(`{"room":"x","body":"hi"},`, 99) + `{"room":"y","body":"hi"}]}`},
		"an event":  {"GET /chat/feed?wait=60000&after=now", "Bearer " + text, ""},
		"an action": {"PATCH /chat/rooms/x", "Bearer ann", ""},
	} {
		waiting[name] = [3]string{c[0], fmt.Sprintf("Authorization: %s\r\nContent-Length: %d\r\n", c[1], len(c[2])), c[2]}
	}
	for name, request := range waiting {
		t.Run(name, func(t *testing.T) {
			var over chan struct{}
			around := func(h http.Handler) http.Handler {
				h, over = allPaths(h), make(chan struct{}) // in the bubble
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { defer close(over); h.ServeHTTP(w, r) })
			}
			inBubbleWith(t, set, tokens{}, around, func(t *testing.T, b *bubble) {
				c, r := b.open(request[0], request[1], request[2])
				defer c.Close()
				if name != "an answer that nobody takes" {
					go func() { _, _ = io.Copy(io.Discard, r) }()
				}
				time.Sleep(100 * time.Millisecond)
				left := time.Now()
				b.hub.Leave()
				<-over
				if took := time.Since(left); took > 3*time.Second {
					t.Errorf("the request was there for %v", took)
				}
			})
		})
	}
}
