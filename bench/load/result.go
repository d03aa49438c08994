//go:build linux

package load

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Result is what one run of one scenario found. What a scenario does not
// measure is zero and left out of the JSON.
type Result struct {
	Scenario    string `json:"scenario"`
	Target      string `json:"target"`
	Connections int    `json:"connections"`

	// Of the part that was measured, after the warm-up.
	Seconds    float64 `json:"seconds,omitempty"`
	Messages   uint64  `json:"messages,omitempty"`   // said
	Deliveries uint64  `json:"deliveries,omitempty"` // heard
	CPUSeconds float64 `json:"cpu_seconds,omitempty"`
	// GeneratorBusy is the generator's own share of a core. Near 1, the figures
	// are the generator's and not the server's.
	GeneratorBusy float64 `json:"generator_busy,omitempty"`

	Latency *Latency `json:"latency_ms,omitempty"`
	Memory  *Memory  `json:"memory,omitempty"`
	Stall   *Stall   `json:"stall,omitempty"`
	Storm   *Storm   `json:"storm,omitempty"`
	Connect *Connect `json:"connect,omitempty"`

	Faults Faults `json:"faults"`
	// Stuck is set when messages were missing for longer than Options.Patience
	// and the run was ended.
	Stuck bool     `json:"stuck,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// Latency is the time from when a message should have been sent until each
// receiver has it, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Memory is the server's resident memory in KiB.
type Memory struct {
	Base          float64 `json:"base_kib"`
	Full          float64 `json:"full_kib"`
	PerConnection float64 `json:"per_connection_kib"`
	SettleSeconds float64 `json:"settle_seconds"`
}

// Stall is what some receivers who stop reading do to the others.
type Stall struct {
	Stalled   int      `json:"stalled"`
	Before    *Latency `json:"before_ms"` // Result.Latency is that of the others, during
	MemoryMiB float64  `json:"memory_growth_mib"`
	// CutOff is how many of the stalled the server has closed, and CutSeconds
	// when it had closed the last of them, counted from when they stopped.
	CutOff     int     `json:"cut_off"`
	CutSeconds float64 `json:"cut_seconds"`
}

// Storm is a return of all clients at once.
type Storm struct {
	Failed        int     `json:"failed"` // could not come back
	ReturnSeconds float64 `json:"return_seconds"`
	ChatSeconds   float64 `json:"chat_seconds"` // until each has been heard by its room
	CPUSeconds    float64 `json:"cpu_seconds"`
}

// Connect is about new connections only.
type Connect struct {
	Opened       int     `json:"opened"`
	Failed       int     `json:"failed"`
	PerSecond    float64 `json:"per_second"`
	PerCPUSecond float64 `json:"per_cpu_second"`
}

// Faults are deliveries that were not as they should be.
type Faults struct {
	Missing   uint64 `json:"missing"`   // never came, or only corrupted
	Doubled   uint64 `json:"doubled"`   // came again
	Reordered uint64 `json:"reordered"` // came after a later one of the same sender
	Corrupted uint64 `json:"corrupted"` // is not what was sent
	Stray     uint64 `json:"stray"`     // of another room
	Echoed    uint64 `json:"echoed"`    // came to its sender, where it should not
	Lost      uint64 `json:"lost"`      // connections that ended
	// Disordered deliveries came in another order of senders than to other
	// receivers. Not every server promises one order for all, so this alone is
	// no failure. Where messages are missing it says little: whoever hears a
	// message first sets the order, and may have missed the one before.
	Disordered uint64 `json:"disordered"`
}

// Failed reports whether the server broke what every broadcast server promises.
func (f Faults) Failed() bool {
	f.Disordered = 0
	return f != Faults{}
}

func (f Faults) String() string {
	if f == (Faults{}) {
		return "none"
	}
	return fmt.Sprintf("%d missing, %d doubled, %d reordered, %d corrupted, %d stray, %d echoed, %d lost, %d disordered",
		f.Missing, f.Doubled, f.Reordered, f.Corrupted, f.Stray, f.Echoed, f.Lost, f.Disordered)
}

// PerSecond returns the deliveries in a second.
func (r *Result) PerSecond() float64 { return ratio(float64(r.Deliveries), r.Seconds) }

// PerCPUSecond returns the deliveries for each second of the server's CPU time.
func (r *Result) PerCPUSecond() float64 { return ratio(float64(r.Deliveries), r.CPUSeconds) }

// CPUPerMillion returns the server's CPU seconds for a million deliveries.
func (r *Result) CPUPerMillion() float64 { return ratio(r.CPUSeconds*1e6, float64(r.Deliveries)) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// WriteTable writes results for reading, a line each.
func WriteTable(w io.Writer, results []Result) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "target\tscenario\tconnections\tdeliveries/s\tCPU s/million\tp50 ms\tp99 ms\tother\tgenerator\tfaults")
	for i := range results {
		r := &results[i]
		fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%.0f%%\t%s\n", r.Target, r.Scenario, r.Connections,
			number("%.0f", r.PerSecond()), number("%.2f", r.CPUPerMillion()),
			number("%.1f", r.Percentiles().P50), number("%.1f", r.Percentiles().P99), r.other(), 100*r.GeneratorBusy, r.Verdict())
	}
	return tw.Flush()
}

// String sums a result up in one line.
func (r *Result) String() string {
	line := fmt.Sprintf("%s, %s:", r.Target, r.Scenario)
	if r.Deliveries > 0 && r.Storm == nil {
		line += fmt.Sprintf(" %.0f deliveries/s, %.2f CPU s/million,", r.PerSecond(), r.CPUPerMillion())
	}
	if r.Latency != nil {
		line += fmt.Sprintf(" p50 %.1f ms, p99 %.1f ms,", r.Latency.P50, r.Latency.P99)
	}
	if other := r.other(); other != "-" {
		line += " " + other + ","
	}
	return line + " faults: " + r.Verdict()
}

// Percentiles returns Latency, or zeros where none was measured.
func (r *Result) Percentiles() Latency {
	if r.Latency == nil {
		return Latency{}
	}
	return *r.Latency
}

// Verdict puts the faults into words.
func (r *Result) Verdict() string {
	if r.Stuck {
		return "stuck: " + r.Faults.String()
	}
	return r.Faults.String()
}

// other puts what only one scenario measures into words.
func (r *Result) other() string {
	switch {
	case r.Memory != nil:
		return fmt.Sprintf("%.2f KiB each", r.Memory.PerConnection)
	case r.Stall != nil:
		return fmt.Sprintf("p99 was %.1f, memory +%.1f MiB, %d of %d cut off in %.1f s",
			r.Stall.Before.P99, r.Stall.MemoryMiB, r.Stall.CutOff, r.Stall.Stalled, r.Stall.CutSeconds)
	case r.Storm != nil:
		return fmt.Sprintf("%d failed, back in %.1f s, chatting in %.1f s, %.1f s CPU",
			r.Storm.Failed, r.Storm.ReturnSeconds, r.Storm.ChatSeconds, r.Storm.CPUSeconds)
	case r.Connect != nil:
		return fmt.Sprintf("%.0f connections/s, %.0f a CPU second, %d failed",
			r.Connect.PerSecond, r.Connect.PerCPUSecond, r.Connect.Failed)
	}
	return "-"
}

// number leaves out what was not measured.
func number(format string, v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}
