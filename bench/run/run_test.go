//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/bench/load"
)

func TestNames_AllExist(t *testing.T) {
	for _, s := range servers() {
		for _, need := range s.needs {
			if builders[need] == nil {
				t.Errorf("server %s needs %q, which nothing builds", s.name, need)
			}
		}
		for _, name := range s.skip {
			mustBeScenario(t, name)
		}
		if s.dialect != "" {
			if _, err := load.DialectNamed(s.dialect); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range columns {
		mustBeScenario(t, c.scenario)
	}
	for _, g := range goals {
		for _, f := range []*figure{&g.value, g.divisor} {
			if f == nil {
				continue
			}
			mustBeScenario(t, f.scenario)
			if _, err := chooseServers([]string{f.server}); err != nil {
				t.Error(err)
			}
		}
	}
}

// The chart in the documents is that of the newest results that have all servers, and the READMEs
// say of it, to those who cannot see it, what it shows.
func TestChart_OfTheDocuments_IsMadeOfResults(t *testing.T) {
	const chart, scenario = "../../docs/images/speed.svg", "A10"
	files, err := filepath.Glob("../results/*.json") // their names begin with the time
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`text-anchor="end">([^<]*)<.*>([\d.]+)</text>`)
	results, want, bars := "", "", 0
	for _, file := range files {
		r, err := readReport(file)
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := r.chart(scenario)
		if n := strings.Count(drawn, `text-anchor="end"`); err == nil && n >= bars {
			results, want, bars = file, drawn, n
		}
		if _, err := r.chart("nothing"); err == nil {
			t.Error("there is a chart without results")
		}
	}
	got, err := os.ReadFile(chart)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want || bars < 10 {
		t.Errorf("%s is another one: go run ./bench/run -chart bench/results/%s > docs/images/speed.svg", chart, filepath.Base(results))
	}
	var ours, c, others []float64
	for _, m := range name.FindAllStringSubmatch(want, -1) {
		cost, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(m[1], "caddy-chat"):
			ours = append(ours, cost)
		case strings.HasPrefix(m[1], "C, "):
			c = append(c, cost)
		default:
			others = append(others, cost)
		}
	}
	for file, form := range map[string]string{
		"../../README.md":       "caddy-chat takes %.1f to %.1f CPU seconds, the C programs %.1f and %.1f, all others %.1f to %.0f]",
		"../../README.zh-CN.md": "caddy-chat 用 %.1f 到 %.1f 个 CPU 秒，C 程序用 %.1f 和 %.1f，其他的用 %.1f 到 %.0f]",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if says := fmt.Sprintf(form, slices.Min(ours), slices.Max(ours), c[0], c[1], slices.Min(others), slices.Max(others)); !strings.Contains(string(text), says) {
			t.Errorf("%s does not say: %s", file, says)
		}
	}
}

func mustBeScenario(t *testing.T, name string) {
	t.Helper()
	if _, err := load.ScenarioNamed(name); err != nil {
		t.Error(err)
	}
}

func TestGoal_Result_IsTheMedianOfTheRoundsRatios(t *testing.T) {
	g := goal{
		value: figure{ours, "A1", perCPU}, divisor: &figure{"c", "A1", perCPU}, atLeast: 0.9,
	}
	// The machine was twice as fast in the second round, for both.
	rounds := [][]load.Result{
		{a1(ours, 80), a1("c", 100)},
		{a1(ours, 190), a1("c", 200)},
		{a1(ours, 99), a1("c", 100)},
		{a1(ours, 500)}, // nothing to compare with
	}
	v, ok := g.result(rounds)
	if !ok || v != 0.95 || g.verdict(v) != "yes" {
		t.Errorf("%v %v %s", v, ok, g.verdict(v))
	}
	if _, ok := g.result(rounds[3:]); ok {
		t.Error("a ratio of one figure")
	}
}

func a1(server string, deliveries uint64) load.Result {
	return load.Result{Target: server, Scenario: "A1", Seconds: 1, CPUSeconds: 1, Deliveries: deliveries}
}

func TestReport_Markdown_ShowsWhatThereIs(t *testing.T) {
	r := report{Date: "2026-01-02", Commit: "abc", Scenarios: []string{"A1", "idle"}}
	r.add(0, a1(ours, 123_000))
	r.add(0, a1("c", 100_000))
	r.add(0, a1("gorilla", 50_000))
	lossy := a1("gws", 50_000)
	lossy.Faults.Missing = 7
	r.add(1, lossy)
	r.fail(1, "ws", "A1", errTest)
	text := r.markdown()
	for _, want := range []string{
		"| server | A1 deliveries/s | A1 CPU s per million |\n",
		"| caddy-chat, ws | 123k | 8.1 |",
		"| gorilla chat example (Go) | 0.50 |  |  |\n",
		"| A1, deliveries per CPU second, to C with one write a delivery | 1.23 | at least 0.9 | yes |",
		"- round 2: gws, A1: 7 missing,",
		"- no result: round 2: ws, A1: it broke\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "KiB a") {
		t.Error("a goal that was not measured")
	}
}

func TestReport_Write_IsReadAgain(t *testing.T) {
	r := report{Date: "2026-01-02", Commit: "abc", Scenarios: []string{"A1"}}
	r.add(0, a1(ours, 123_000))
	dir := t.TempDir()
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q, %v", files, err)
	}
	again, err := readReport(files[0])
	if err != nil || again.markdown() != r.markdown() {
		t.Errorf("%v, read again:\n%s", err, again.markdown())
	}
}

type testError string

func (e testError) Error() string { return string(e) }

const errTest testError = "it broke\nwith details"
