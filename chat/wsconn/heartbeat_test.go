package wsconn

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// A peer is pinged before Start, too, but not taken for silent: nobody reads its pongs yet.
// From then on it has two ping intervals, as others have.
func TestHeartbeat_BeforeStart_NobodyIsSilent(t *testing.T) {
	const interval = 25 * time.Second
	for name, answers := range map[string]bool{"it answers": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{PingInterval: interval}, func(t *testing.T, e *Engine) {
				server, client := net.Pipe()
				defer client.Close()
				r := newRecorder()
				c, err := e.Attach(server, false, r)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.StartWriting(); err != nil {
					t.Fatal(err)
				}
				pings, pong := make(chan struct{}, 100), make(chan struct{}, 100)
				go func() {
					for range pong {
						client.Write(clientFrame(ws.OpPong, true, nil)) // waits until the server reads
					}
				}()
				go func() {
					defer close(pong)
					for {
						f, err := readFrame(client)
						if err != nil {
							return
						}
						if f.Header.OpCode == ws.OpPing {
							pings <- struct{}{}
							if answers {
								pong <- struct{}{}
							}
						}
					}
				}()
				time.Sleep(10*interval + time.Second)
				synctest.Wait()
				if n := len(pings); n < 9 || n > 10 || c.currentState() != open {
					t.Fatalf("%d pings before Start, open: %v", n, c.currentState() == open)
				}
				c.Start()
				time.Sleep(3 * interval)
				synctest.Wait()
				if (c.currentState() == open) != answers {
					t.Errorf("open: %v", c.currentState() == open)
				}
				c.Kill(io.EOF)
			})
		})
	}
}

// Small reads of a stream of HTTP/2 over TLS cost as much as those of TLS itself.
func TestStream_SmallReads_CostAsOverTLS(t *testing.T) {
	secure := new(tls.ConnectionState)
	for _, c := range []struct {
		proto int
		tls   *tls.ConnectionState
		want  int
	}{{2, secure, littleTLS}, {2, nil, littleSize}, {3, secure, littleSize}} {
		bubble(t, Config{}, func(t *testing.T, e *Engine) {
			inner, client := net.Pipe()
			defer client.Close()
			conn, err := e.acceptStream(&streamWriter{Conn: inner}, &http.Request{ProtoMajor: c.proto, TLS: c.tls, Body: inner}, Terms{}, newRecorder())
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.sock.littleRead(); got != c.want {
				t.Errorf("HTTP/%d, %v: %d, want %d", c.proto, c.tls != nil, got, c.want)
			}
			conn.Abandon(io.EOF)
		})
	}
}
