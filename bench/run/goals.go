//go:build linux

package main

import (
	"fmt"

	"github.com/caddychat/caddy-chat/bench/load"
)

// figure is one number of one server in one scenario.
type figure struct {
	server, scenario string
	of               func(*load.Result) float64
}

// goal is a figure, or the ratio of two, and what it should be. Both figures
// are taken from the same round.
type goal struct {
	what     string
	value    figure
	over     *figure // nil: value alone
	atLeast  float64 // 0: no such bound
	atMost   float64 // where atLeast is 0
	informal bool    // for comparison, no goal
}

func perCPU(r *load.Result) float64     { return r.PerCPUSecond() }
func cpuPer(r *load.Result) float64     { return r.CPUPerMillion() }
func p50(r *load.Result) float64        { return r.Percentiles().P50 }
func p99(r *load.Result) float64        { return r.Percentiles().P99 }
func stalledP99(r *load.Result) float64 { return ratio(p99(r), r.Stall.Before.P99) }
func growth(r *load.Result) float64     { return r.Stall.MemoryMiB * 1024 / float64(r.Stall.Stalled) }
func notCut(r *load.Result) float64     { return float64(r.Stall.Stalled - r.Stall.CutOff) }
func notBack(r *load.Result) float64    { return float64(r.Storm.Failed) + float64(r.Faults.Missing) }
func handshakes(r *load.Result) float64 { return r.Connect.PerCPUSecond }
func each(r *load.Result) float64       { return r.Memory.PerConnection }

const (
	ours     = "caddy-chat"
	oursTLS  = "caddy-chat-tls"
	oursDisk = "caddy-chat-disk"
)

// goals are those of the socket engine.
var goals = []goal{
	{what: "A1, deliveries per CPU second, to C with one write a delivery",
		value: figure{ours, "A1", perCPU}, over: &figure{"c", "A1", perCPU}, atLeast: 0.90},
	{what: "A10, to corked C",
		value: figure{ours, "A10", perCPU}, over: &figure{"c-corked", "A10", perCPU}, atLeast: 0.80},
	{what: "A80, to corked C",
		value: figure{ours, "A80", perCPU}, over: &figure{"c-corked", "A80", perCPU}, atLeast: 0.75},
	{what: "A1 with messages on disk, to without",
		value: figure{oursDisk, "A1", perCPU}, over: &figure{ours, "A1", perCPU}, atLeast: 0.8},
	{what: "A10 with messages on disk, to without",
		value: figure{oursDisk, "A10", perCPU}, over: &figure{ours, "A10", perCPU}, atLeast: 0.8},
	{what: "B, p50, to C",
		value: figure{ours, "B", p50}, over: &figure{"c", "B", p50}, atMost: 1.15},
	{what: "B, p99, to C",
		value: figure{ours, "B", p99}, over: &figure{"c", "B", p99}, atMost: 1.4},
	{what: "idle, KiB a plain connection",
		value: figure{ours, "idle", each}, atMost: 1.5},
	{what: "idle, KiB a TLS connection",
		value: figure{oursTLS, "idle", each}, atMost: 9.5},
	{what: "A1, TLS to plain",
		value: figure{oursTLS, "A1", perCPU}, over: &figure{ours, "A1", perCPU}, atLeast: 0.70},
	{what: "A10, TLS to plain",
		value: figure{oursTLS, "A10", perCPU}, over: &figure{ours, "A10", perCPU}, atLeast: 0.5},
	{what: "A1 through TLS, to the usual set-up",
		value: figure{oursTLS, "A1", perCPU}, over: &figure{"proxy", "A1", perCPU}, atLeast: 3},
	{what: "A10 through TLS, to the usual set-up",
		value: figure{oursTLS, "A10", perCPU}, over: &figure{"proxy", "A10", perCPU}, atLeast: 15},
	{what: "memory of a TLS connection, to the usual set-up",
		value: figure{oursTLS, "idle", each}, over: &figure{"proxy", "idle", each}, atMost: 0.125},
	{what: "CPU per delivery, room of 10,000 to room of 100",
		value: figure{ours, "room10000", cpuPer}, over: &figure{ours, "room100", cpuPer}, atMost: 1.3},
	{what: "the same in C",
		value: figure{"c", "room10000", cpuPer}, over: &figure{"c", "room100", cpuPer}, informal: true},
	{what: "CPU per delivery, 1000 rooms of 10 to one of 10,000",
		value: figure{ours, "rooms", cpuPer}, over: &figure{ours, "room10000", cpuPer}, atMost: 1},
	{what: "the same in C",
		value: figure{"c", "rooms", cpuPer}, over: &figure{"c", "room10000", cpuPer}, informal: true},
	{what: "CPU per delivery, with 9000 bystanders to without",
		value: figure{ours, "crowded", cpuPer}, over: &figure{ours, "A1", cpuPer}, atMost: 1.1},
	{what: "the same in C",
		value: figure{"c", "crowded", cpuPer}, over: &figure{"c", "A1", cpuPer}, informal: true},
	{what: "p99 of the others while 500 do not read, to before",
		value: figure{ours, "stall", stalledP99}, atMost: 1.5},
	{what: "KiB more memory for each that does not read (its outbox bound)",
		value: figure{ours, "stall", growth}, atMost: 512},
	{what: "who do not read and were not cut off",
		value: figure{ours, "stall", notCut}},
	{what: "storm: connections not back, messages not heard",
		value: figure{ours, "storm", notBack}},
	{what: "TLS handshakes per CPU second, to file_server",
		value: figure{oursTLS, "connects", handshakes}, over: &figure{oursTLS, "gets", handshakes}, atLeast: 0.9},
}

// in returns the figure in one round, and whether it was measured.
func (f figure) in(results []load.Result) (float64, bool) {
	for i := range results {
		if r := &results[i]; r.Target == f.server && r.Scenario == f.scenario {
			return f.of(r), true
		}
	}
	return 0, false
}

// result is the median over the rounds in which all its figures were measured.
func (g *goal) result(rounds [][]load.Result) (float64, bool) {
	var values []float64
	for _, results := range rounds {
		v, ok := g.value.in(results)
		if ok && g.over != nil {
			var o float64
			if o, ok = g.over.in(results); ok {
				v = ratio(v, o)
			}
		}
		if ok {
			values = append(values, v)
		}
	}
	return median(values), len(values) > 0
}

func (g *goal) bound() string {
	switch {
	case g.informal:
		return ""
	case g.atLeast > 0:
		return fmt.Sprintf("at least %g", g.atLeast)
	default:
		return fmt.Sprintf("at most %g", g.atMost)
	}
}

func (g *goal) verdict(v float64) string {
	switch {
	case g.informal:
		return ""
	case g.atLeast > 0 && v >= g.atLeast, g.atLeast == 0 && v <= g.atMost:
		return "yes"
	default:
		return "**no**"
	}
}
