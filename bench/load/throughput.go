//go:build linux

package load

import (
	"context"
	"errors"
	"time"
)

// runClosed returns a closed loop with window messages of each sender in flight.
func runClosed(window int, s shape) func(context.Context, Target, Options) (Result, error) {
	return func(ctx context.Context, t Target, opts Options) (Result, error) {
		s := s
		s.keep = 4 * window
		return runSchedule(ctx, t, opts, s, func(g *generator) schedule { return &closedLoop{generator: g, window: window} })
	}
}

// runOpen returns an open loop with rate messages a second.
func runOpen(rate int, s shape) func(context.Context, Target, Options) (Result, error) {
	return func(ctx context.Context, t Target, opts Options) (Result, error) {
		s := s
		s.keep = s.messagesToKeep(rate, opts.Warmup+opts.Measure)
		return runSchedule(ctx, t, opts, s, func(g *generator) schedule {
			return &openLoop{generator: g, interval: int64(time.Second) / int64(rate)}
		})
	}
}

// runSchedule warms up, measures, and waits for the messages that are pending.
func runSchedule(ctx context.Context, t Target, opts Options, s shape, newSchedule func(*generator) schedule) (r Result, err error) {
	if s.payload == 0 {
		s.payload = payload
	}
	g, err := newGenerator(t, opts, s)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.connectAndJoin(ctx); err != nil {
		return r, err
	}
	f := newSchedule(g)
	if _, err := g.observe(ctx, opts.Warmup, f); err != nil {
		return r, err
	}
	measured, err := g.observe(ctx, opts.Measure, f)
	if err != nil {
		return r, err
	}
	if _, err := g.drain(ctx); err != nil {
		return r, err
	}
	return g.report(measured), nil
}
