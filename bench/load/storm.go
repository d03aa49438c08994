//go:build linux

package load

import (
	"context"
	"errors"
	"time"
)

// storm resets all connections and opens them again, all at once. Then each
// client sends a message, which its room must receive.
func storm(ctx context.Context, t Target, opts Options) (r Result, err error) {
	g, err := newGenerator(t, opts, allSend(t, opts.connectionCount(19_000)))
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
	before, err := g.takeSample()
	if err != nil {
		return r, err
	}
	g.abortAll()
	var found Storm
	if found.Failed, err = g.connect(ctx, g.clients, len(g.clients)); err != nil {
		return r, err
	}
	found.ReturnSeconds = time.Duration(nanos() - before.at).Seconds()
	if err := g.join(ctx); err != nil {
		return r, err
	}
	if err := g.sendOneEach(ctx); err != nil {
		return r, err
	}
	after, err := g.takeSample()
	if err != nil {
		return r, err
	}
	all := before.until(after)
	found.ChatSeconds, found.CPUSeconds = all.seconds, all.cpuSeconds
	r = g.report(all)
	r.Latency, r.Storm = nil, &found
	return r, nil
}

// abortAll resets all connections.
func (g *generator) abortAll() {
	for _, c := range g.clients {
		if !c.inactive {
			g.loop.remove(c)
			g.faults.Missing += uint64(g.deactivate(c))
			c.abort()
		}
	}
}
