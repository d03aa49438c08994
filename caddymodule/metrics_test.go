package caddymodule_test

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/webhook"
	"github.com/caddychat/caddy-chat/chat/wire"
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

// figures is a collector of one hub's figures.
type figures chat.Stats

func (*figures) Describe(chan<- *prometheus.Desc) {}

func (f *figures) Collect(to chan<- prometheus.Metric) {
	caddymodule.CollectStats(to, "h", (*chat.Stats)(f))
}

// collected returns the figures by their names and labels.
func collected(t *testing.T, s *chat.Stats) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister((*figures)(s))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			name := strings.TrimPrefix(family.GetName(), "caddy_chat_")
			for _, l := range m.Label {
				if l.GetName() != "hub" {
					name += " " + l.GetValue()
				}
			}
			if counts := m.Counter != nil; counts != strings.HasSuffix(family.GetName(), "_total") {
				t.Errorf("%s is of the kind %s", name, family.GetType())
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return got
}

// Each figure is that of its name.
func TestMetrics_EachHasItsFigure(t *testing.T) {
	got := collected(t, &chat.Stats{
		Connections: 1, Sessions: 2, Rooms: 3, Opened: 4, MessagesIn: 5, BytesIn: 6, Entries: 7, Deliveries: 8, BytesOut: 9, Slow: 10,
		Batches: 11, FanOut: 12 * time.Second, Known: 13, Parked: 14, Queued: 15, Events: 16, EventsLost: 17,
		Journal: journal.Stats{Entries: 18, Bytes: 19, Commits: 20, Recorded: 21, CommitTime: 22 * time.Second, Damaged: 23, Lost: 24, Unavailable: true},
		Resumed: map[chat.Resume]uint64{chat.ResumedGap: 25}, Refused: map[chat.Refusal]uint64{chat.RefusedFull: 26},
		Errors: map[wire.Code]uint64{wire.BadToken: 27}, Byes: map[wire.Code]uint64{wire.Slow: 28},
		Webhooks: []webhook.Status{
			{Name: "w", Lag: 1500 * time.Millisecond, Delivered: 30, Requests: 31, Retried: 32, Skipped: 33},
			{Name: "v", Lag: time.Millisecond, Delivered: 34, Requests: 35, Retried: 36, Skipped: 37},
		},
		Checks: []check.Figures{{Name: "c", Asked: 38, Time: 39 * time.Second, Waiting: 40, Verdicts: map[check.Kind]uint64{check.Refuse: 41}}},
	})
	want := map[string]float64{
		"connections": 1, "sessions": 2, "rooms": 3, "sessions_opened_total": 4, "messages_in_total": 5, "bytes_in_total": 6,
		"entries_total": 7, "deliveries_total": 8, "bytes_out_total": 9, "outbox_drops_total": 10, "fanout_batches_total": 11,
		"fanout_seconds_total": 12, "auth_accepted_total": 13, "parked_connections": 14, "outbox_bytes": 15,
		"events_total": 16, "events_dropped_total": 17,
		"journal_entries": 18, "journal_bytes": 19, "journal_commits_total": 20, "journal_recorded_total": 21,
		"journal_commit_seconds_total": 22, "journal_damaged_total": 23, "journal_lost_total": 24, "journal_unavailable": 1,
		"resumes_total gap": 25, "refusals_total full": 26, "errors_total bad_token": 27, "byes_total slow": 28,
		"webhook_lag_seconds w": 1.5, "webhook_delivered_total w": 30, "webhook_requests_total w": 31, "webhook_retries_total w": 32, "webhook_skipped_total w": 33,
		"webhook_lag_seconds v": 0.001, "webhook_delivered_total v": 34, "webhook_requests_total v": 35, "webhook_retries_total v": 36, "webhook_skipped_total v": 37,
		"check_questions_total c": 38, "check_seconds_total c": 39, "check_waiting c": 40, "check_verdicts_total c refuse": 41,
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if w, known := want[name]; !known || got[name] != w {
			t.Errorf("%s is %v, want %v", name, got[name], w)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}
