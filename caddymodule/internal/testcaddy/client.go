package testcaddy

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
)

// BasicAuth is a directive that accepts ann and ben with the password "secret".
const BasicAuth = `basic_auth {
	ann $2a$04$jaOD95J90a3TWGZDk0UvkOuhYz0drvIKlCjWrkTfcqCLfQteUsFVq
	ben $2a$04$jaOD95J90a3TWGZDk0UvkOuhYz0drvIKlCjWrkTfcqCLfQteUsFVq
}
`

// As returns the header of a request of ann or ben.
func As(user string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":secret"))}}
}

// V1 connects by chat.v1 and sends hello with these additional members, like
// `,"name":"Li"`.
func (s *Site) V1(url string, header http.Header, hello string) *websocket.Conn {
	s.T.Helper()
	c := s.dial(url, &websocket.DialOptions{HTTPHeader: header, Subprotocols: []string{"chat.v1"}})
	s.T.Cleanup(func() { c.CloseNow() })
	Say(s.T, c, `{"type":"hello"`+hello+`}`)
	return c
}

// Hears returns the next frame, which must contain all parts.
func Hears(t *testing.T, c *websocket.Conn, parts ...string) string {
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

// dial connects. On a busy machine a journal may take longer to open than a start of Caddy waits for
// it: then it tries again, as clients do.
func (s *Site) dial(url string, with *websocket.DialOptions) *websocket.Conn {
	s.T.Helper()
	with.HTTPClient = s.HTTPClient()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		c, res, err := websocket.Dial(s.T.Context(), url, with)
		switch {
		case err == nil:
			return c
		case res == nil || res.StatusCode != http.StatusServiceUnavailable || time.Now().After(end):
			s.T.Fatalf("%s: %v (%v)", url, err, res)
		}
	}
}

// Client connects by the raw dialect. The connection is closed at the end of the test.
func (s *Site) Client(url string) *websocket.Conn {
	s.T.Helper()
	c := s.dial(url, &websocket.DialOptions{})
	c.SetReadLimit(1 << 20)
	s.T.Cleanup(func() { c.CloseNow() })
	return c
}

// Say sends a text message.
func Say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// Expect fails unless the next message is want.
func Expect(t *testing.T, c *websocket.Conn, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, got, err := c.Read(ctx)
	if err != nil || string(got) != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// Status sends a GET request and returns the status and the body of the answer.
func (s *Site) Status(url string, header http.Header) (int, string) {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), "GET", url, nil)
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	res, err := s.HTTPClient().Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// Until reads frames up to one that contains all parts, and returns that one.
func Until(t *testing.T, c *websocket.Conn, parts ...string) string {
	t.Helper()
	for {
		frame := Hears(t, c)
		found := true
		for _, part := range parts {
			found = found && strings.Contains(frame, part)
		}
		if found || t.Failed() {
			return frame
		}
	}
}

// UpgradeHeader has the headers of a WebSocket handshake. It must be cloned before it
// is changed.
var UpgradeHeader = http.Header{
	"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
	"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
}

// Ask sends a request to the admin API and returns the status and the answer.
func Ask(t *testing.T, method, url, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatalf("%s %s: %s: %v", method, url, text, err)
		}
	}
	return res.StatusCode, answer
}

// JWTSecret is a secret for auth jwt.
const JWTSecret = "thirty-two bytes are the very least"

// SiteToken returns a token with these claims, signed with JWTSecret, that is valid for
// an hour unless the claims have an exp.
func SiteToken(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	if claims["exp"] == nil {
		claims["exp"] = time.Now().Add(time.Hour).Unix()
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(JWTSecret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// FastLimits is an option limits for tests, whose clients are faster than people.
const FastLimits = `limits {
	session_rate  100000 100000
	session_bytes 1GiB 1GiB
	connect_rate  100000 100000
	new_rooms     100000 100000
}
`
