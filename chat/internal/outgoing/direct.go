package outgoing

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Direct is a http.RoundTripper for HTTP/1.1 that knows no proxies. Whoever asks writes the
// request and reads the answer: http.Transport has two goroutines for each connection, and waking
// them takes a quarter of the time of a small question on the same machine.
//
// Connections are used again. If one that is used again ends before anything is answered, the
// request is sent on another one: so it must be one that may arrive twice. An answer must be read
// to its end or closed. It may be used by any goroutine.
type Direct struct {
	// Fixed.
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Handshake time.Duration // how long that of TLS may take
	MaxHead   int64         // bytes of an answer before its body
	MaxIdle   int           // connections that wait for the next request
	IdleTime  time.Duration // how long they do
	TLS       *tls.Config   // may be nil

	mu   sync.Mutex // guards the rest; a leaf
	idle []*exchange
	ends *time.Timer // closes those that were idle for IdleTime; nil if there are none
}

// exchange is a connection. It belongs to whoever has a request on it, and to Direct while it
// is idle.
type exchange struct {
	net.Conn          // with TLS, if there is any
	raw      net.Conn // without
	to       string   // scheme and host
	limited  io.LimitedReader
	r        *bufio.Reader
	w        *bufio.Writer
	since    time.Time // idle since
}

// RoundTrip implements http.RoundTripper.
func (d *Direct) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	for {
		x, used := d.take(req.URL.Scheme+"://"+req.URL.Host), true
		if x == nil {
			var err error
			if x, err = d.dial(ctx, req.URL); err != nil {
				return nil, cmp.Or(ctx.Err(), err)
			}
			used = false
		}
		res, answered, err := d.ask(x, req)
		if err == nil {
			return res, nil
		}
		if !used || answered || req.GetBody == nil || ctx.Err() != nil {
			return nil, cmp.Or(ctx.Err(), err)
		}
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		req = req.WithContext(ctx) // a copy: the caller's is not changed
		req.Body = body
	}
}

// dial opens a connection to where a URL leads.
func (d *Direct) dial(ctx context.Context, to *url.URL) (*exchange, error) {
	port := cmp.Or(to.Port(), map[string]string{"http": "80", "https": "443"}[to.Scheme])
	c, err := d.Dial(ctx, "tcp", net.JoinHostPort(to.Hostname(), port))
	if err != nil {
		return nil, err
	}
	x := &exchange{Conn: c, raw: c, to: to.Scheme + "://" + to.Host, limited: io.LimitedReader{R: c}}
	if to.Scheme == "https" {
		config := cmp.Or(d.TLS, new(tls.Config)).Clone()
		config.ServerName = cmp.Or(config.ServerName, to.Hostname())
		ctx, cancel := context.WithTimeout(ctx, d.Handshake)
		defer cancel()
		encrypted := tls.Client(c, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		x.Conn, x.limited.R = encrypted, encrypted
	}
	x.r, x.w = bufio.NewReader(&x.limited), bufio.NewWriter(x.Conn)
	return x, nil
}

// maxAtOnce is how much of a request is written before its answer is read. The kernel takes that
// without waiting for the server.
const maxAtOnce = 16 << 10

// ask sends a request and reads the head of its answer. If that fails, the connection is closed,
// and answered reports whether anything came.
func (d *Direct) ask(x *exchange, req *http.Request) (res *http.Response, answered bool, err error) {
	a := &response{direct: d, x: x, ctx: req.Context(), wrote: make(chan error, 1)}
	a.unbind = context.AfterFunc(a.ctx, func() { x.raw.Close() })
	write := func() { a.wrote <- cmp.Or(req.Write(x.w), x.w.Flush()) }
	if req.ContentLength >= 0 && req.ContentLength <= maxAtOnce {
		write()
	} else {
		go write() // a server may answer before it has read all of it; a.end waits
	}
	x.limited.N = d.MaxHead
	_, err = x.r.Peek(1)
	answered = err == nil
	for range maxInterim {
		if err == nil {
			res, err = http.ReadResponse(x.r, req)
		}
		if err != nil || res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	if err != nil {
		a.end(false)
		return nil, answered, err
	}
	x.limited.N = math.MaxInt64
	a.Reader, a.last = res.Body, res.Close || res.StatusCode < 200
	res.Body = a
	return res, true, nil
}

// maxInterim is how many answers may come before the answer.
const maxInterim = 5

// response is the body of an answer. One goroutine reads and closes it.
type response struct {
	io.Reader
	ctx    context.Context
	direct *Direct
	x      *exchange
	wrote  chan error  // gets one item
	unbind func() bool // the end of ctx no longer closes the connection, if it returns true
	last   bool        // the connection has no further answer
	ended  bool
}

func (a *response) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if err != nil {
		a.end(errors.Is(err, io.EOF))
		if !errors.Is(err, io.EOF) {
			err = cmp.Or(a.ctx.Err(), err)
		}
	}
	return n, err
}

func (a *response) Close() error { a.end(false); return nil }

// end gives the connection back, or closes it. All of the answer was read if whole.
func (a *response) end(whole bool) {
	if a.ended {
		return
	}
	a.ended = true
	bound := a.unbind()
	select {
	case err := <-a.wrote:
		if whole && bound && err == nil && !a.last {
			a.direct.put(a.x)
			return
		}
		a.x.raw.Close()
	default: // it answered before it was asked all
		a.x.raw.Close()
		<-a.wrote
	}
}

// put keeps a connection for the next request. What stands behind the answer is no part of it.
func (d *Direct) put(x *exchange) {
	if x.r.Buffered() > 0 {
		x.raw.Close()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.idle) >= d.MaxIdle {
		x.raw.Close()
		return
	}
	x.since = time.Now()
	d.idle = append(d.idle, x)
	if d.ends == nil {
		d.ends = time.AfterFunc(d.IdleTime, d.tidy)
	}
}

// take returns the connection to a server that was used last, or nil.
func (d *Direct) take(to string) *exchange {
	for {
		var x *exchange
		d.mu.Lock()
		for i := len(d.idle) - 1; i >= 0 && x == nil; i-- {
			if d.idle[i].to == to {
				x = d.idle[i]
				d.idle = append(d.idle[:i], d.idle[i+1:]...)
			}
		}
		d.mu.Unlock()
		if x == nil || x.isQuiet() {
			return x
		}
		x.raw.Close()
	}
}

// isQuiet reports whether an idle connection is open, and nothing came that nobody asked for: that
// would be taken for the next answer.
func (x *exchange) isQuiet() bool {
	if x.Conn != x.raw { // TLS may have read more than it has handed over
		_ = x.raw.SetReadDeadline(time.Unix(1, 0))
		n, err := x.Conn.Read(make([]byte, 1))
		_ = x.raw.SetReadDeadline(time.Time{})
		if timeout := net.Error(nil); n > 0 || !errors.As(err, &timeout) || !timeout.Timeout() {
			return false
		}
	}
	return isQuiet(x.raw)
}

// tidy closes what was idle for long enough.
func (d *Direct) tidy() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.idle) > 0 && time.Since(d.idle[0].since) >= d.IdleTime {
		d.idle[0].raw.Close()
		d.idle = d.idle[1:]
	}
	if d.ends = nil; len(d.idle) > 0 {
		d.ends = time.AfterFunc(d.IdleTime-time.Since(d.idle[0].since), d.tidy)
	}
}

// CloseIdleConnections closes what is idle now. http.Client calls it.
func (d *Direct) CloseIdleConnections() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.idle {
		x.raw.Close()
	}
	if d.idle = nil; d.ends != nil {
		d.ends.Stop()
		d.ends = nil
	}
}
