//go:build linux

package load

import (
	"strings"
	"time"
)

// Target is the server that is measured.
type Target struct {
	Name string
	// URL is ws://… or wss://…, with {room} where the room's name belongs. If it
	// has no {room}, the server has one room, and scenarios that need several
	// are refused.
	URL string
	// FileURL is http://… or https://…, a small file, for the scenario gets.
	FileURL string
	Dialect Dialect
	// Echo is set if the server sends a message to its sender too.
	Echo bool
	// PIDs are the server's processes.
	PIDs []int
}

func (t Target) hasRooms() bool { return strings.Contains(t.URL, "{room}") }

// Options are the limits of a run.
type Options struct {
	// Warmup is the time before Measure, and is not counted. Defaults: 1 s and
	// 5 s.
	Warmup, Measure time.Duration
	// Patience is how long nothing may arrive while messages are pending. After
	// that the run ends. Default: 15 s.
	Patience time.Duration
	// Settle is the longest time to wait until the server's memory is stable.
	// Default: 60 s.
	Settle time.Duration
	// Connections is how many the scenarios idle and storm open. Defaults:
	// 10,000 and 19,000.
	Connections int
	// Parallel is how many connections are opened at a time. Default: 64.
	Parallel int
}

func (o Options) withDefaults() Options {
	setDefault(&o.Warmup, time.Second)
	setDefault(&o.Measure, 5*time.Second)
	setDefault(&o.Patience, 15*time.Second)
	setDefault(&o.Settle, time.Minute)
	setDefault(&o.Parallel, 64)
	return o
}

func setDefault[T int | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

// connectionCount is how many connections idle and storm open.
func (o Options) connectionCount(byDefault int) int {
	if o.Connections > 0 {
		return o.Connections
	}
	return byDefault
}
