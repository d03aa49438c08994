//go:build linux

package load

import (
	"context"
	"errors"
	"slices"
	"time"
)

// stall measures what receivers who stop reading do to the others. Messages
// are large, since the kernel holds some 2.5 MB for each of the stalled before
// the server notices that they do not read.
func stall(rate int, s shape) func(context.Context, Target, Options) (Result, error) {
	return func(ctx context.Context, t Target, opts Options) (r Result, err error) {
		s := s
		phase := 4 * opts.Measure
		s.history = s.needed(rate, phase)
		w, err := newCrowd(t, opts, s)
		if err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, w.close()) }()
		if err := w.arrive(ctx); err != nil {
			return r, err
		}
		interval := int64(time.Second) / int64(rate)
		if _, err := w.observe(ctx, opts.Measure, &openFeed{crowd: w, interval: interval}); err != nil {
			return r, err
		}
		if _, err := w.drain(ctx); err != nil {
			return r, err
		}
		var found Stall
		if before := w.latency.latency(); w.latency.count > 0 {
			found.Before = &before
		}
		watch := &stallFeed{openFeed: openFeed{crowd: w, interval: interval}, found: &found}
		if err := watch.begin(); err != nil {
			return r, err
		}
		defer w.dropStallers()
		found.Stalled = len(w.stallers)
		measured, err := w.observe(ctx, phase, watch)
		if err = errors.Join(err, watch.err); err != nil {
			return r, err
		}
		if _, err := w.drain(ctx); err != nil {
			return r, err
		}
		r = w.report(measured)
		r.Stall = &found
		return r, nil
	}
}

// stopReading takes the stallers' sockets out of the loop and leaves them open.
func (w *crowd) stopReading() {
	w.stallers = slices.DeleteFunc(w.stallers, func(c *client) bool { return c.excused })
	for _, c := range w.stallers {
		w.loop.remove(c)
		w.excuse(c)
	}
}

func (w *crowd) dropStallers() {
	for _, c := range w.stallers {
		c.drop()
	}
}

// stallFeed is an open loop that watches the server's memory and descriptors
// meanwhile. A socket that is not read does not tell that it has been closed,
// but the server has a descriptor less.
type stallFeed struct {
	openFeed
	found   *Stall
	began   int64
	look    int64 // when to look next
	memory  float64
	sockets int
	err     error
}

func (f *stallFeed) begin() (err error) {
	if f.memory, err = f.crowd.server.rss(); err != nil {
		return err
	}
	if f.sockets, err = f.crowd.server.descriptors(); err != nil {
		return err
	}
	f.crowd.stopReading()
	f.began = nanos()
	return nil
}

func (f *stallFeed) step(now int64) int64 {
	wake := f.openFeed.step(now)
	if now >= f.look && f.err == nil {
		f.look = now + int64(200*time.Millisecond)
		f.err = f.inspect(now)
	}
	return wake
}

func (f *stallFeed) inspect(now int64) error {
	memory, err := f.crowd.server.rss()
	if err != nil {
		return err
	}
	sockets, err := f.crowd.server.descriptors()
	if err != nil {
		return err
	}
	f.found.MemoryMiB = max(f.found.MemoryMiB, (memory-f.memory)/1024)
	if gone := f.sockets - sockets; gone > f.found.CutOff {
		f.found.CutOff = gone
		f.found.CutSeconds = time.Duration(now - f.began).Seconds()
	}
	return nil
}
