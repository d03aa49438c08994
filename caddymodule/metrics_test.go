package caddymodule_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestMetrics_TellOfEveryHub_AndSurviveReloads(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat\nchat /two {\nhub two\njournal memory\n}")
	scrape := func() string {
		res, err := http.Get(admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	a, b := s.Client("ws://"+s.Plain+"/chat?room=tea"), s.Client("ws://"+s.Plain+"/chat?room=tea")
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/two", nil, `,"rooms":[{"room":"r","epoch":"old","after":7}]`), `"gap":true`)
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/two", nil, `,"token":"x"`), `"bad_token"`)
	s.Status("http://"+s.Plain+"/chat", nil)
	s.Load("header X-Changed 1\nchat\nchat /two {\nhub two\njournal memory\n}")
	for _, want := range []string{
		`caddy_chat_sessions{hub="default"} 2`,
		`caddy_chat_rooms{hub="default"} 1`,
		`caddy_chat_messages_in_total{hub="default"} 1`,
		`caddy_chat_deliveries_total{hub="default"} 1`,
		`caddy_chat_bytes_in_total{hub="default"} 5`,
		`caddy_chat_journal_recorded_total{hub="default"} 1`,
		`caddy_chat_journal_entries{hub="default"} 1`,
		`caddy_chat_refusals_total{hub="default",reason="handshake"} 1`,
		`caddy_chat_refusals_total{hub="two",reason="identity"} 1`,
		`caddy_chat_errors_total{code="bad_token",hub="two"} 1`,
		`caddy_chat_byes_total{code="bad_token",hub="two"} 1`,
		`caddy_chat_resumes_total{hub="two",outcome="gap"} 1`,
		`caddy_chat_parked_connections{hub="default"}`,
	} {
		testcaddy.Eventually(t, want, func() bool { return strings.Contains(scrape(), want) })
	}
	for line := range strings.Lines(scrape()) {
		if strings.HasPrefix(line, "caddy_chat_") && (strings.Contains(line, "tea") || strings.Contains(line, "127.0.0.1")) {
			t.Errorf("a label has a room or an address: %s", line)
		}
	}
}
