//go:build linux

package load

import (
	"context"
	"errors"
	"math"
	"time"
)

// idle measures the memory of idle connections. Each of them has sent and
// received a message before: memory that the server allocated for that and has not
// freed is counted.
func idle(ctx context.Context, t Target, opts Options) (r Result, err error) {
	n := opts.connectionCount(10_000)
	base, err := baseMemory(ctx, t, opts)
	if err != nil {
		return r, err
	}
	g, err := newGenerator(t, opts, allSend(t, n))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.connectAndJoin(ctx); err != nil {
		return r, err
	}
	if err := g.sendOneEach(ctx); err != nil {
		return r, err
	}
	full, took, err := g.awaitStableMemory(ctx)
	if err != nil {
		return r, err
	}
	r = g.report(measurement{})
	r.Latency = nil
	r.Memory = &Memory{
		Base: base, Full: full, SettleSeconds: took.Seconds(),
		PerConnection: (full - base) / float64(len(g.clients)),
	}
	return r, nil
}

// allSend is a shape in which all clients send, in rooms of ten. If the server has
// one room, only one client sends: a message from each of 10,000 to all would
// take an hour.
func allSend(t Target, n int) shape {
	if !t.hasRooms() {
		return shape{rooms: 1, senders: 1, receivers: n - 1, payload: payload}
	}
	return shape{rooms: max(n/10, 1), senders: min(n, 10), payload: payload}
}

// baseMemory is the server's memory after ten clients have sent, received and
// left. By then it has allocated what it needs whatever the number of clients.
func baseMemory(ctx context.Context, t Target, opts Options) (kib float64, err error) {
	g, err := newGenerator(t, opts, allSend(t, 10))
	if err != nil {
		return 0, err
	}
	err = g.connectAndJoin(ctx)
	if err == nil {
		err = g.sendOneEach(ctx)
	}
	if err = errors.Join(err, g.close()); err != nil {
		return 0, err
	}
	time.Sleep(time.Second) // for the server to close the connections
	return g.server.rss()
}

// awaitStableMemory waits until the server's memory has varied by at most 1 % for
// ten seconds: a garbage-collected server frees the memory of the handshakes
// only after a while.
func (g *generator) awaitStableMemory(ctx context.Context) (kib float64, took time.Duration, err error) {
	const samples = 10 // one a second
	begin := time.Now()
	var last []float64
	for {
		if err := g.serveFor(ctx, time.Second); err != nil {
			return 0, 0, err
		}
		now, err := g.server.rss()
		if err != nil {
			return 0, 0, err
		}
		last = append(last, now)
		if took = time.Since(begin); took >= g.opts.Settle {
			return now, took, nil
		}
		if len(last) >= samples && within(last[len(last)-samples:], 0.01) {
			return now, took, nil
		}
	}
}

// within reports whether all values differ by at most a share of the largest.
func within(values []float64, share float64) bool {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	return high-low <= share*high
}
