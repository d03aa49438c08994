//go:build linux

package main

import (
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/bench/load"
)

// figure is one number of one server in one scenario.
type figure struct {
	server, scenario string
	of               func(*load.Result) float64
}

// goal is a figure, or the ratio of two of the same round, and its bound.
type goal struct {
	what       string
	value      figure
	divisor    *figure // nil: the goal is for value itself
	atLeast    float64 // 0: no such bound
	atMost     float64 // if atLeast is 0
	comparison bool    // shown beside a goal, without a bound
}

func perCPU(r *load.Result) float64              { return r.PerCPUSecond() }
func cpuPer(r *load.Result) float64              { return r.CPUPerMillion() }
func p50(r *load.Result) float64                 { return r.Percentiles().P50 }
func p99(r *load.Result) float64                 { return r.Percentiles().P99 }
func p99Growth(r *load.Result) float64           { return ratio(p99(r), r.Stall.Before.P99) }
func memoryEach(r *load.Result) float64          { return r.Stall.MemoryMiB * 1024 / float64(r.Stall.Stalled) }
func notCutOff(r *load.Result) float64           { return float64(r.Stall.Stalled - r.Stall.CutOff) }
func notRestored(r *load.Result) float64         { return float64(r.Storm.Failed) + float64(r.Faults.Missing) }
func handshakes(r *load.Result) float64          { return r.Connect.PerCPUSecond }
func memoryPerConnection(r *load.Result) float64 { return r.Memory.PerConnection }

// goals are those of the socket engine.
var goals = []goal{
	{what: "A1, deliveries per CPU second, to C with one write a delivery",
		value: figure{ours, "A1", perCPU}, divisor: &figure{"c", "A1", perCPU}, atLeast: 0.90},
	{what: "A10, to corked C",
		value: figure{ours, "A10", perCPU}, divisor: &figure{"c-corked", "A10", perCPU}, atLeast: 0.80},
	{what: "A80, to corked C",
		value: figure{ours, "A80", perCPU}, divisor: &figure{"c-corked", "A80", perCPU}, atLeast: 0.75},
	{what: "A1 with messages on disk, to without",
		value: figure{oursDisk, "A1", perCPU}, divisor: &figure{ours, "A1", perCPU}, atLeast: 0.8},
	{what: "A10 with messages on disk, to without",
		value: figure{oursDisk, "A10", perCPU}, divisor: &figure{ours, "A10", perCPU}, atLeast: 0.8},
	{what: "B, p50, to C",
		value: figure{ours, "B", p50}, divisor: &figure{"c", "B", p50}, atMost: 1.15},
	{what: "B, p99, to C",
		value: figure{ours, "B", p99}, divisor: &figure{"c", "B", p99}, atMost: 1.4},
	{what: "idle, KiB a plain connection",
		value: figure{ours, "idle", memoryPerConnection}, atMost: 3},
	{what: "idle, KiB a TLS connection",
		value: figure{oursTLS, "idle", memoryPerConnection}, atMost: 18},
	{what: "A1, TLS to plain",
		value: figure{oursTLS, "A1", perCPU}, divisor: &figure{ours, "A1", perCPU}, atLeast: 0.70},
	{what: "A10, TLS to plain",
		value: figure{oursTLS, "A10", perCPU}, divisor: &figure{ours, "A10", perCPU}, atLeast: 0.5},
	{what: "A1 through TLS, to the usual set-up",
		value: figure{oursTLS, "A1", perCPU}, divisor: &figure{"proxy", "A1", perCPU}, atLeast: 3},
	{what: "A10 through TLS, to the usual set-up",
		value: figure{oursTLS, "A10", perCPU}, divisor: &figure{"proxy", "A10", perCPU}, atLeast: 15},
	{what: "memory of a TLS connection, to the usual set-up",
		value: figure{oursTLS, "idle", memoryPerConnection}, divisor: &figure{"proxy", "idle", memoryPerConnection}, atMost: 0.2},
	{what: "CPU per delivery, room of 10,000 to room of 100",
		value: figure{ours, "room10000", cpuPer}, divisor: &figure{ours, "room100", cpuPer}, atMost: 1.3},
	{what: "the same in C",
		value: figure{"c", "room10000", cpuPer}, divisor: &figure{"c", "room100", cpuPer}, comparison: true},
	{what: "CPU per delivery, 1000 rooms of 10 to one of 10,000",
		value: figure{ours, "rooms", cpuPer}, divisor: &figure{ours, "room10000", cpuPer}, atMost: 1},
	{what: "the same in C",
		value: figure{"c", "rooms", cpuPer}, divisor: &figure{"c", "room10000", cpuPer}, comparison: true},
	{what: "CPU per delivery, with 9000 bystanders to without",
		value: figure{ours, "crowded", cpuPer}, divisor: &figure{ours, "A1", cpuPer}, atMost: 1.1},
	{what: "the same in C",
		value: figure{"c", "crowded", cpuPer}, divisor: &figure{"c", "A1", cpuPer}, comparison: true},
	{what: "p99 of the others while 500 do not read, to before",
		value: figure{ours, "stall", p99Growth}, atMost: 1.5},
	{what: "KiB more memory for each that does not read (its outbox bound)",
		value: figure{ours, "stall", memoryEach}, atMost: 512},
	{what: "who do not read and were not cut off",
		value: figure{ours, "stall", notCutOff}},
	{what: "storm: connections not back, messages not heard",
		value: figure{ours, "storm", notRestored}},
	{what: "TLS handshakes per CPU second, to file_server",
		value: figure{oursTLS, "connects", handshakes}, divisor: &figure{oursTLS, "gets", handshakes}, atLeast: 0.9},
}

// in returns the figure in the results of one round, and whether it was measured.
func (f figure) in(results []load.Result) (float64, bool) {
	for i := range results {
		if r := &results[i]; r.Target == f.server && r.Scenario == f.scenario {
			return f.of(r), true
		}
	}
	return 0, false
}

// result returns the median of the rounds in which all figures were measured.
func (g *goal) result(rounds [][]load.Result) (float64, bool) {
	var values []float64
	for _, results := range rounds {
		v, ok := g.value.in(results)
		if ok && g.divisor != nil {
			var o float64
			if o, ok = g.divisor.in(results); ok {
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
	case g.comparison:
		return ""
	case g.atLeast > 0:
		return fmt.Sprintf("at least %g", g.atLeast)
	default:
		return fmt.Sprintf("at most %g", g.atMost)
	}
}

func (g *goal) verdict(v float64) string {
	switch {
	case g.comparison:
		return ""
	case g.atLeast > 0 && v >= g.atLeast, g.atLeast == 0 && v <= g.atMost:
		return "yes"
	default:
		return "**no**"
	}
}

// median returns 0 for no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
