//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A run is a sequence of phases: connectAndJoin, then observe with a schedule and
// drain, perhaps again, then report.

// schedule sends messages. step sends those that are due, and returns when it
// must be called again at the latest.
type schedule interface {
	step(now int64) (wake int64)
}

// closedLoop keeps window messages of each sender in flight. When all have
// received one, it sends the next.
type closedLoop struct {
	generator *generator
	window    int
	begun     bool
}

func (f *closedLoop) step(now int64) int64 {
	g := f.generator
	if !f.begun {
		f.begun = true
		g.ready = append(g.ready[:0], g.senders...)
	}
	for i := 0; i < len(g.ready); i++ { // a connection lost here may add more
		s := g.ready[i]
		// Without a receiver, a message is complete at once. The loop would never
		// end.
		for s.inFlight < f.window && !s.client.inactive && g.receiverCount(s) > 0 {
			g.send(s, now)
		}
	}
	g.ready = g.ready[:0]
	return now + int64(time.Second)
}

// openLoop sends at fixed times, whether or not the server keeps up.
type openLoop struct {
	generator *generator
	interval  int64
	next      int64
	turn      int
}

func (f *openLoop) step(now int64) int64 {
	g := f.generator
	g.ready = g.ready[:0]
	if f.next == 0 {
		f.next = now
	}
	for ; f.next <= now; f.next += f.interval {
		g.send(g.senders[f.turn%len(g.senders)], f.next)
		f.turn++
	}
	return f.next
}

// sendNothing is a schedule without messages.
type sendNothing struct{ generator *generator }

func (f sendNothing) step(now int64) int64 {
	f.generator.ready = f.generator.ready[:0]
	return now + int64(time.Second)
}

// connectAndJoin connects all clients and waits until they are in their rooms.
func (g *generator) connectAndJoin(ctx context.Context) error {
	failed, err := g.connect(ctx, g.clients, g.opts.Parallel)
	if err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d connections were not opened: %s", failed, len(g.clients), g.notes[0])
	}
	return g.join(ctx)
}

// join sends messages in each room until all connected clients have received
// one. A server may answer the handshake before the client is in the room.
func (g *generator) join(ctx context.Context) error {
	g.joining = true
	defer func() { g.joining = false }()
	for _, r := range g.rooms {
		r.joined = false
	}
	deadline := nanos() + int64(g.opts.Patience)
	open := len(g.rooms)
	again := nanos()
	err := g.loop.run(func(now int64) (int64, bool) {
		if now >= again {
			again = now + int64(g.opts.Patience/15)
			g.sendProbes(now)
		}
		open = g.unjoined()
		return now + int64(100*time.Millisecond), open > 0 && now < deadline && ctx.Err() == nil
	})
	if err != nil {
		return err
	}
	if open > 0 {
		return fmt.Errorf("in %d of %d rooms, a message did not reach all clients within %v", open, len(g.rooms), g.opts.Patience)
	}
	// Messages sent before all clients had joined are not pending.
	g.pending, g.ready = 0, g.ready[:0]
	for _, s := range g.senders {
		s.inFlight = 0
	}
	return ctx.Err()
}

// unjoined counts the rooms where some client has not received the newest message.
func (g *generator) unjoined() (open int) {
	for _, r := range g.rooms {
		if r.joined {
			continue
		}
		s := r.firstConnected()
		if r.joined = s == nil || s.sentMessage(s.sent).left == 0; !r.joined {
			open++
		}
	}
	return open
}

// sendProbes sends a message in each room that is not joined yet.
func (g *generator) sendProbes(now int64) {
	for _, r := range g.rooms {
		if s := r.firstConnected(); s != nil && !r.joined {
			g.send(s, now)
		}
	}
}

// firstConnected is the first sender that is connected, or nil.
func (r *room) firstConnected() *sender {
	for _, s := range r.senders {
		if !s.client.inactive {
			return s
		}
	}
	return nil
}

// measurement is the difference of two samples.
type measurement struct {
	seconds, cpuSeconds, ownSeconds float64
	messages, deliveries            uint64
}

// sample is the time, the CPU time used and the counters at one moment.
type sample struct {
	at                   int64
	cpu, own             time.Duration
	messages, deliveries uint64
}

func (g *generator) takeSample() (sample, error) {
	cpu, err := g.server.cpu()
	return sample{nanos(), cpu, ownCPU(), g.messages, g.deliveries}, err
}

func (a sample) until(b sample) measurement {
	return measurement{
		seconds:    time.Duration(b.at - a.at).Seconds(),
		cpuSeconds: (b.cpu - a.cpu).Seconds(),
		ownSeconds: (b.own - a.own).Seconds(),
		messages:   b.messages - a.messages,
		deliveries: b.deliveries - a.deliveries,
	}
}

// observe runs the schedule for a time. It resets the latency before.
func (g *generator) observe(ctx context.Context, d time.Duration, f schedule) (measurement, error) {
	before, err := g.takeSample()
	if err != nil {
		return measurement{}, err
	}
	g.latency.reset()
	g.since, g.lastReceived = before.at, before.at
	end := before.at + int64(d)
	err = g.loop.run(func(now int64) (int64, bool) {
		if now >= end || ctx.Err() != nil || g.stuck(now) {
			return 0, false
		}
		return min(f.step(now), end), true
	})
	if err != nil {
		return measurement{}, err
	}
	after, err := g.takeSample()
	return before.until(after), errors.Join(err, ctx.Err())
}

// stuck reports whether messages are pending and none has come for too long.
func (g *generator) stuck(now int64) bool {
	return g.pending > 0 && now-g.lastReceived > int64(g.opts.Patience)
}

// drain waits until no message is pending, or until none has come for
// Options.Patience. It reports whether no message is pending.
func (g *generator) drain(ctx context.Context) (bool, error) {
	g.lastReceived = nanos()
	err := g.loop.run(func(now int64) (int64, bool) {
		g.ready = g.ready[:0]
		return now + int64(50*time.Millisecond), g.pending > 0 && !g.stuck(now) && ctx.Err() == nil
	})
	return g.pending == 0, errors.Join(err, ctx.Err())
}

// serveFor serves the connections for a time and sends no messages.
func (g *generator) serveFor(ctx context.Context, d time.Duration) error {
	_, err := g.observe(ctx, d, sendNothing{g})
	return err
}

// sendOneEach sends one message of each sender that is connected, and waits until
// all have been received.
func (g *generator) sendOneEach(ctx context.Context) error {
	now := nanos()
	for _, s := range g.senders {
		g.send(s, now)
	}
	_, err := g.drain(ctx)
	return err
}

// report ends a run and returns its Result. m may be zero.
func (g *generator) report(m measurement) Result {
	latency := g.latency.latency()
	stuck := g.pending > 0
	g.countMissing()
	r := Result{
		Connections: len(g.clients), Seconds: m.seconds, Messages: m.messages, Deliveries: m.deliveries,
		CPUSeconds: m.cpuSeconds, GeneratorBusy: ratio(m.ownSeconds, m.seconds),
		Faults: g.faults, Stuck: stuck, Notes: g.notes,
	}
	if g.latency.count > 0 {
		r.Latency = &latency
	}
	return r
}
