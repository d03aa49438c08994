//go:build linux

package load

import (
	"context"
	"errors"
	"math"
	"time"
)

// idle measures the memory of connections that have nothing to do. Each of them
// has sent and received a message: what a server takes for that and does not
// give back counts.
func idle(ctx context.Context, t Target, opts Options) (r Result, err error) {
	n := opts.connected(10_000)
	base, err := baseMemory(ctx, t, opts)
	if err != nil {
		return r, err
	}
	w, err := newCrowd(t, opts, talkative(t, n))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.arrive(ctx); err != nil {
		return r, err
	}
	if err := w.sayOnce(ctx); err != nil {
		return r, err
	}
	full, took, err := w.settle(ctx)
	if err != nil {
		return r, err
	}
	r = w.report(span{})
	r.Latency = nil
	r.Memory = &Memory{
		Base: base, Full: full, SettleSeconds: took.Seconds(),
		PerConnection: (full - base) / float64(len(w.clients)),
	}
	return r, nil
}

// talkative is a crowd where everyone speaks, in rooms of ten. With one room
// only one does: a message from each of 10,000 to all would take an hour.
func talkative(t Target, n int) shape {
	if !t.hasRooms() {
		return shape{rooms: 1, senders: 1, receivers: n - 1, payload: payload}
	}
	return shape{rooms: max(n/10, 1), senders: min(n, 10), payload: payload}
}

// baseMemory is what the server takes after ten clients have chatted and gone:
// by then it has mapped and allocated what it needs for any number of them.
func baseMemory(ctx context.Context, t Target, opts Options) (kib float64, err error) {
	w, err := newCrowd(t, opts, talkative(t, 10))
	if err != nil {
		return 0, err
	}
	err = w.arrive(ctx)
	if err == nil {
		err = w.sayOnce(ctx)
	}
	if err = errors.Join(err, w.close()); err != nil {
		return 0, err
	}
	time.Sleep(time.Second) // the server notices that they have gone
	return w.server.rss()
}

// settle waits until the server's memory has kept within 1 % for ten seconds.
// Garbage of the handshakes takes a while to be given back.
func (w *crowd) settle(ctx context.Context) (kib float64, took time.Duration, err error) {
	const calm = 10
	begin := time.Now()
	var last []float64
	for {
		if err := w.linger(ctx, time.Second); err != nil {
			return 0, 0, err
		}
		now, err := w.server.rss()
		if err != nil {
			return 0, 0, err
		}
		last = append(last, now)
		if took = time.Since(begin); took >= w.opts.Settle {
			return now, took, nil
		}
		if len(last) >= calm && within(last[len(last)-calm:], 0.01) {
			return now, took, nil
		}
	}
}

// within reports whether all values lie within a share of the largest.
func within(values []float64, share float64) bool {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	return high-low <= share*high
}
