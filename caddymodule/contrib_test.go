package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// The dashboard, the alert rules and the documents name only metrics, and values of
// labels, that exist.
func TestContrib_NamesMetricsThatExist(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat {\nwebhook orders https://127.0.0.1:1 {\nsecret "+hookSecret+"\n}\n"+inCheck("")+"\n}")
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"r","epoch":"old","after":7}]`), "welcome")
	res, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, name := range regexp.MustCompile(`(?m)^caddy_chat_\w+`).FindAllString(string(text), -1) {
		there[name] = true
	}
	var dashboard map[string]any
	if err := json.Unmarshal([]byte(testcaddy.Read(t, "../contrib/grafana.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, file := range append(testcaddy.Documents(t), "../contrib/grafana.json", "../contrib/alerts.yaml") {
		content := testcaddy.Read(t, file)
		for _, name := range regexp.MustCompile(`caddy_chat_\w+`).FindAllString(content, -1) {
			used[name] = true
			if !there[name] {
				t.Errorf("%s names %s, which does not exist", file, name)
			}
		}
		for _, m := range regexp.MustCompile(`(reason|outcome|code|verdict)=~?"([\w|]+)"`).FindAllStringSubmatch(content, -1) {
			for value := range strings.SplitSeq(m[2], "|") {
				if !strings.Contains(string(text), m[1]+`="`+value+`"`) {
					t.Errorf("%s names %s=%q, which does not exist", file, m[1], value)
				}
			}
		}
	}
	for name := range there {
		if !used[name] {
			t.Errorf("no document, no panel and no rule names %s", name)
		}
	}
	if len(used) < 15 {
		t.Errorf("only %d metrics are shown", len(used))
	}
}
