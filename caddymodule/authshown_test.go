package caddymodule_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// Directories have names and pictures of all kinds. They are only shown, so they keep
// nobody out, and clients get only what PROTOCOL.md promises.
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
	}`)
	url := "ws://" + s.Plain + "/chat"
	for _, c := range []struct{ name, picture, want string }{
		{"Anna", "https://x.example/a.png", `"name":"Anna","avatar":"https://x.example/a.png"`},
		{strings.Repeat("x", 200), "", `"name":"` + strings.Repeat("x", 64) + `"`},
		{"A\tB", "", `"name":"A B"`},
		{"José 李", "", `"name":"José 李"`},
		{"Anna", "javascript:alert(1)", `"name":"Anna"`},
		{"Anna", "/a.png", `"name":"Anna"`},
		{"Anna", "https://x.example/" + strings.Repeat("a", 3000), `"name":"Anna"`},
	} {
		want := `"user":{"id":"u7",` + c.want + `}`
		header := http.Header{"X-User": {"u7"}, "X-Name": {c.name}, "X-Picture": {c.picture}}
		testcaddy.Hears(t, s.V1(url, header, ``), want)
		token := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7", "name": c.name, "avatar": c.picture})
		testcaddy.Hears(t, s.V1(url, nil, `,"token":"`+token+`"`), want)
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
	if line := log("some keys of the key set cannot be used"); !strings.Contains(line, `"level":"warn"`) || !strings.Contains(line, `kid \"bad\"`) {
		t.Errorf("logged: %s", line)
	}
}
