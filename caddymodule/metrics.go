package caddymodule

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddychat/caddy-chat/caddymodule/checks"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/webhook"
)

// collector collects the metrics of all hubs. It has no counters itself: those of a
// hub outlive configurations, while each configuration has its own registry. No label
// holds a room, a user or an address.
type collector struct{}

// metric is one figure of a hub without labels of its own.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*chat.Stats) float64
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("caddy_chat_"+name, help, append([]string{"hub"}, labels...), nil)
}

func gauge(name, help string, value func(*chat.Stats) float64) metric {
	return metric{describe(name, help), prometheus.GaugeValue, value}
}

func counter(name, help string, value func(*chat.Stats) float64) metric {
	return metric{describe(name, help), prometheus.CounterValue, value}
}

var metrics = []metric{
	gauge("connections", "Connections that are open.", func(s *chat.Stats) float64 { return float64(s.Connections) }),
	gauge("sessions", "Sessions that are open.", func(s *chat.Stats) float64 { return float64(s.Sessions) }),
	gauge("parked_connections", "Connections that wait for data without a goroutine.", func(s *chat.Stats) float64 { return float64(s.Parked) }),
	gauge("rooms", "Rooms with at least one session in them.", func(s *chat.Stats) float64 { return float64(s.Rooms) }),
	gauge("outbox_bytes", "Bytes that wait for clients to read them.", func(s *chat.Stats) float64 { return float64(s.Queued) }),
	counter("sessions_opened_total", "Sessions that were opened.", func(s *chat.Stats) float64 { return float64(s.Opened) }),
	counter("messages_in_total", "Messages that clients sent.", func(s *chat.Stats) float64 { return float64(s.MessagesIn) }),
	counter("bytes_in_total", "Bytes of those messages' bodies.", func(s *chat.Stats) float64 { return float64(s.BytesIn) }),
	counter("entries_total", "Entries that rooms delivered to their sessions.", func(s *chat.Stats) float64 { return float64(s.Entries) }),
	counter("deliveries_total", "Frames that were queued for sessions.", func(s *chat.Stats) float64 { return float64(s.Deliveries) }),
	counter("bytes_out_total", "Bytes of those frames.", func(s *chat.Stats) float64 { return float64(s.BytesOut) }),
	counter("fanout_seconds_total", "Time that rooms spent delivering entries.", func(s *chat.Stats) float64 { return s.FanOut.Seconds() }),
	counter("fanout_batches_total", "Batches in which rooms delivered entries.", func(s *chat.Stats) float64 { return float64(s.Batches) }),
	counter("outbox_drops_total", "Sessions that were disconnected because they did not read.", func(s *chat.Stats) float64 { return float64(s.Slow) }),
	counter("auth_accepted_total", "Clients whose credential was accepted, including guests.", func(s *chat.Stats) float64 { return float64(s.Known) }),
	gauge("journal_entries", "Entries that are kept.", func(s *chat.Stats) float64 { return float64(s.Journal.Entries) }),
	gauge("journal_bytes", "Bytes that the journal occupies.", func(s *chat.Stats) float64 { return float64(s.Journal.Bytes) }),
	gauge("journal_unavailable", "1 while nothing can be recorded, else 0.", func(s *chat.Stats) float64 { return boolValue(s.Journal.Unavailable) }),
	counter("journal_damaged_total", "Entries and records that could not be read.", func(s *chat.Stats) float64 { return float64(s.Journal.Damaged) }),
	counter("journal_lost_total", "Entries and changes of records that were missing when the journal was opened, at least.", func(s *chat.Stats) float64 { return float64(s.Journal.Lost) }),
	counter("journal_commits_total", "Commits, each of which made a group of entries durable.", func(s *chat.Stats) float64 { return float64(s.Journal.Commits) }),
	counter("journal_recorded_total", "Entries in those commits.", func(s *chat.Stats) float64 { return float64(s.Journal.Recorded) }),
	counter("journal_commit_seconds_total", "Time spent on those commits.", func(s *chat.Stats) float64 { return s.Journal.CommitTime.Seconds() }),
	counter("events_total", "Events for backends that are no entries of a room, and that were recorded.", func(s *chat.Stats) float64 { return float64(s.Events) }),
	counter("events_dropped_total", "Such events that the journal did not take.", func(s *chat.Stats) float64 { return float64(s.EventsLost) }),
}

var (
	openDesc     = describe("open", "1 while the hub is open, 0 while it can't be started, most often because its journal can't be opened.")
	refusalsDesc = describe("refusals_total", "Clients and frames that were refused, by reason.", "reason")
	errorsDesc   = describe("errors_total", "Commands and requests that were answered with an error, by its code.", "code")
	byesDesc     = describe("byes_total", "Sessions that were ended with a bye, by its code.", "code")
	resumesDesc  = describe("resumes_total", "Rooms that clients resumed, by outcome.", "outcome")
)

// ofWebhook is one figure of a webhook. Its name stands in the configuration.
type ofWebhook struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*webhook.Status) float64
}

var webhookMetrics = []ofWebhook{
	{describe("webhook_lag_seconds", "How long the oldest event waits that the receiver has not accepted.", "webhook"), prometheus.GaugeValue, func(s *webhook.Status) float64 { return s.Lag.Seconds() }},
	{describe("webhook_delivered_total", "Events that the receiver has accepted.", "webhook"), prometheus.CounterValue, func(s *webhook.Status) float64 { return float64(s.Delivered) }},
	{describe("webhook_requests_total", "Requests that were sent.", "webhook"), prometheus.CounterValue, func(s *webhook.Status) float64 { return float64(s.Requests) }},
	{describe("webhook_retries_total", "Requests that the receiver did not accept, so that they are sent again.", "webhook"), prometheus.CounterValue, func(s *webhook.Status) float64 { return float64(s.Retried) }},
	{describe("webhook_skipped_total", "Events that the receiver has refused for a day, and does not get.", "webhook"), prometheus.CounterValue, func(s *webhook.Status) float64 { return float64(s.Skipped) }},
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Describe implements prometheus.Collector.
func (collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range metrics {
		to <- m.desc
	}
	for _, m := range webhookMetrics {
		to <- m.desc
	}
	checks.Describe(to)
	to <- openDesc
	to <- refusalsDesc
	to <- errorsDesc
	to <- byesDesc
	to <- resumesDesc
}

// Collect implements prometheus.Collector.
func (collector) Collect(to chan<- prometheus.Metric) {
	for name, state := range Hubs() {
		hub, closed := state.Hub()
		to <- prometheus.MustNewConstMetric(openDesc, prometheus.GaugeValue, boolValue(closed == nil), name)
		if closed != nil {
			continue
		}
		s := hub.Stats()
		collectStats(to, name, &s)
	}
}

// collectStats collects the metrics of a hub that is open.
func collectStats(to chan<- prometheus.Metric, name string, s *chat.Stats) {
	for _, m := range metrics {
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(s), name)
	}
	for i := range s.Webhooks {
		hook := &s.Webhooks[i]
		for _, m := range webhookMetrics {
			to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(hook), name, hook.Name)
		}
	}
	checks.Collect(to, name, s.Checks)
	for why, n := range s.Refused {
		to <- prometheus.MustNewConstMetric(refusalsDesc, prometheus.CounterValue, float64(n), name, why.String())
	}
	for code, n := range s.Errors {
		to <- prometheus.MustNewConstMetric(errorsDesc, prometheus.CounterValue, float64(n), name, code.String())
	}
	for code, n := range s.Byes {
		to <- prometheus.MustNewConstMetric(byesDesc, prometheus.CounterValue, float64(n), name, code.String())
	}
	for outcome, n := range s.Resumed {
		to <- prometheus.MustNewConstMetric(resumesDesc, prometheus.CounterValue, float64(n), name, outcome.String())
	}
}
