package caddymodule_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// basicAuth lets ann and ben in with the password "secret".
const basicAuth = `basic_auth {
	ann $2a$04$jaOD95J90a3TWGZDk0UvkOuhYz0drvIKlCjWrkTfcqCLfQteUsFVq
	ben $2a$04$jaOD95J90a3TWGZDk0UvkOuhYz0drvIKlCjWrkTfcqCLfQteUsFVq
}
`

func as(user string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":secret"))}}
}

// v1 connects by chat.v1 and says hello with these further members.
func (s *site) v1(url string, header http.Header, hello string) *websocket.Conn {
	s.t.Helper()
	c, res, err := websocket.Dial(s.t.Context(), url, &websocket.DialOptions{
		HTTPClient: s.httpClient(), HTTPHeader: header, Subprotocols: []string{"chat.v1"},
	})
	if err != nil {
		s.t.Fatalf("%s: %v (%v)", url, err, res)
	}
	s.t.Cleanup(func() { c.CloseNow() })
	say(s.t, c, `{"type":"hello"`+hello+`}`)
	return c
}

// hears returns the next frame, which must contain each of these.
func hears(t *testing.T, c *websocket.Conn, parts ...string) string {
	t.Helper()
	_, frame, err := c.Read(t.Context())
	if err != nil {
		t.Fatalf("waiting for %q: %v", parts, err)
	}
	for _, part := range parts {
		if !strings.Contains(string(frame), part) {
			t.Errorf("heard %s, want %s in it", frame, part)
		}
	}
	return string(frame)
}

func TestAuth_Caddy_TakesTheUserOfEarlierHandlers(t *testing.T) {
	s := startCaddy(t, basicAuth+`chat {
		auth caddy
		policy inbox-{user} {
			read {user}
			write users
		}
	}`)
	url := "ws://" + s.plain + "/chat"
	hears(t, s.v1(url, as("ann"), `,"name":"Ben","rooms":[{"room":"inbox-ann"},{"room":"inbox-ben"}]`),
		`"user":{"id":"ann","name":"ann"}`, `{"room":"inbox-ann","epoch"`, `{"room":"inbox-ben","code":"forbidden"`)
	if code, _ := s.status("http://"+s.plain+"/chat/rooms/inbox-ann/messages", as("ann")); code != 200 {
		t.Errorf("ann reads hers: %d", code)
	}
	if code, _ := s.status("http://"+s.plain+"/chat/rooms/inbox-ann/messages", as("ben")); code != 403 {
		t.Errorf("ben reads ann's: %d", code)
	}
}

func TestAuth_Caddy_Placeholders(t *testing.T) {
	s := startCaddy(t, `chat {
		auth caddy {
			id {http.request.header.X-User}
			name {http.request.header.X-Name}
			avatar https://example.com/{http.request.header.X-User}.png
		}
	}`)
	url := "ws://" + s.plain + "/chat"
	hears(t, s.v1(url, http.Header{"X-User": {"u7"}, "X-Name": {"Li"}}, ``),
		`"user":{"id":"u7","name":"Li","avatar":"https://example.com/u7.png"}`)
	// Who is nobody, or no sound one, is let in neither as a guest nor otherwise.
	for _, user := range []string{"", strings.Repeat("x", 129), "a\tb"} {
		c := s.v1(url, http.Header{"X-User": {user}}, ``)
		hears(t, c, `"type":"error"`, `"code":"bad_token"`)
		hears(t, c, `"type":"bye"`, `"code":"bad_token"`, `"retry":false`)
	}
	hears(t, s.v1(url, http.Header{"X-User": {"u7"}}, `,"token":"x"`), `"code":"bad_token"`)
	header := upgradeHeader.Clone()
	if code, body := s.status("http://"+s.plain+"/chat", header); code != 401 || !strings.Contains(body, "a token is needed") {
		t.Errorf("a raw client that is nobody gets %d %s", code, body)
	}
}
