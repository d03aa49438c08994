package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// Whatever a backend asks, and however it fails, neither its key nor a token that it gets is
// in a log: not at DEBUG, and not in Caddy's access log.
func TestKeys_AreInNoLog(t *testing.T) {
	s := testcaddy.Start(t, `chat {
		limits {
			connect_rate 1000 10000 # what is refused counts
		}
		key k `+feedSecret+` {
			read *
			write *
			members *
			moderate *
			as *
			users
			feed
		}
		policy * {
			read users
			write users
		}
	}`)
	var d struct {
		Paths map[string]map[string]struct{ RequestBody any }
	}
	if err := json.Unmarshal([]byte(text(t, ask(t, s, "GET", "/chat/openapi.json", nil, ""))), &d); err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\{\w+\}`)
	values := []string{feedSecret} // and what must not be in a log beside it
	n := 0
	for pattern, methods := range d.Paths {
		path := parameter.ReplaceAllStringFunc(pattern, func(name string) string {
			return map[string]string{"{room}": "tea", "{id}": "u7", "{seq}": "1"}[name]
		})
		for method := range methods {
			for _, header := range []http.Header{
				{"Authorization": {"Bearer " + feedSecret}, "Content-Type": {"application/json"}},
				{"Authorization": {"Bearer " + feedSecret}},                        // no type
				{"Authorization": {"Bearer " + feedSecret + "x"}},                  // no key
				{"Authorization": {"Bearer " + feedSecret, "Basic " + feedSecret}}, // two
				{"Authorization": {feedSecret}},                                    // no scheme
			} {
				for _, body := range []string{`{}`, `{"body":"a secret message","user":"u7","users":["u7"],"name":"x"}`, `{"body":`, `[]`} {
					res := ask(t, s, strings.ToUpper(method), "/chat"+path+"?as=u7&messages=keep", header, body)
					var answer struct{ Token string }
					if json.Unmarshal([]byte(text(t, res)), &answer) == nil && answer.Token != "" {
						values = append(values, answer.Token)
					}
					n++
				}
			}
		}
	}
	body := text(t, ask(t, s, "POST", "/chat/users/u7/token", http.Header{"Authorization": {"Bearer " + feedSecret}, "Content-Type": {"application/json"}}, `{}`))
	var answer struct{ Token string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Token == "" {
		t.Fatal(body, err)
	}
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+feedSecret+`"`), `"bad_token"`)
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+answer.Token+`"`), `"welcome"`)
	values = append(values, answer.Token, "a secret message")
	testcaddy.Eventually(t, "all requests in the access log", func() bool { return strings.Count(testcaddy.Read(t, s.Access), "REDACTED") >= n })
	for name, file := range map[string]string{"log": s.Log, "access log": s.Access} {
		written := testcaddy.Read(t, file)
		for _, value := range values {
			if strings.Contains(written, value) {
				t.Errorf("%.8s… is in the %s", value, name)
			}
		}
	}
	if !strings.Contains(testcaddy.Read(t, s.Log), `"level":"debug"`) {
		t.Error("DEBUG is off")
	}
}

// A network of IPv4 means the same however it is written.
func TestKey_From_IsIPv4HoweverWritten(t *testing.T) {
	for _, text := range []string{"10.0.0.0/8", "::ffff:10.0.0.0/104"} {
		if network, err := caddymodule.ParseNetwork(text); err != nil || network.String() != "10.0.0.0/8" {
			t.Errorf("%s: %v, %v", text, network, err)
		}
	}
}
