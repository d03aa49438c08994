//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddychat/caddy-chat/bench/load"
)

// column is a column of a table: one figure of one scenario.
type column struct {
	title, scenario, format string
	of                      func(*load.Result) float64
}

func thousands(r *load.Result) float64 { return r.PerSecond() / 1000 }

// columns are all columns. A report shows those for whose scenarios it has results.
var columns = []column{
	{"A1 deliveries/s", "A1", "%.0fk", thousands},
	{"A1 CPU s per million", "A1", "%.1f", cpuPer},
	{"A10", "A10", "%.0fk", thousands},
	{"A10 CPU s", "A10", "%.2f", cpuPer},
	{"A80", "A80", "%.0fk", thousands},
	{"A80 CPU s", "A80", "%.2f", cpuPer},
	{"B p50 ms", "B", "%.0f", p50},
	{"B p99 ms", "B", "%.0f", p99},
	{"idle KiB", "idle", "%.1f", memoryPerConnection},
	{"room of 100, CPU s", "room100", "%.1f", cpuPer},
	{"room of 10,000", "room10000", "%.1f", cpuPer},
	{"1000 rooms of 10", "rooms", "%.1f", cpuPer},
	{"A1 with 9000 bystanders", "crowded", "%.1f", cpuPer},
	{"stall p99 ms", "stall", "%.0f", p99},
	{"before", "stall", "%.0f", func(r *load.Result) float64 { return r.Stall.Before.P99 }},
	{"MiB more", "stall", "%.0f", func(r *load.Result) float64 { return r.Stall.MemoryMiB }},
	{"cut off", "stall", "%.0f", func(r *load.Result) float64 { return float64(r.Stall.CutOff) }},
	{"after s", "stall", "%.1f", func(r *load.Result) float64 { return r.Stall.CutSeconds }},
	{"storm failed", "storm", "%.0f", func(r *load.Result) float64 { return float64(r.Storm.Failed) }},
	{"back s", "storm", "%.1f", func(r *load.Result) float64 { return r.Storm.ReturnSeconds }},
	{"chatting s", "storm", "%.1f", func(r *load.Result) float64 { return r.Storm.ChatSeconds }},
	{"connects/s", "connects", "%.0f", func(r *load.Result) float64 { return r.Connect.PerSecond }},
	{"a CPU s", "connects", "%.0f", handshakes},
	{"gets/s", "gets", "%.0f", func(r *load.Result) float64 { return r.Connect.PerSecond }},
	{"a CPU s", "gets", "%.0f", handshakes},
}

// firstTableColumns is how many columns the first table has. The second has the
// others.
const firstTableColumns = 9

func (r *report) markdown() string {
	var b strings.Builder
	m := &r.Machine
	fmt.Fprintf(&b, "# Broadcast servers, %s\n\n", r.Date)
	fmt.Fprintf(&b, "- machine: %s, %d cores, %s, Linux %s, %s\n", m.CPU, m.Cores, m.Memory, m.Kernel, m.Go)
	fmt.Fprintf(&b, "- load average: %s before, %s after\n", m.LoadBefore, m.LoadAfter)
	fmt.Fprintf(&b, "- commit: %s\n- command: `%s`\n\n", r.Commit, r.Command)
	fmt.Fprintf(&b, "The server has one core and the generator another; medians of %d. CPU s are the server's, for a\n"+
		"million deliveries. What each scenario does is in bench/README.md.\n", len(r.Rounds))
	r.writeTable(&b, columns[:firstTableColumns])
	r.writeShares(&b)
	r.writeTable(&b, columns[firstTableColumns:])
	r.writeGoals(&b)
	r.writeFaults(&b)
	return b.String()
}

// writeTable leaves out columns and servers without results.
func (r *report) writeTable(b *strings.Builder, candidates []column) {
	var shown []column
	for _, c := range candidates {
		for _, s := range r.servers() {
			if len(r.all(s.name, c.scenario)) > 0 {
				shown = append(shown, c)
				break
			}
		}
	}
	if len(shown) == 0 {
		return
	}
	titles := []string{"server"}
	for _, c := range shown {
		titles = append(titles, c.title)
	}
	b.WriteString("\n")
	writeRow(b, titles)
	b.WriteString("|" + strings.Repeat("---|", len(titles)) + "\n")
	for _, s := range r.servers() {
		row, some := []string{s.about}, false
		for _, c := range shown {
			cell := r.cell(s.name, c.scenario, c.format, c.of)
			row, some = append(row, cell), some || cell != ""
		}
		if some {
			writeRow(b, row)
		}
	}
}

// baselines are the C servers that all others are compared with, one for each
// scenario.
var baselines = []struct{ scenario, server string }{{"A1", "c"}, {"A10", "c-corked"}, {"A80", "c-corked"}}

// writeShares compares each server with C.
func (r *report) writeShares(b *strings.Builder) {
	title := "\nDeliveries per CPU second, where C is 1 (A1 with one write a delivery, the others corked):\n\n" +
		"| server | A1 | A10 | A80 |\n|---|---|---|---|\n"
	for _, s := range r.servers() {
		row, some := []string{s.about}, false
		for _, y := range baselines {
			share := goal{value: figure{s.name, y.scenario, perCPU}, divisor: &figure{y.server, y.scenario, perCPU}}
			cell := ""
			if v, ok := share.result(r.Rounds); ok {
				cell, some = fmt.Sprintf("%.2f", v), true
			}
			row = append(row, cell)
		}
		if some {
			b.WriteString(title)
			title = ""
			writeRow(b, row)
		}
	}
}

func writeRow(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func (r *report) writeGoals(b *strings.Builder) {
	title := "\n## Goals\n\nMedians of the ratios of each round.\n\n| what | found | goal | met |\n|---|---|---|---|\n"
	for i := range goals {
		g := &goals[i]
		v, ok := g.result(r.Rounds)
		if !ok {
			continue
		}
		b.WriteString(title)
		title = ""
		writeRow(b, []string{g.what, fmt.Sprintf("%.2f", v), g.bound(), g.verdict(v)})
	}
}

func (r *report) writeFaults(b *strings.Builder) {
	b.WriteString("\n## Faults\n\n")
	none := true
	for round, results := range r.Rounds {
		for i := range results {
			if f := &results[i]; f.Faults != (load.Faults{}) || f.Stuck {
				none = false
				fmt.Fprintf(b, "- round %d: %s, %s: %s\n", round+1, f.Target, f.Scenario, f.Verdict())
			}
		}
	}
	for _, failure := range r.Failures {
		none = false
		fmt.Fprintf(b, "- no result: %s\n", failure)
	}
	if none {
		b.WriteString("None: every message arrived once, whole and in its sender's order, in every run above.\n")
	}
}

// write writes both files. It replaces those of an earlier call, so that the
// results of a long run are kept if it is interrupted.
func (r *report) write(dir string) error {
	r.Machine.LoadAfter = loadAverage()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	whole, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("results as JSON: %w", err)
	}
	base := filepath.Join(dir, r.started.Format("2006-01-02-1504")+"-"+r.Commit)
	if err := os.WriteFile(base+".json", append(whole, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(base+".md", []byte(r.markdown()), 0o644)
}
