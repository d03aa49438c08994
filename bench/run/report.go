//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/bench/load"
)

// report is what a run writes: all results as JSON, and medians as Markdown.
type report struct {
	started time.Time

	Date      string          `json:"date"`
	Commit    string          `json:"commit"`
	Command   string          `json:"command"`
	Machine   machine         `json:"machine"`
	Scenarios []string        `json:"scenarios"`
	Rounds    [][]load.Result `json:"rounds"`
	Failures  []string        `json:"failures,omitempty"`
}

func newReport(root string, scenarios []string) report {
	now := time.Now().UTC()
	return report{
		started: now, Date: now.Format(time.DateOnly), Commit: commit(root), Command: commandLine(),
		Machine: thisMachine(), Scenarios: scenarios,
	}
}

func (r *report) add(round int, result load.Result) {
	for len(r.Rounds) <= round {
		r.Rounds = append(r.Rounds, nil)
	}
	r.Rounds[round] = append(r.Rounds[round], result)
}

func (r *report) fail(round int, server, scenario string, err error) {
	reason, _, _ := strings.Cut(err.Error(), "\n")
	r.Failures = append(r.Failures, fmt.Sprintf("round %d: %s, %s: %s", round+1, server, scenario, reason))
}

// readReport reads a JSON file that write has written.
func readReport(path string) (r report, err error) {
	whole, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(whole, &r); err != nil {
		return r, fmt.Errorf("results %s: %w", path, err)
	}
	return r, nil
}

// all returns a server's results of one scenario, one for each round.
func (r *report) all(server, scenario string) (found []*load.Result) {
	for _, results := range r.Rounds {
		for i := range results {
			if results[i].Target == server && results[i].Scenario == scenario {
				found = append(found, &results[i])
			}
		}
	}
	return found
}

// servers returns the servers that have results, in the order of servers().
func (r *report) servers() (with []server) {
	for _, s := range servers() {
		if slices.ContainsFunc(r.Scenarios, func(name string) bool { return len(r.all(s.name, name)) > 0 }) {
			with = append(with, s)
		}
	}
	return with
}

// cell formats the median of a figure. It is empty if there is none.
func (r *report) cell(server, scenario, format string, of func(*load.Result) float64) string {
	var values []float64
	for _, result := range r.all(server, scenario) {
		values = append(values, of(result))
	}
	if len(values) == 0 {
		return ""
	}
	return fmt.Sprintf(format, median(values))
}
