//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Target is the server that is measured.
type Target struct {
	Name string
	// URL is ws://… or wss://…, with {room} where the room's name belongs.
	// Without it, the server has one room, and only scenarios of one room fit.
	URL string
	// FileURL is http://… or https://…, a small file, for the scenario gets.
	FileURL string
	Dialect Dialect
	// Echo is set if the server sends a message to its sender, too.
	Echo bool
	// PIDs are the server's processes.
	PIDs []int
}

// Options bound a run.
type Options struct {
	// Warmup is played before Measure, and not counted. Defaults: 1 s and 5 s.
	Warmup, Measure time.Duration
	// Patience is how long nothing may arrive while something should. Default
	// 15 s.
	Patience time.Duration
	// Settle is how long the server's memory may take to come to rest. Default
	// 60 s.
	Settle time.Duration
	// Connections is how many the scenarios idle and storm open. Defaults:
	// 10,000 and 19,000.
	Connections int
	// Parallel is how many connections are opened at a time. Default 64.
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

// Scenario is one way to load a server.
type Scenario struct {
	Name  string
	About string
	play  func(context.Context, Target, Options) (Result, error)
	rooms bool // needs more than one
}

// payload is the size of a message where the scenario is not about size.
const payload = 128

// Scenarios returns all of them.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "A1", About: "1 sender, the next message when all 1000 receivers have the last",
			play: closed(1, shape{rooms: 1, senders: 1, receivers: 1000})},
		{Name: "A10", About: "10 senders with 3 messages in flight each, 1000 receivers",
			play: closed(3, shape{rooms: 1, senders: 10, receivers: 1000})},
		{Name: "A80", About: "10 senders with 8 messages in flight each, 1000 receivers",
			play: closed(8, shape{rooms: 1, senders: 10, receivers: 1000})},
		{Name: "B", About: "10,000 receivers, 10 messages a second whether the server keeps up or not",
			play: open(10, shape{rooms: 1, senders: 1, receivers: 10_000})},
		{Name: "idle", About: "memory for each of 10,000 connections that have spoken, heard and gone quiet",
			play: idle},
		{Name: "rooms", About: "1000 rooms of 10, in each one sender with one message in flight", rooms: true,
			play: closed(1, shape{rooms: 1000, senders: 1, receivers: 9})},
		{Name: "room10000", About: "a room of 10,000, one sender with one message in flight",
			play: closed(1, shape{rooms: 1, senders: 1, receivers: 9999})},
		{Name: "room100", About: "a room of 100, one sender with one message in flight",
			play: closed(1, shape{rooms: 1, senders: 1, receivers: 99})},
		{Name: "crowded", About: "A1 with 9000 bystanders in 900 other rooms", rooms: true,
			play: closed(1, shape{rooms: 1, senders: 1, receivers: 1000, bystanders: 9000})},
		{Name: "stall", About: "500 of 1000 receivers stop reading, 25 messages of 16 KB a second",
			play: stall(25, shape{rooms: 1, senders: 1, receivers: 1000, stallers: 500, payload: 16 << 10})},
		{Name: "storm", About: "19,000 connections drop and return at once",
			play: storm},
		{Name: "connects", About: "handshakes a second: TCP, TLS if the URL says so, WebSocket",
			play: connects},
		{Name: "gets", About: "requests a second of a small file, each on a new connection",
			play: gets},
	}
}

// ScenarioNamed returns the scenario of that name.
func ScenarioNamed(name string) (Scenario, error) {
	var names []string
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Scenario{}, fmt.Errorf("scenario %q is none of %s", name, strings.Join(names, ", "))
}

// Run plays a scenario. Faults of the server are in the Result; an error means
// that there is none.
func Run(ctx context.Context, t Target, s Scenario, opts Options) (Result, error) {
	if s.rooms && !t.hasRooms() {
		return Result{}, fmt.Errorf("scenario %s: %s has one room only", s.Name, t.URL)
	}
	result, err := s.play(ctx, t, opts.withDefaults())
	if err != nil {
		return Result{}, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	result.Scenario, result.Target = s.Name, t.Name
	return result, nil
}

func (t Target) hasRooms() bool { return strings.Contains(t.URL, "{room}") }

// closed plays a closed loop with so many messages of each sender in flight.
func closed(window int, s shape) func(context.Context, Target, Options) (Result, error) {
	return func(ctx context.Context, t Target, opts Options) (Result, error) {
		s := s
		s.history = 4 * window
		return play(ctx, t, opts, s, func(w *crowd) feed { return &closedFeed{crowd: w, window: window} })
	}
}

// open plays an open loop with so many messages a second.
func open(rate int, s shape) func(context.Context, Target, Options) (Result, error) {
	return func(ctx context.Context, t Target, opts Options) (Result, error) {
		s := s
		s.history = s.needed(rate, opts.Warmup+opts.Measure)
		return play(ctx, t, opts, s, func(w *crowd) feed {
			return &openFeed{crowd: w, interval: int64(time.Second) / int64(rate)}
		})
	}
}

// needed is the history for an open loop: a server may have heard nothing yet
// when the last message is sent.
func (s shape) needed(rate int, d time.Duration) int {
	return rate*int(d/time.Second+2)/(s.rooms*s.senders) + 16
}

// play warms a crowd up, measures, and waits for what is still on its way.
func play(ctx context.Context, t Target, opts Options, s shape, makeFeed func(*crowd) feed) (r Result, err error) {
	if s.payload == 0 {
		s.payload = payload
	}
	w, err := newCrowd(t, opts, s)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.arrive(ctx); err != nil {
		return r, err
	}
	f := makeFeed(w)
	if _, err := w.observe(ctx, opts.Warmup, f); err != nil {
		return r, err
	}
	measured, err := w.observe(ctx, opts.Measure, f)
	if err != nil {
		return r, err
	}
	if _, err := w.drain(ctx); err != nil {
		return r, err
	}
	return w.report(measured), nil
}

// connected is how many connections idle and storm open.
func (o Options) connected(otherwise int) int {
	if o.Connections > 0 {
		return o.Connections
	}
	return otherwise
}
