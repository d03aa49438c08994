package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// The programs of docs/checks.md are run as they stand there. They judge what is genuine, and
// say nothing about what is forged, old or signed by somebody else.
func TestDocuments_Checks(t *testing.T) {
	text, err := os.ReadFile("../../docs/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	for language, command := range map[string][]string{"mjs": {"node", "check.mjs"}, "go": {"go", "run", "main.go"}} {
		t.Run(language, func(t *testing.T) {
			m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
			if m == nil {
				t.Fatal("docs/checks.md has no such program")
			}
			last := len(command) - 1
			command[last] = filepath.Join(t.TempDir(), command[last])
			if err := os.WriteFile(command[last], m[1], 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("CHAT_CHECK_SECRET", secretText)
			p := run(t, command)
			for _, c := range []struct {
				about         check.About
				body, of, got string
			}{
				{check.Send, `"hello"`, "", "1 "},
				{check.Send, `{"text":"hello"}`, "", "1 "},
				{check.Send, `{"type":"image"}`, "", "1 "},
				{check.Send, `{"text":"BUY NOW"}`, "", "2 no adverts, please"},
				{check.Edit, `"darn"`, "", `3 "****"`},
				{check.Edit, `{"text":"darn","x":1}`, "", `3 {"text":"****","x":1}`},
				{check.Send, `"meet me there"`, "", "4 "},
				{check.Create, "", "buy now", "2 no adverts, please"},
				{check.Member, "", "", "1 "},
				{check.Name, "", "the Admin", "2 "},
				{check.Name, "", "Li", "1 "},
			} {
				q := &check.Question{About: c.about, Body: json.RawMessage(c.body), Title: c.of, From: journal.User{ID: "u", Name: c.of}}
				v, err := newChecker(t, p.url).Check(t.Context(), q)
				if got := fmt.Sprintf("%d %s%s", v.Kind, v.Message, v.Body); err != nil || got != c.got {
					t.Errorf("%s %s%s: %s, %v", c.about, c.body, c.of, got, err)
				}
			}
			key, other := secret(t, secretText), secret(t, "whsec_"+strings.Repeat("QUJD", 8))
			const said = `{"about":"send","body":"x"}`
			for i, c := range []struct {
				signed string
				at     time.Duration
				keys   []Secret
				want   int
			}{
				{said, 0, []Secret{other, key}, 200}, // during a change of secrets
				{said + " ", 0, []Secret{key}, 401},  // of another body
				{said, 0, []Secret{other}, 401},
				{said, -6 * time.Minute, []Secret{key}, 401},
				{said, 6 * time.Minute, []Secret{key}, 401},
				{said, 0, nil, 401},
			} {
				req, err := http.NewRequest("POST", p.url, strings.NewReader(said))
				if err != nil {
					t.Fatal(err)
				}
				Sign(req.Header, "check-a", time.Now().Add(c.at), []byte(c.signed), c.keys)
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != c.want {
					t.Errorf("request %d: status %d, want %d", i, res.StatusCode, c.want)
				}
			}
			if p.output() != "" {
				t.Errorf("it prints %q", p.output())
			}
		})
	}
}
