//go:build linux

package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// workers is how many connections are opened at a time.
const workers = 32

// connects measures WebSocket handshakes.
func connects(ctx context.Context, t Target, opts Options) (Result, error) {
	d, err := newDialer(t.URL, t.Dialect)
	if err != nil {
		return Result{}, err
	}
	return measureConnects(ctx, t, opts, func(ctx context.Context, n int) error {
		s, _, err := d.open(ctx, n, 0, "r0")
		if err != nil {
			return err
		}
		return s.abort()
	})
}

// gets measures requests for a file, each on a new connection. The results of
// connects are compared with it.
func gets(ctx context.Context, t Target, opts Options) (Result, error) {
	if t.FileURL == "" {
		return Result{}, errors.New("the target has no file to get")
	}
	d, err := newDialer(t.FileURL, Dialect{})
	if err != nil {
		return Result{}, err
	}
	return measureConnects(ctx, t, opts, d.get)
}

func (d *dialer) get(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	s, err := d.connect(ctx, n, 0)
	if err != nil {
		return err
	}
	defer s.abort()
	_, err = fmt.Fprintf(s.stream(), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", d.url.RequestURI(), d.url.Host)
	if err != nil {
		return fmt.Errorf("file request: %w", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(s.stream()), nil)
	if err != nil {
		return fmt.Errorf("file response: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("file response: %s", resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// measureConnects has all workers repeat once, and counts how often it succeeds
// in the time that is measured.
func measureConnects(ctx context.Context, t Target, opts Options, once func(ctx context.Context, n int) error) (r Result, err error) {
	g := &generator{opts: opts, server: t.PIDs} // for its samples and notes
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()

	var attempts, opened, failed atomic.Int64
	var noting sync.Mutex
	for range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := once(ctx, int(attempts.Add(1))); err == nil {
					opened.Add(1)
				} else if ctx.Err() == nil {
					failed.Add(1)
					noting.Lock()
					g.note("%v", err)
					noting.Unlock()
				}
			}
		})
	}
	if err := sleep(ctx, opts.Warmup); err != nil {
		return r, err
	}
	first := opened.Load()
	before, err := g.takeSample()
	if err != nil {
		return r, err
	}
	if err := sleep(ctx, opts.Measure); err != nil {
		return r, err
	}
	after, err := g.takeSample()
	if err != nil {
		return r, err
	}
	n := opened.Load() - first
	stop()
	wg.Wait()

	s := before.until(after)
	r = g.report(s)
	r.Connections = workers
	r.Connect = &Connect{
		Opened: int(n), Failed: int(failed.Load()),
		PerSecond: ratio(float64(n), s.seconds), PerCPUSecond: ratio(float64(n), s.cpuSeconds),
	}
	return r, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
