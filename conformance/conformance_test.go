package conformance_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/conformance"
)

// serve runs a reference server until the test ends.
func serve(t *testing.T, f flaw, secure bool) conformance.Target {
	s, srv := startReference(f, secure)
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

func TestRun_SoundServer_Passes(t *testing.T) {
	conformance.Run(t, serve(t, none, false))
}

func TestRun_SoundServerOverTLS_Passes(t *testing.T) {
	target := serve(t, none, true)
	target.Members, target.Messages = 100, 100
	conformance.Run(t, target)
}

// Connect stands in for HTTP/2 here: what opens the stream is not the kit's.
func TestRun_OtherTransport_Passes(t *testing.T) {
	target := serve(t, none, false)
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

// bufferedConn is a conn of which some has been read already.
type bufferedConn struct {
	net.Conn
	in *bufio.Reader
}

func (c bufferedConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// Each flaw must be found by the cases that are there to find it, and for the
// right reason.
func TestCase_FlawedServer_Fails(t *testing.T) {
	cases := map[string]conformance.Case{}
	for _, c := range conformance.Cases() {
		cases[c.Group+"/"+c.Name] = c
	}
	for f, found := range flaws {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			target := serve(t, f, false)
			target.Members, target.Messages = 20, 100
			target.Patience = time.Second
			for _, by := range found {
				c, ok := cases[by.name]
				if !ok {
					t.Fatalf("there is no case %q", by.name)
				}
				failures := strings.Join(watch(c, target), "; ")
				if failures == "" {
					t.Errorf("%q passes", by.name)
				} else if !strings.Contains(failures, by.says) {
					t.Errorf("%q says %q, want %q", by.name, failures, by.says)
				}
			}
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
			t.Errorf("case %q does not say where it is demanded", name)
		}
		seen[name] = true
	}
}

// watch runs a case and returns how it failed.
func watch(c conformance.Case, target conformance.Target) []string {
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

// recorder is a TB that notes failures instead of failing.
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
