package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

const feedSecret = "of-the-key-that-hears-what-happens"

// A request that waits for events is answered when its server ends, so it outlives no reload.
func TestFeed_Waiting_HoldsUpNoReload(t *testing.T) {
	const pulls = 16 // as many as a key has under way
	const site = "chat {\nkey k " + feedSecret + " {\nread *\nfeed\n}\n}"
	s := testcaddy.Start(t, site)
	header := http.Header{"Authorization": {"Bearer " + feedSecret}}
	for range 2 {
		bodies := make(chan string, pulls)
		for range pulls {
			go func() {
				res := ask(t, s, "GET", "/chat/feed?after=now&wait=60000", header, "")
				for res.StatusCode == http.StatusTooManyRequests { // the request that looks was faster
					res = ask(t, s, "GET", "/chat/feed?after=now&wait=60000", header, "")
				}
				bodies <- text(t, res)
			}()
		}
		for range 10_000 { // until all wait
			if ask(t, s, "GET", "/chat/feed?after=now", header, "").StatusCode == http.StatusTooManyRequests {
				break
			}
		}
		began := time.Now()
		s.Load(site)
		for range pulls {
			if body := <-bodies; !strings.Contains(body, `"events":[]`) {
				t.Error(body)
			}
		}
		if took := time.Since(began); took > 45*time.Second {
			t.Errorf("it took %v", took)
		}
	}
	s.NoErrors()
}

// A token that a key has asked for lets its user in after a restart, and into no other hub.
func TestUsers_Token_OutlivesARestart(t *testing.T) {
	const site = `
		chat {
			key k ` + feedSecret + ` {
				users
			}
			auth jwt {
				secret "` + testcaddy.JWTSecret + `"
			}
		}
		chat /other {
			hub other
			journal memory
		}`
	s := testcaddy.Start(t, "route {\n"+site+"\n}")
	header := http.Header{"Authorization": {"Bearer " + feedSecret}, "Content-Type": {"application/json"}}
	var answer struct{ Token string }
	body := text(t, ask(t, s, "POST", "/chat/users/u7/token", header, `{}`))
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Token == "" {
		t.Fatal(body, err)
	}
	hello := `,"token":"` + answer.Token + `"`
	for range 2 {
		testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, hello), `"welcome"`, `"user":{"id":"u7"`)
		testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/other", nil, hello), `"bad_token"`)
		s.Restart("route {\n" + site + "\n}")
	}
	s.NoErrors()
}
