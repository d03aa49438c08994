//go:build linux

package load

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Result is the outcome of one run of one scenario. What a scenario does not
// measure is zero, and left out of the JSON.
type Result struct {
	Scenario    string `json:"scenario"`
	Target      string `json:"target"`
	Connections int    `json:"connections"`

	// These are of the time that is measured, after the warm-up.
	Seconds    float64 `json:"seconds,omitempty"`
	Messages   uint64  `json:"messages,omitempty"`   // sent
	Deliveries uint64  `json:"deliveries,omitempty"` // received
	CPUSeconds float64 `json:"cpu_seconds,omitempty"`
	// GeneratorBusy is the generator's own share of a core. If it is near 1, the
	// generator limits the figures and not the server.
	GeneratorBusy float64 `json:"generator_busy,omitempty"`

	Latency *Latency `json:"latency_ms,omitempty"`
	Memory  *Memory  `json:"memory,omitempty"`
	Stall   *Stall   `json:"stall,omitempty"`
	Flood   *Flood   `json:"flood,omitempty"`
	Storm   *Storm   `json:"storm,omitempty"`
	Connect *Connect `json:"connect,omitempty"`

	Faults Faults `json:"faults"`
	// Stuck is set if the run was ended because messages were pending and none had
	// come for Options.Patience.
	Stuck bool     `json:"stuck,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// Latency is the time from when a message should have been sent until a receiver
// has it, in milliseconds.
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

// Stall is what happens while some receivers do not read.
type Stall struct {
	Stalled   int      `json:"stalled"`
	Before    *Latency `json:"before_ms"` // Result.Latency is that of the other receivers, meanwhile
	MemoryMiB float64  `json:"memory_growth_mib"`
	// CutOff is how many stalled connections the server has closed, and CutSeconds
	// the time from when they stopped reading until it closed the last of these.
	CutOff     int     `json:"cut_off"`
	CutSeconds float64 `json:"cut_seconds"`
}

// Flood is what happens while some connections send what is no message, without end.
type Flood struct {
	Before *Latency `json:"before_ms"` // Result.Latency is meanwhile
	CutOff int      `json:"cut_off"`   // how often the server has ended one
	MiB    float64  `json:"sent_mib"`
}

// Storm is about the return of all clients at once.
type Storm struct {
	Failed        int     `json:"failed"` // could not connect again
	ReturnSeconds float64 `json:"return_seconds"`
	ChatSeconds   float64 `json:"chat_seconds"` // until each has sent a message that its room received
	CPUSeconds    float64 `json:"cpu_seconds"`
}

// Connect is about new connections only.
type Connect struct {
	Opened       int     `json:"opened"`
	Failed       int     `json:"failed"`
	PerSecond    float64 `json:"per_second"`
	PerCPUSecond float64 `json:"per_cpu_second"`
}

// Faults counts wrong deliveries and lost connections.
type Faults struct {
	Missing   uint64 `json:"missing"`   // never came, or came corrupted
	Doubled   uint64 `json:"doubled"`   // came more than once
	Reordered uint64 `json:"reordered"` // came after a later one of the same sender
	Corrupted uint64 `json:"corrupted"` // is not what was sent
	Stray     uint64 `json:"stray"`     // of another room
	Echoed    uint64 `json:"echoed"`    // came to its sender, although Target.Echo is not set
	Lost      uint64 `json:"lost"`      // connections that ended
	// Disordered deliveries came in another order than to other receivers. Not
	// every server promises one order for all, so this alone is no failure. If
	// messages are missing it says little: the first client that receives a
	// message sets the order, and may have missed the one before.
	Disordered uint64 `json:"disordered"`
}

// Failed reports whether there is a fault that no broadcast server should have.
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

// WriteTable writes results as a table, one on each line.
func WriteTable(w io.Writer, results []Result) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "target\tscenario\tconnections\tdeliveries/s\tCPU s/million\tp50 ms\tp99 ms\tother\tgenerator\tfaults")
	for i := range results {
		r := &results[i]
		fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%.0f%%\t%s\n", r.Target, r.Scenario, r.Connections,
			number("%.0f", r.PerSecond()), number("%.2f", r.CPUPerMillion()),
			number("%.1f", r.Percentiles().P50), number("%.1f", r.Percentiles().P99), r.details(), 100*r.GeneratorBusy, r.Verdict())
	}
	return tw.Flush()
}

// String returns a result as one line.
func (r *Result) String() string {
	line := fmt.Sprintf("%s, %s:", r.Target, r.Scenario)
	if r.Deliveries > 0 && r.Storm == nil {
		line += fmt.Sprintf(" %.0f deliveries/s, %.2f CPU s/million,", r.PerSecond(), r.CPUPerMillion())
	}
	if r.Latency != nil {
		line += fmt.Sprintf(" p50 %.1f ms, p99 %.1f ms,", r.Latency.P50, r.Latency.P99)
	}
	if details := r.details(); details != "-" {
		line += " " + details + ","
	}
	return line + " faults: " + r.Verdict()
}

// Percentiles returns Latency, or zeros if none was measured.
func (r *Result) Percentiles() Latency {
	if r.Latency == nil {
		return Latency{}
	}
	return *r.Latency
}

// Verdict returns the faults as text.
func (r *Result) Verdict() string {
	if r.Stuck {
		return "stuck: " + r.Faults.String()
	}
	return r.Faults.String()
}

// details returns as text what only one scenario measures.
func (r *Result) details() string {
	switch {
	case r.Memory != nil:
		return fmt.Sprintf("%.2f KiB each", r.Memory.PerConnection)
	case r.Stall != nil:
		return fmt.Sprintf("p99 was %.1f, memory +%.1f MiB, %d of %d cut off in %.1f s",
			r.Stall.Before.P99, r.Stall.MemoryMiB, r.Stall.CutOff, r.Stall.Stalled, r.Stall.CutSeconds)
	case r.Flood != nil:
		return fmt.Sprintf("p99 was %.1f, %.0f MiB sent, %d cut off", r.Flood.Before.P99, r.Flood.MiB, r.Flood.CutOff)
	case r.Storm != nil:
		return fmt.Sprintf("%d failed, connected again in %.1f s, all received in %.1f s, %.1f s CPU",
			r.Storm.Failed, r.Storm.ReturnSeconds, r.Storm.ChatSeconds, r.Storm.CPUSeconds)
	case r.Connect != nil:
		return fmt.Sprintf("%.0f connections/s, %.0f a CPU second, %d failed",
			r.Connect.PerSecond, r.Connect.PerCPUSecond, r.Connect.Failed)
	}
	return "-"
}

// number returns "-" for what was not measured.
func number(format string, v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}
