//go:build linux

package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// stall measures what happens to the other receivers when some stop reading.
// Messages are large, because the kernel buffers about 2.5 MB for each stalled
// receiver before the server notices that it does not read.
func stall(rate int, s shape) func(context.Context, Target, Options) (Result, error) {
	return func(ctx context.Context, t Target, opts Options) (r Result, err error) {
		s := s
		phase := 4 * opts.Measure
		s.keep = s.messagesToKeep(rate, phase)
		g, err := newGenerator(t, opts, s)
		if err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, g.close()) }()
		if err := g.connectAndJoin(ctx); err != nil {
			return r, err
		}
		interval := int64(time.Second) / int64(rate)
		if _, err := g.observe(ctx, opts.Measure, &openLoop{generator: g, interval: interval}); err != nil {
			return r, err
		}
		if _, err := g.drain(ctx); err != nil {
			return r, err
		}
		var found Stall
		if before := g.latency.latency(); g.latency.count > 0 {
			found.Before = &before
		}
		loop := &stallLoop{openLoop: openLoop{generator: g, interval: interval}, found: &found}
		if err := loop.begin(); err != nil {
			return r, err
		}
		defer g.abortStalled()
		found.Stalled = len(g.stalled)
		measured, err := g.observe(ctx, phase, loop)
		if err = errors.Join(err, loop.err); err != nil {
			return r, err
		}
		if _, err := g.drain(ctx); err != nil {
			return r, err
		}
		r = g.report(measured)
		r.Stall = &found
		return r, nil
	}
}

// stopReading removes the sockets of the stalled clients from the loop and leaves
// them open.
func (g *generator) stopReading() {
	g.stalled = slices.DeleteFunc(g.stalled, func(c *client) bool { return c.inactive })
	for _, c := range g.stalled {
		g.loop.remove(c)
		g.deactivate(c)
	}
}

func (g *generator) abortStalled() {
	for _, c := range g.stalled {
		c.abort()
	}
}

// stallLoop is an open loop that also samples the server's memory and number of
// descriptors. A client that does not read cannot see that the server has closed
// its connection, but the server then has one descriptor less.
type stallLoop struct {
	openLoop
	found      *Stall
	startTime  int64
	nextSample int64
	memory     float64
	sockets    int
	err        error
}

func (f *stallLoop) begin() (err error) {
	if f.memory, err = f.generator.server.rss(); err != nil {
		return err
	}
	if f.sockets, err = f.generator.server.descriptors(); err != nil {
		return err
	}
	f.generator.stopReading()
	f.startTime = nanos()
	return nil
}

func (f *stallLoop) step(now int64) int64 {
	wake := f.openLoop.step(now)
	if now >= f.nextSample && f.err == nil {
		f.nextSample = now + int64(200*time.Millisecond)
		f.err = f.measure(now)
	}
	return wake
}

// measure records the largest growth of memory, and how many connections the
// server has closed.
func (f *stallLoop) measure(now int64) error {
	memory, err := f.generator.server.rss()
	if err != nil {
		return err
	}
	sockets, err := f.generator.server.descriptors()
	if err != nil {
		return err
	}
	f.found.MemoryMiB = max(f.found.MemoryMiB, (memory-f.memory)/1024)
	if onLost := f.sockets - sockets; onLost > f.found.CutOff {
		f.found.CutOff = onLost
		f.found.CutSeconds = time.Duration(now - f.startTime).Seconds()
	}
	return nil
}

// flood measures what a bystander's messages take while connections send what
// is no message, as fast as the server reads it, and come back ten times a second when
// they are cut off. They read nothing.
func flood(connections, rate int, s shape) func(context.Context, Target, Options) (Result, error) {
	return func(ctx context.Context, t Target, opts Options) (r Result, err error) {
		s := s
		s.keep = s.messagesToKeep(rate, opts.Measure)
		g, err := newGenerator(t, opts, s)
		if err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, g.close()) }()
		if err := g.connectAndJoin(ctx); err != nil {
			return r, err
		}
		calm := &openLoop{generator: g, interval: int64(time.Second) / int64(rate)}
		if _, err := g.observe(ctx, opts.Measure, calm); err != nil {
			return r, err
		}
		if _, err := g.drain(ctx); err != nil {
			return r, err
		}
		before := g.latency.latency()

		// The flooders must not delay the loop, which measures: the loop need not wait for
		// them in Go's scheduler, and in the system's they come behind it.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + connections))
		f := flooding{dialer: g.dialer}
		during, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for i := range connections {
			wg.Go(func() { f.run(during, i) })
		}
		defer wg.Wait()
		defer stop()
		if err := g.serveFor(ctx, opts.Warmup); err != nil {
			return r, err
		}
		measured, err := g.observe(ctx, opts.Measure, &openLoop{generator: g, interval: calm.interval})
		if err != nil {
			return r, err
		}
		if _, err := g.drain(ctx); err != nil {
			return r, err
		}
		r = g.report(measured)
		r.Flood = &Flood{Before: &before, CutOff: int(f.cutOff.Load()), MiB: float64(f.bytes.Load()) / (1 << 20)}
		return r, nil
	}
}

// floodFrames are what is sent without end: pings, pongs, empty fragments.
var floodFrames = [][]byte{
	appendFrame(nil, opPing),
	appendFrame(nil, opPong),
	appendFragment(nil, opContinuation),
}

// appendFragment appends an empty frame that does not end its message.
func appendFragment(dst []byte, opcode byte) []byte {
	start := len(dst)
	dst = appendFrame(dst, opcode)
	dst[start] &= 0x7f
	return dst
}

// flooding is what all connections of a flood share.
type flooding struct {
	dialer *dialer
	cutOff atomic.Int64
	bytes  atomic.Int64
}

// leastPriority is the nice value that comes behind all others.
const leastPriority = 19

// run floods until ctx ends.
func (f *flooding) run(ctx context.Context, i int) {
	runtime.LockOSThread() // which ends with this goroutine
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), leastPriority)
	frames := bytes.Repeat(floodFrames[i%len(floodFrames)], 8<<10)
	for again := time.NewTicker(100 * time.Millisecond); ctx.Err() == nil; {
		f.once(ctx, i, frames)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
}

// once connects and sends frames until the connection ends.
func (f *flooding) once(ctx context.Context, i int, frames []byte) {
	dial, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	s, err := f.dialer.connect(dial, i, 0)
	if err != nil {
		return // too many attempts
	}
	defer context.AfterFunc(ctx, func() { s.Conn.Close() })()
	defer s.Conn.Close()
	if f.dialer.upgrade(s.stream(), bufio.NewReader(s.stream()), "flood") != nil {
		return
	}
	_, err = s.stream().Write(appendFragment(nil, opText))
	for err == nil {
		var n int
		n, err = s.stream().Write(frames)
		f.bytes.Add(int64(n))
	}
	if ctx.Err() == nil {
		f.cutOff.Add(1)
	}
}
