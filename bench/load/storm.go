//go:build linux

package load

import (
	"context"
	"errors"
	"time"
)

// storm drops all connections and opens them again, all at once. Then everyone
// speaks and must be heard by their room.
func storm(ctx context.Context, t Target, opts Options) (r Result, err error) {
	w, err := newCrowd(t, opts, talkative(t, opts.connected(19_000)))
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
	before, err := w.reading()
	if err != nil {
		return r, err
	}
	w.scatter()
	var found Storm
	if found.Failed, err = w.connect(ctx, w.clients, len(w.clients)); err != nil {
		return r, err
	}
	found.ReturnSeconds = time.Duration(nanos() - before.at).Seconds()
	if err := w.join(ctx); err != nil {
		return r, err
	}
	if err := w.sayOnce(ctx); err != nil {
		return r, err
	}
	after, err := w.reading()
	if err != nil {
		return r, err
	}
	all := before.until(after)
	found.ChatSeconds, found.CPUSeconds = all.seconds, all.cpuSeconds
	r = w.report(all)
	r.Latency, r.Storm = nil, &found
	return r, nil
}

// scatter drops all connections.
func (w *crowd) scatter() {
	for _, c := range w.clients {
		if !c.excused {
			w.loop.remove(c)
			w.faults.Missing += uint64(w.excuse(c))
			c.drop()
		}
	}
}
