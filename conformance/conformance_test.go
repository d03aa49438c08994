package conformance_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/conformance"
)

// serve runs the reference server on a socket until the test ends.
func serve(t *testing.T, secure bool) conformance.Target {
	s := newReference(noFault)
	srv := httptest.NewUnstartedServer(s)
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(func() {
		srv.Close()
		s.close()
	})
	target := conformance.Target{Addr: srv.Listener.Addr().String(), PingInterval: refPing}
	if secure {
		roots := x509.NewCertPool()
		roots.AddCert(srv.Certificate())
		target.TLS = &tls.Config{RootCAs: roots}
	}
	return target
}

// serveInMemory runs a reference server with a fault until the test ends.
func serveInMemory(t *testing.T, f fault) conformance.Target {
	s := newReference(f)
	l := newMemoryListener()
	srv := &http.Server{Handler: s}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		s.close()
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("serve: %v", err)
		}
	})
	return conformance.Target{
		Addr: "reference.test", Dial: l.dial, PingInterval: refPing, Members: 20, Messages: 100,
	}
}

func TestRun_SoundServer_Passes(t *testing.T) {
	conformance.Run(t, serve(t, false))
}

func TestRun_SoundServerOverTLS_Passes(t *testing.T) {
	target := serve(t, true)
	target.Members, target.Messages = 100, 100
	conformance.Run(t, target)
}

// Connect stands for HTTP/2 here: the package does not make the handshake.
func TestRun_OtherTransport_Passes(t *testing.T) {
	target := serve(t, false)
	target.Members, target.Messages = 50, 50
	addr := target.Addr
	target.Connect = func(ctx context.Context, query string) (net.Conn, error) {
		return upgrade(ctx, addr, query)
	}
	conformance.Run(t, target)
}

func upgrade(ctx context.Context, addr, query string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "GET /chat?%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", query, addr)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("status %s", resp.Status)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return bufferedConn{conn, in}, nil
}

// bufferedConn is a conn whose first bytes are in a buffer already.
type bufferedConn struct {
	net.Conn
	in *bufio.Reader
}

func (c bufferedConn) Read(p []byte) (int, error) { return c.in.Read(p) }

func TestRun_SoundServerInMemory_Passes(t *testing.T) {
	for _, c := range conformance.Cases() {
		t.Run(c.Group+"/"+c.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.Run(t, serveInMemory(t, noFault)) })
		})
	}
}

// The cases that are there to find a fault must fail, and with the right message.
// Time is fake, so a case never waits too short for a server that is slow.
func TestCase_FaultyServer_Fails(t *testing.T) {
	cases := map[string]conformance.Case{}
	for _, c := range conformance.Cases() {
		cases[c.Group+"/"+c.Name] = c
	}
	for f, findings := range faults {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				target := serveInMemory(t, f)
				for _, by := range findings {
					c, ok := cases[by.name]
					if !ok {
						t.Fatalf("there is no case %q", by.name)
					}
					failures := strings.Join(failuresOf(c, target), "; ")
					if failures == "" {
						t.Errorf("%q passes", by.name)
					} else if !strings.Contains(failures, by.says) {
						t.Errorf("%q says %q, want %q", by.name, failures, by.says)
					}
				}
			})
		})
	}
}

func TestCases_Names_AreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range conformance.Cases() {
		name := c.Group + "/" + c.Name
		if seen[name] {
			t.Errorf("there are two cases %q", name)
		}
		if c.Rule == "" {
			t.Errorf("case %q names no rule", name)
		}
		seen[name] = true
	}
}

// failuresOf runs a case and returns its failure messages.
func failuresOf(c conformance.Case, target conformance.Target) []string {
	r := new(recorder)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer r.cleanUp()
		c.Run(r, target)
	}()
	<-ended
	return r.failures
}

// recorder is a TB that records failures.
type recorder struct {
	mu       sync.Mutex // guards failures
	failures []string

	cleanups []func()
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(string, ...any) { runtime.Goexit() }

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) cleanUp() {
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		f := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		f()
	}
}
