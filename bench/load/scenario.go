//go:build linux

package load

import (
	"context"
	"fmt"
	"strings"
)

// Scenario is one way to load a server.
type Scenario struct {
	Name  string
	About string
	run   func(context.Context, Target, Options) (Result, error)
	rooms bool // needs several rooms
}

// Scenarios returns all of them.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "A1", About: "1 sender, 1 message in flight, 1000 receivers",
			run: runClosed(1, shape{rooms: 1, senders: 1, receivers: 1000})},
		{Name: "A10", About: "10 senders with 3 messages in flight each, 1000 receivers",
			run: runClosed(3, shape{rooms: 1, senders: 10, receivers: 1000})},
		{Name: "A80", About: "10 senders with 8 messages in flight each, 1000 receivers",
			run: runClosed(8, shape{rooms: 1, senders: 10, receivers: 1000})},
		{Name: "B", About: "10,000 receivers, 10 messages a second, whether or not the server keeps up",
			run: runOpen(10, shape{rooms: 1, senders: 1, receivers: 10_000})},
		{Name: "idle", About: "memory of each of 10,000 idle connections that have sent and received before",
			run: idle},
		{Name: "rooms", About: "1000 rooms of 10, in each 1 sender with 1 message in flight", rooms: true,
			run: runClosed(1, shape{rooms: 1000, senders: 1, receivers: 9})},
		{Name: "room10000", About: "a room of 10,000, 1 sender with 1 message in flight",
			run: runClosed(1, shape{rooms: 1, senders: 1, receivers: 9999})},
		{Name: "room100", About: "a room of 100, 1 sender with 1 message in flight",
			run: runClosed(1, shape{rooms: 1, senders: 1, receivers: 99})},
		{Name: "crowded", About: "A1 with 9000 idle clients in 900 other rooms", rooms: true,
			run: runClosed(1, shape{rooms: 1, senders: 1, receivers: 1000, bystanders: 9000})},
		{Name: "stall", About: "500 of 1000 receivers stop reading, 25 messages of 16 KB a second",
			run: stall(25, shape{rooms: 1, senders: 1, receivers: 1000, stalled: 500, payload: 16 << 10})},
		{Name: "flood", About: "10 connections send pings, pongs or empty fragments without end; 200 messages a second to 9 receivers", rooms: true,
			run: flood(10, 200, shape{rooms: 1, senders: 1, receivers: 9})},
		{Name: "storm", About: "19,000 connections are reset and opened again, all at once",
			run: storm},
		{Name: "connects", About: "handshakes a second: TCP, TLS if the URL is wss, WebSocket",
			run: connects},
		{Name: "gets", About: "requests a second of a small file, each on a new connection",
			run: gets},
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

// Run runs a scenario. Faults of the server are in the Result. After an error
// there is no Result.
func Run(ctx context.Context, t Target, s Scenario, opts Options) (Result, error) {
	if s.rooms && !t.hasRooms() {
		return Result{}, fmt.Errorf("scenario %s: %s has one room only", s.Name, t.URL)
	}
	result, err := s.run(ctx, t, opts.withDefaults())
	if err != nil {
		return Result{}, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	result.Scenario, result.Target = s.Name, t.Name
	return result, nil
}
