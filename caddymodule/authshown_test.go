package caddymodule_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// Directories and people have names and pictures of all kinds. They are only shown, so they
// keep nobody out by any way in, and clients get only what PROTOCOL.md promises.
func TestAuth_NameAndPicture_AreCleaned(t *testing.T) {
	s := testcaddy.Start(t, `chat {
		auth jwt {
			secret "`+testcaddy.JWTSecret+`"
		}
		auth caddy {
			id {http.request.header.X-User}
			name {http.request.header.X-Name}
			avatar {http.request.header.X-Picture}
		}
		auth guest
	}`)
	url := "ws://" + s.Plain + "/chat"
	text := func(v any) string { p, _ := json.Marshal(v); return string(p) }
	ways := map[string]func(name, picture any) *websocket.Conn{
		"auth jwt": func(name, picture any) *websocket.Conn {
			token := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7", "name": name, "avatar": picture})
			return s.V1(url, nil, `,"device":"d","token":"`+token+`"`)
		},
		"auth caddy": func(name, picture any) *websocket.Conn {
			header := http.Header{"X-User": {"u7"}, "X-Name": {fmt.Sprint(name)}, "X-Picture": {fmt.Sprint(picture)}}
			return s.V1(url, header, `,"device":"d"`)
		},
		"hello of a guest": func(name, picture any) *websocket.Conn {
			return s.V1(url, nil, `,"name":`+text(name)+`,"avatar":`+text(picture))
		},
		"hello of a user whom Caddy knows without a name": func(name, picture any) *websocket.Conn {
			return s.V1(url, http.Header{"X-User": {"u7"}, "X-Name": {" \u00a0"}}, `,"device":"d","name":`+text(name)+`,"avatar":`+text(picture))
		},
		"hello of a user without a name": func(name, picture any) *websocket.Conn {
			token := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7"})
			return s.V1(url, nil, `,"device":"d","token":"`+token+`","name":`+text(name)+`,"avatar":`+text(picture))
		},
	}
	for _, c := range []struct {
		name, picture any
		want          string
	}{
		{"Anna", "https://x.example/a.png", `"name":"Anna","avatar":"https://x.example/a.png"`},
		{"Anna", "HTTP://x.example/a.png", `"name":"Anna","avatar":"http://x.example/a.png"`},
		{strings.Repeat("x", 200), "", `"name":"` + strings.Repeat("x", 64) + `"`},
		{strings.Repeat("李", 1000), "", `"name":"` + strings.Repeat("李", 64) + `"`},
		{"A\tB", "", `"name":"A B"`},
		{"José 李", "", `"name":"José 李"`},
		{"Anna", "javascript:alert(1)", `"name":"Anna"`},
		{"Anna", "data:image/png;base64,iVBORw", `"name":"Anna"`},
		{"Anna", "/a.png", `"name":"Anna"`},
		{"Anna", "https://x.example/" + strings.Repeat("a", 3000), `"name":"Anna"`},
		// What no header can have.
		{"\x1b[31mAn\nna\x00", "https://x.example/\n", `"name":"[31mAn na"`},
		{7, "https://x.example/a.png", `"name":"","avatar":"https://x.example/a.png"`},
		{"Anna", 7, `"name":"Anna"`},
		{[]string{"Anna"}, map[string]any{"url": "https://x.example/a.png"}, `"name":""`},
		{true, nil, `"name":""`},
	} {
		name, isName := c.name.(string)
		picture, isPicture := c.picture.(string)
		for way, come := range ways {
			if way == "auth caddy" && (!isName || !isPicture || strings.ContainsAny(name+picture, "\x1b\n\x00")) {
				continue
			}
			want := c.want + `}`
			if way == "hello of a guest" {
				want = c.want + `,"guest":true}`
			}
			t.Run(way, func(t *testing.T) { testcaddy.Hears(t, come(c.name, c.picture), want) })
		}
	}
	testcaddy.Hears(t, s.V1(url, http.Header{"X-User": {"u7"}, "X-Name": {"Jos\xe9"}}, ``), `"user":{"id":"u7","name":"José"}`)
	s.NoErrors()
}

// An id is somebody's choice elsewhere: as the default of the name, it is no text with
// placeholders, which could name a secret of this server.
func TestAuth_Caddy_AnIDIsNoPlaceholder(t *testing.T) {
	t.Setenv("CHAT_TEST_SECRET", "hush")
	s := testcaddy.Start(t, `chat {
		auth caddy {
			id {http.request.header.X-User}
		}
	}`)
	const id = "{env.CHAT_TEST_SECRET}"
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", http.Header{"X-User": {id}}, ``), `"user":{"id":"`+id+`","name":"`+id+`"}`)
}

// refusedToken is a token that is refused, and how the log begins to say why.
type refusedToken struct{ token, want string }

// refusedTokens has one for each claim, and for each part of the header, that may be wrong.
func refusedTokens(t *testing.T) (list []refusedToken) {
	claims := func(changes jwt.MapClaims) jwt.MapClaims {
		c := jwt.MapClaims{"sub": "u7", "aud": "chat", "iss": "https://example.com", "exp": time.Now().Add(time.Hour).Unix()}
		maps.Copy(c, changes)
		maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
		return c
	}
	sign := func(method jwt.SigningMethod, secret any, header map[string]any, c jwt.MapClaims) string {
		token := jwt.NewWithClaims(method, c)
		maps.Copy(token.Header, header)
		text, err := token.SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	ours := []byte(testcaddy.JWTSecret)
	now := time.Now()
	for _, c := range []struct {
		changes jwt.MapClaims
		want    string
	}{
		{jwt.MapClaims{"exp": now.Add(-time.Hour).Unix()}, "exp: token"},
		{jwt.MapClaims{"exp": nil}, "token has invalid claims: token is missing required claim: exp"},
		{jwt.MapClaims{"exp": "soon"}, "token has invalid claims: bad_token: the token's exp is not a time"},
		{jwt.MapClaims{"nbf": now.Add(time.Hour).Unix()}, "nbf: token"},
		{jwt.MapClaims{"aud": "mail"}, "aud: token"},
		{jwt.MapClaims{"aud": nil}, "token has invalid claims: token is missing required claim: aud"},
		{jwt.MapClaims{"iss": "https://other.example"}, "iss: token"},
		{jwt.MapClaims{"iss": nil}, "token has invalid claims: token is missing required claim: iss"},
		{jwt.MapClaims{"sub": 7}, "bad_token: the token's sub is not a text"},
		{jwt.MapClaims{"sub": nil}, "sub: "},
		{jwt.MapClaims{"sub": "guest-x"}, "sub: "},
		{jwt.MapClaims{"chat": map[string]any{"read": 7}}, "bad_token: the token's chat"},
	} {
		list = append(list, refusedToken{sign(jwt.SigningMethodHS256, ours, nil, claims(c.changes)), c.want})
	}
	kid := map[string]any{"kid": "other"}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(list,
		refusedToken{sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, claims(nil)), "token signature is invalid: signing method none"},
		refusedToken{sign(jwt.SigningMethodEdDSA, private, kid, claims(nil)), "token is unverifiable: error while executing keyfunc: bad_token: the token's kid and alg fit no key"},
		refusedToken{sign(jwt.SigningMethodEdDSA, private, map[string]any{"kid": 7}, claims(nil)), "token is unverifiable: error while executing keyfunc: bad_token: the token's kid is not a string"},
		refusedToken{sign(jwt.SigningMethodHS256, []byte("another secret of thirty-two bytes"), nil, claims(nil)), "token signature is invalid"},
	)
}

// The client is told little of a refused token, the log of the operator says which
// claim it was, at DEBUG.
func TestAuth_JWT_TheLogSaysWhy(t *testing.T) {
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"keys":[{"kty":"EC","kid":"bad","crv":"P-256","x":"A+/A","y":"AQ"},`+
			`{"kty":"OKP","kid":"good","crv":"Ed25519","alg":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	}))
	t.Cleanup(keys.Close)
	s := testcaddy.Start(t, `chat {
		auth jwt {
			secret "`+testcaddy.JWTSecret+`"
			audience chat
			issuer https://example.com
			jwks `+keys.URL+`
		}
	}`)
	token := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7", "aud": "mail"})
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+token+`"`), `"code":"bad_token"`)
	// A token that no key of ours fits: the set is asked.
	const other = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImJhZCJ9.eyJzdWIiOiJ1NyJ9.AAAA"
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+other+`"`), `"code":"bad_token"`)
	log := func(message string) (line string) {
		testcaddy.Eventually(t, message, func() bool {
			for l := range strings.Lines(testcaddy.Read(t, s.Log)) {
				if strings.Contains(l, message) {
					line = l
					return true
				}
			}
			return false
		})
		return line
	}
	if line := log("token refused"); !strings.Contains(line, `"level":"debug"`) || !strings.Contains(line, "token has invalid audience") || strings.Contains(line, token) {
		t.Errorf("logged: %s", line)
	}
	refusals := func() (lines []string) {
		for l := range strings.Lines(testcaddy.Read(t, s.Log)) {
			if strings.Contains(l, "token refused") {
				lines = append(lines, l)
			}
		}
		return lines
	}
	for _, c := range refusedTokens(t) {
		before := len(refusals())
		testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+c.token+`"`), `"type":"error"`)
		testcaddy.Eventually(t, "the refusal of "+c.token, func() bool { return len(refusals()) > before })
		if line := refusals()[before]; !strings.Contains(line, `"level":"debug"`) || !strings.Contains(line, `"error":"`+c.want) || strings.Contains(line, c.token) {
			t.Errorf("want %q, logged: %s", c.want, line)
		}
	}
	if n := strings.Count(testcaddy.Read(t, s.Log), "some keys of the key set cannot be used"); n != 1 {
		t.Errorf("what is wrong with the key set is logged %d times", n)
	}
	if line := log("some keys of the key set cannot be used"); !strings.Contains(line, `"level":"warn"`) || !strings.Contains(line, `kid \"bad\"`) {
		t.Errorf("logged: %s", line)
	}
}
