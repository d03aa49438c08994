package wsconn

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// plainPair returns both ends of a TCP connection.
func plainPair(t *testing.T) (server, client net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// securePair returns both ends of a TLS connection over TCP, after the
// handshake.
func securePair(t *testing.T) (server *tls.Conn, client *tls.Conn) {
	t.Helper()
	ts := httptest.NewTLSServer(nil) // for its certificate
	defer ts.Close()
	inner, outer := plainPair(t)
	server = tls.Server(inner, &tls.Config{Certificates: ts.TLS.Certificates})
	client = tls.Client(&diverted{Conn: outer}, &tls.Config{InsecureSkipVerify: true})
	shaken := make(chan error, 1)
	go func() { shaken <- client.Handshake() }()
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return server, client
}

// diverted is a connection whose writes go elsewhere once to is set.
type diverted struct {
	net.Conn
	to io.Writer
}

func (d *diverted) Write(p []byte) (int, error) {
	if d.to != nil {
		return d.to.Write(p)
	}
	return d.Conn.Write(p)
}

func TestParkingSocket_PeerThatDoesNotRead_MakesNobodyWait(t *testing.T) {
	for _, size := range []int{1, 128, 2000, 9000, 60_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			e, err := NewEngine(Config{WriteTimeout: time.Hour, OutboxLimit: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			server, _ := securePair(t)
			r := newRecorder()
			c, err := e.Attach(server, false, r)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := c.sock.(*parkingSocket); !ok {
				t.Fatalf("the socket is a %T", c.sock)
			}
			c.Start()
			full := make(chan error, 1)
			go func() {
				var err error
				for p := make([]byte, size); err == nil; {
					err = c.Send(p)
				}
				full <- err
			}()
			select {
			case err := <-full:
				if err != ErrSlow {
					t.Errorf("Send: %v", err)
				}
			case <-time.After(30 * time.Second):
				t.Error("Send waits for the peer")
			}
			if err := e.Close(context.Background()); err != nil {
				t.Error(err)
			}
			<-r.closed
		})
	}
}

func TestEngine_IdleConnections_HaveNoGoroutine(t *testing.T) {
	e, err := NewEngine(Config{})
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	const each = 20
	for range each {
		plain, plainClient := plainPair(t)
		secure, secureClient := securePair(t)
		for server, client := range map[net.Conn]net.Conn{plain: plainClient, secure: secureClient} {
			heard := make(chan bool, 1)
			r := newRecorder()
			r.onHear = func(ws.OpCode, []byte) { heard <- true }
			c, err := e.Attach(server, false, r)
			if err != nil {
				t.Fatal(err)
			}
			c.Start()
			if _, err := client.Write(clientFrame(ws.OpText, true, []byte("here"))); err != nil {
				t.Fatal(err)
			}
			<-heard
			if err := c.Send(AppendFrame(nil, ws.OpText, false, []byte("heard"))); err != nil {
				t.Fatal(err)
			}
			if f, err := readFrame(client); err != nil || string(f.Payload) != "heard" {
				t.Fatalf("got %q, %v", f.Payload, err)
			}
		}
	}
	// The last readers are about to park. These are real sockets, so time is real.
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines more for %d connections", runtime.NumGoroutine()-before, 2*each)
		}
	}
	if n := e.Len(); n != 2*each {
		t.Errorf("%d of %d connections are open", n, 2*each)
	}
	if err := e.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
