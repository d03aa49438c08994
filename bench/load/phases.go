//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A run is a few phases, one after the other: arrive, then observe some feed
// and drain what it has sent, perhaps again, then report.

// feed says what there is to say at a time, and when it wants to be asked again.
type feed interface {
	step(now int64) (wake int64)
}

// closedFeed keeps as many messages of each sender in flight as the window says:
// when all have heard one, the next leaves.
type closedFeed struct {
	crowd  *crowd
	window int
	begun  bool
}

func (f *closedFeed) step(now int64) int64 {
	w := f.crowd
	if !f.begun {
		f.begun = true
		w.ready = append(w.ready[:0], w.senders...)
	}
	for i := 0; i < len(w.ready); i++ { // whoever is lost meanwhile may make more ready
		s := w.ready[i]
		// Where nobody is left to hear, a message would be done at once, and so
		// would the next, for ever.
		for s.inFlight < f.window && !s.client.excused && w.audience(s) > 0 {
			w.post(s, now)
		}
	}
	w.ready = w.ready[:0]
	return now + int64(time.Second)
}

// openFeed sends at fixed times, whether the server keeps up or not.
type openFeed struct {
	crowd    *crowd
	interval int64
	next     int64
	turn     int
}

func (f *openFeed) step(now int64) int64 {
	w := f.crowd
	w.ready = w.ready[:0]
	if f.next == 0 {
		f.next = now
	}
	for ; f.next <= now; f.next += f.interval {
		w.post(w.senders[f.turn%len(w.senders)], f.next)
		f.turn++
	}
	return f.next
}

// silence sends nothing.
type silence struct{ crowd *crowd }

func (f silence) step(now int64) int64 {
	f.crowd.ready = f.crowd.ready[:0]
	return now + int64(time.Second)
}

// arrive connects everyone and waits until all are in their rooms.
func (w *crowd) arrive(ctx context.Context) error {
	failed, err := w.connect(ctx, w.clients, w.opts.Parallel)
	if err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d connections were not opened: %s", failed, len(w.clients), w.notes[0])
	}
	return w.join(ctx)
}

// join speaks in each room until one message has been heard by all who are
// connected. A server may well answer the handshake before it has taken the
// client into the room.
func (w *crowd) join(ctx context.Context) error {
	w.joining = true
	defer func() { w.joining = false }()
	for _, r := range w.rooms {
		r.joined = false
	}
	deadline := nanos() + int64(w.opts.Patience)
	open := len(w.rooms)
	again := nanos()
	err := w.loop.run(func(now int64) (int64, bool) {
		if now >= again {
			again = now + int64(w.opts.Patience/15)
			w.knock(now)
		}
		open = w.unjoined()
		return now + int64(100*time.Millisecond), open > 0 && now < deadline && ctx.Err() == nil
	})
	if err != nil {
		return err
	}
	if open > 0 {
		return fmt.Errorf("in %d of %d rooms, a message did not reach everyone within %v", open, len(w.rooms), w.opts.Patience)
	}
	// Messages that were overtaken by a client's arrival are not awaited.
	w.awaited, w.ready = 0, w.ready[:0]
	for _, s := range w.senders {
		s.inFlight = 0
	}
	return ctx.Err()
}

// unjoined counts the rooms where the newest message is not with all yet.
func (w *crowd) unjoined() (open int) {
	for _, r := range w.rooms {
		if r.joined {
			continue
		}
		s := r.speaker()
		if r.joined = s == nil || s.slot(s.sent).left == 0; !r.joined {
			open++
		}
	}
	return open
}

// knock says something in each room that is not joined yet.
func (w *crowd) knock(now int64) {
	for _, r := range w.rooms {
		if s := r.speaker(); s != nil && !r.joined {
			w.post(s, now)
		}
	}
}

// speaker is the first sender who is connected.
func (r *room) speaker() *sender {
	for _, s := range r.senders {
		if !s.client.excused {
			return s
		}
	}
	return nil
}

// span is what happened between two looks at the clock and at the server.
type span struct {
	seconds, cpuSeconds, ownSeconds float64
	messages, deliveries            uint64
}

type reading struct {
	at                   int64
	cpu, own             time.Duration
	messages, deliveries uint64
}

func (w *crowd) reading() (reading, error) {
	cpu, err := w.server.cpu()
	return reading{nanos(), cpu, ownCPU(), w.messages, w.deliveries}, err
}

func (a reading) until(b reading) span {
	return span{
		seconds:    time.Duration(b.at - a.at).Seconds(),
		cpuSeconds: (b.cpu - a.cpu).Seconds(),
		ownSeconds: (b.own - a.own).Seconds(),
		messages:   b.messages - a.messages,
		deliveries: b.deliveries - a.deliveries,
	}
}

// observe lets the feed speak for a while. Latency begins anew.
func (w *crowd) observe(ctx context.Context, d time.Duration, f feed) (span, error) {
	before, err := w.reading()
	if err != nil {
		return span{}, err
	}
	w.latency.reset()
	w.since, w.lastHeard = before.at, before.at
	end := before.at + int64(d)
	err = w.loop.run(func(now int64) (int64, bool) {
		if now >= end || ctx.Err() != nil || w.stuck(now) {
			return 0, false
		}
		return min(f.step(now), end), true
	})
	if err != nil {
		return span{}, err
	}
	after, err := w.reading()
	return before.until(after), errors.Join(err, ctx.Err())
}

// stuck reports whether messages are awaited and none has come for too long.
func (w *crowd) stuck(now int64) bool {
	return w.awaited > 0 && now-w.lastHeard > int64(w.opts.Patience)
}

// drain waits until all that was said has been heard, or for as long as
// Options.Patience with nothing arriving. It reports whether all was.
func (w *crowd) drain(ctx context.Context) (bool, error) {
	w.lastHeard = nanos()
	err := w.loop.run(func(now int64) (int64, bool) {
		w.ready = w.ready[:0]
		return now + int64(50*time.Millisecond), w.awaited > 0 && !w.stuck(now) && ctx.Err() == nil
	})
	return w.awaited == 0, errors.Join(err, ctx.Err())
}

// linger serves the connections, saying nothing.
func (w *crowd) linger(ctx context.Context, d time.Duration) error {
	_, err := w.observe(ctx, d, silence{w})
	return err
}

// sayOnce lets everyone who is connected and a sender say one message, and
// waits until all are heard.
func (w *crowd) sayOnce(ctx context.Context) error {
	now := nanos()
	for _, s := range w.senders {
		w.post(s, now)
	}
	_, err := w.drain(ctx)
	return err
}

// report ends a run. s may be the zero span.
func (w *crowd) report(s span) Result {
	latency := w.latency.latency()
	stuck := w.awaited > 0
	w.countMissing()
	r := Result{
		Connections: len(w.clients), Seconds: s.seconds, Messages: s.messages, Deliveries: s.deliveries,
		CPUSeconds: s.cpuSeconds, GeneratorBusy: ratio(s.ownSeconds, s.seconds),
		Faults: w.faults, Stuck: stuck, Notes: w.notes,
	}
	if w.latency.count > 0 {
		r.Latency = &latency
	}
	return r
}
