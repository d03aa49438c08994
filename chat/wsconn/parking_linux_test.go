package wsconn

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

// securePair returns both ends of a TLS connection over TCP, after the
// handshake.
func securePair(t *testing.T) (server *tls.Conn, client *tls.Conn) {
	t.Helper()
	ts := httptest.NewTLSServer(nil) // for its certificate
	defer ts.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	outer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	inner, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server = tls.Server(inner, &tls.Config{Certificates: ts.TLS.Certificates})
	client = tls.Client(&diverted{Conn: outer}, &tls.Config{InsecureSkipVerify: true})
	t.Cleanup(func() { client.Close() })
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
