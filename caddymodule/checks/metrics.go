package checks

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddychat/caddy-chat/chat/check"
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("caddy_chat_check_"+name, help, append([]string{"hub", "check"}, labels...), nil)
}

// The metrics of checks. The names of checks follow from the configuration.
var (
	questions = describe("questions_total", "Questions that a check was asked.")
	verdicts  = describe("verdicts_total", "What came of questions; none: no verdict, also if it was not asked.", "verdict")
	seconds   = describe("seconds_total", "Time that people have waited for verdicts.")
	waiting   = describe("waiting", "Questions that wait until others have an answer.")
)

// Describe describes the metrics.
func Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{questions, verdicts, seconds, waiting} {
		to <- d
	}
}

// Collect collects the metrics of the checks of a hub.
func Collect(to chan<- prometheus.Metric, hub string, of []check.Figures) {
	for i := range of {
		f := &of[i]
		to <- prometheus.MustNewConstMetric(questions, prometheus.CounterValue, float64(f.Asked), hub, f.Name)
		to <- prometheus.MustNewConstMetric(seconds, prometheus.CounterValue, f.Time.Seconds(), hub, f.Name)
		to <- prometheus.MustNewConstMetric(waiting, prometheus.GaugeValue, float64(f.Waiting), hub, f.Name)
		for verdict, n := range f.Verdicts {
			to <- prometheus.MustNewConstMetric(verdicts, prometheus.CounterValue, float64(n), hub, f.Name, verdict.String())
		}
	}
}
