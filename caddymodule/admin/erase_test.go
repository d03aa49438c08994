package admin_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// Whoever something is kept of is known, and erased; then there is no such user.
func TestAdmin_EraseUser_WhateverIsKept(t *testing.T) {
	const key = "of-the-key-that-may-do-everything-here"
	s, admin := testcaddy.StartAdmin(t, `chat {
		journal memory
		auth jwt {
			secret "`+testcaddy.JWTSecret+`"
		}
		key k `+key+` {
			read *
			write * @*
			members *
			users
			as *
		}
		policy g-* {
			read members
			write members
			create users
		}
		policy * {
			read users
			write users
		}
	}`)
	do := func(want int, method, path, body string) {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+s.Plain+"/chat"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != want {
			t.Fatalf("%s %s: %d %s, %v", method, path, res.StatusCode, text, err)
		}
	}
	do(200, "PUT", "/users/profile", `{"name":"Prof"}`)
	do(201, "POST", "/rooms", `{"room":"g-1","owner":"owner"}`)
	do(201, "POST", "/rooms/@ownroom/messages", `{"body":"hello"}`)
	do(201, "POST", "/rooms/tea/messages", `{"body":"hello"}`)
	do(201, "POST", "/rooms/tea/messages/1/tags?as=tagger", `{"tag":"z","value":true}`)
	seen := s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+testcaddy.SiteToken(t, jwt.MapClaims{"sub": "ann"})+`"`)
	testcaddy.Hears(t, seen, "welcome")
	_ = seen.CloseNow()
	users := admin + "/chat/hubs/default/users/"
	testcaddy.Eventually(t, "ann to be gone", func() bool {
		_, user := testcaddy.Ask(t, "GET", users+"ann", "")
		return user["sessions"] != 1.0
	})
	for _, user := range []string{"profile", "owner", "ownroom", "tagger", "ann"} {
		if code, answer := testcaddy.Ask(t, "GET", users+user, ""); code != 200 && user != "ownroom" && user != "tagger" {
			t.Errorf("%s: %d %v", user, code, answer)
		}
		if code, answer := testcaddy.Ask(t, "DELETE", users+user, ""); code != 200 {
			t.Errorf("%s is erased: %d %v", user, code, answer)
		}
		for _, method := range []string{"GET", "DELETE"} {
			if code, answer := testcaddy.Ask(t, method, users+user, ""); code != 404 && user != "tagger" { // whose entry stays
				t.Errorf("%s has been erased, then %s: %d %v", user, method, code, answer)
			}
		}
	}
}
