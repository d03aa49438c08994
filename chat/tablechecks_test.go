package chat_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
)

// More of the table of table_test.go: what checks do not pass.

// asks puts a check into force that says the same of everything in rooms.
func asks(v check.Verdict) func(*testing.T, *place) {
	return func(_ *testing.T, p *place) {
		set := p.hub.Settings()
		set.Checks = check.Chain{check.New(check.Config{Name: "words", Checker: judge{v}})}
		p.hub.Configure(set)
		synctest.Wait()
	}
}

const (
	saysNothing = "nothing is said by it"
	noName      = "its hello has no name: TestChecks_Names"
)

// notPassed are the answers where a check does not pass anything.
func notPassed(code, raw string) map[string]string {
	return all(at(code, one("send", "edit", "POST", "create", "info", "member")), at(passes, operators),
		at(saysNothing, reading, one("typing", "recall", "tag", "pin", "read", "who", "renew", "login", "members", "set", "list"), moderation),
		map[string]string{"raw say": raw, "hello": noName})
}

func init() {
	refuses, silent := asks(check.Verdict{Kind: check.Refuse}), asks(check.Verdict{})
	bounds["a check refuses"] = rule{refuses, notPassed("refused", "4507")}
	bounds["a check gives no verdict"] = rule{silent, notPassed("unavailable", "4002")}
	conversationRules["a check refuses"] = rule{refuses, all(notPassed("refused", ""), noConversation)}
	conversationRules["a check gives no verdict"] = rule{silent, all(notPassed("unavailable", ""), noConversation)}
}

// What keys say is asked about where the check says so, at each of their doors; the status of
// what does not pass says why.
func TestChecks_Keys(t *testing.T) {
	for _, keys := range []bool{false, true} {
		for verdict, status := range map[check.Kind]int{check.Pass: 201, check.Refuse: 422, 0: 503} {
			t.Run(fmt.Sprintf("keys %v, %v", keys, verdict), func(t *testing.T) {
				set := chat.Settings{Policies: chatApp(t), Keys: access.Keys{newKey(t, "k", func(k *access.Key) {
					k.Read, k.Write, k.Members, k.As = []string{"*"}, []string{"*"}, []string{"*"}, []string{"*"}
				})}}
				inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
					call := func(method, path, body string) int {
						w, r := httptest.NewRecorder(), newRequest(method, keyOf("k"), body)
						path, r.URL.RawQuery, _ = strings.Cut(path, "?")
						b.handler.ServeRequest(w, r, path)
						return w.Code
					}
					if first := []int{call("POST", "/rooms", `{"room":"g-a","owner":"ann"}`), call("POST", "/rooms/g-a/messages", `{"body":"x"}`)}; first[0] != 201 || first[1] != 201 {
						t.Fatal(first)
					}
					set.Checks = check.Chain{check.New(check.Config{Checker: judge{check.Verdict{Kind: verdict}}, Keys: keys})}
					b.hub.Configure(set)
					want := status
					if !keys {
						want = 201
					}
					for _, c := range [][3]string{
						{"POST", "/rooms/g-a/messages", `{"body":"x"}`},
						{"POST", "/rooms/g-a/messages?as=ann", `{"body":"x"}`},
						{"PATCH", "/rooms/g-a/messages/2", `{"body":"y"}`},
						{"PATCH", "/rooms/g-a", `{"title":"Rome"}`},
						{"POST", "/rooms/g-a/members", `{"users":["dan"],"role":"member"}`},
						{"POST", "/rooms", `{"room":"g-b","owner":"ann"}`},
					} {
						if got := call(c[0], c[1], c[2]); got != want {
							t.Errorf("%s %s: %d, want %d", c[0], c[1], got, want)
						}
					}
					if got := call("POST", "/rooms/g-a/messages", `{"notice":true,"body":"x"}`); got != 201 {
						t.Errorf("a notice: %d", got)
					}
				})
			})
		}
	}
}
