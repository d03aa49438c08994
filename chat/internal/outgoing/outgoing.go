// Package outgoing is how requests of ours go out to programs of others.
//
// net/http writes to the log of the process what a server says on a connection on which it
// was asked nothing: what comes before a request, behind an answer, or while the connection
// waits for the next request. Here that ends the connection, and nothing else happens.
//
// # Files
//
//	outgoing.go  Transport, conn
package outgoing

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Transport is a http.Transport for HTTP/1.1 that logs nothing of what a server sends.
// Connections are used again. It must be made by New.
//
// There is one exception: what stands behind an answer in TLS through a proxy.
type Transport struct{ *http.Transport }

// New returns a transport with the settings of t, which nobody else may use. Those that are
// changed before the first request count too, but for those of dialing.
func New(t *http.Transport) *Transport {
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.ForceAttemptHTTP2 = false
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		return wrapped(c, err)
	}
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if t.TLSHandshakeTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, t.TLSHandshakeTimeout)
			defer cancel()
		}
		config := cmp.Or(t.TLSClientConfig, new(tls.Config)).Clone()
		if config.ServerName == "" {
			if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
				c.Close()
				return nil, err
			}
		}
		config.NextProtos = nil // HTTP/2 needs a *tls.Conn
		encrypted := tls.Client(c, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		return wrapped(encrypted, nil)
	}
	return &Transport{t}
}

// Usual returns a transport like the one that http.DefaultTransport is.
func Usual() *Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return New(&http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConns: 100, IdleConnTimeout: 90 * time.Second,
	})
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var on *conn
	return t.Transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			if on, _ = got.Conn.(*conn); on != nil {
				on.got.Add(1)
			}
		},
		PutIdleConn: func(error) {
			if on != nil {
				on.answered()
			}
		},
	})))
}

// conn is a connection that ends when something is read that answers no request.
//
// Nothing behind an answer is in a buffer of net/http, which would log it: the head of an answer
// is read line by line, and what follows byte by byte, since it may end with any of them.
type conn struct {
	net.Conn

	// Owned by whoever reads: net/http lets one goroutine at a time.
	ahead *bufio.Reader
	ended bool
	body  bool // the head of the answer was read
	begun bool // its last line, which has not ended

	// Numbers of requests. The next one may get the connection before the last one is
	// counted as done, so they are three, and no flag.
	got, written, done atomic.Int64
}

func wrapped(c net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, ahead: bufio.NewReader(c)}, nil
}

// Write notes that there is something to answer. What goes out before the connection is
// given to a request speaks with a proxy.
func (c *conn) Write(p []byte) (int, error) {
	c.written.Store(max(c.got.Load(), 1))
	return c.Conn.Write(p)
}

func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.ended {
		return 0, io.EOF
	}
	if _, err := c.ahead.Peek(1); err != nil {
		return 0, err
	}
	if c.written.Load() <= c.done.Load() {
		c.ended = true
		return 0, io.EOF
	}
	if c.body {
		p = p[:1]
	}
	got, _ := c.ahead.Peek(min(len(p), c.ahead.Buffered()))
	if end := bytes.IndexByte(got, '\n'); end >= 0 {
		got = got[:end+1]
	}
	n := copy(p, got)
	_, _ = c.ahead.Discard(n)
	c.note(p[:n])
	return n, nil
}

// note notes what was read of the head: an empty line ends it.
func (c *conn) note(part []byte) {
	line := bytes.TrimRight(part, "\r\n")
	c.begun = c.begun || len(line) > 0
	if part[len(part)-1] == '\n' {
		c.body, c.begun = c.body || !c.begun, false
	}
}

// answered is called by the goroutine that reads, when it has read an answer and before it
// reads on.
func (c *conn) answered() {
	c.done.Add(1)
	c.ended = c.ended || c.ahead.Buffered() > 0
	c.body, c.begun = false, false
}
