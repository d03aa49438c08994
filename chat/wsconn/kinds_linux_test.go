package wsconn

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"testing"

	"github.com/gobwas/ws"
)

// Each kind of socket does each act: it reads, writes, parks where it can, wakes, and
// closes, whoever begins. Nothing here waits for time.
func TestSockets_KindByAct(t *testing.T) {
	attach := func(e *Engine, server net.Conn, r *recorder) *Conn {
		c, err := e.Attach(server, false, r)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	kinds := map[string]struct {
		socket socket // of this type
		parks  bool
		open   func(t *testing.T, e *Engine, r *recorder) (*Conn, net.Conn)
	}{
		"plain": {new(fdSocket), true, func(t *testing.T, e *Engine, r *recorder) (*Conn, net.Conn) {
			server, client := plainPair(t)
			return attach(e, server, r), client
		}},
		"TLS": {new(tlsSocket), true, func(t *testing.T, e *Engine, r *recorder) (*Conn, net.Conn) {
			server, client := securePair(t)
			return attach(e, server, r), client
		}},
		"other net.Conn": {netSocket{}, false, func(_ *testing.T, e *Engine, r *recorder) (*Conn, net.Conn) {
			server, client := net.Pipe()
			return attach(e, server, r), client
		}},
		"stream": {new(streamSocket), false, func(t *testing.T, e *Engine, r *recorder) (*Conn, net.Conn) {
			server, client := net.Pipe()
			c, err := e.acceptStream(&streamWriter{Conn: server}, &http.Request{ProtoMajor: 2, Body: server}, Terms{}, r)
			if err != nil {
				t.Fatal(err)
			}
			go func() { // the HTTP handler
				c.Wait()
				server.Close()
			}()
			return c, client
		}},
	}
	acts := map[string]func(t *testing.T, e *Engine, c *Conn, r *recorder, client net.Conn, parks bool){
		"read": func(t *testing.T, _ *Engine, _ *Conn, r *recorder, client net.Conn, _ bool) {
			says(t, r, client, "one")
			says(t, r, client, "two")
		},
		"write": func(t *testing.T, _ *Engine, c *Conn, _ *recorder, client net.Conn, _ bool) { hears(t, c, client) },
		"park and wake": func(t *testing.T, e *Engine, c *Conn, r *recorder, client net.Conn, parks bool) {
			for range 3 {
				for parks && e.Parked() == 0 {
					runtime.Gosched()
				}
				says(t, r, client, "awake")
				hears(t, c, client)
			}
		},
		"close": func(t *testing.T, _ *Engine, c *Conn, r *recorder, client net.Conn, _ bool) {
			go c.Close(ws.StatusNormalClosure, "", nil) // a pipe takes it only when it is read
			if f, err := readFrame(client); err != nil || f.Header.OpCode != ws.OpClose {
				t.Errorf("%v, %v", f.Header, err)
			}
			go func() {
				client.Write(clientFrame(ws.OpClose, true, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
				client.Close()
			}()
			<-r.closed
		},
		"closed by the peer": func(t *testing.T, _ *Engine, _ *Conn, r *recorder, client net.Conn, _ bool) {
			go client.Write(clientFrame(ws.OpClose, true, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
			if f, err := readFrame(client); err != nil || f.Header.OpCode != ws.OpClose {
				t.Errorf("%v, %v", f.Header, err)
			}
			client.Close()
			<-r.closed
		},
		"cut off": func(_ *testing.T, _ *Engine, _ *Conn, r *recorder, client net.Conn, _ bool) {
			client.Close()
			<-r.closed
		},
	}
	for kind, k := range kinds {
		for act, do := range acts {
			t.Run(kind+"/"+act, func(t *testing.T) {
				e := NewEngine(Config{})
				defer e.Close(context.Background())
				heard := make(chan string)
				r := newRecorder()
				r.onHear = func(_ ws.OpCode, p []byte) { heard <- string(p) }
				r.heardNow = heard
				c, client := k.open(t, e, r)
				defer client.Close()
				if got, want := reflect.TypeOf(c.sock), reflect.TypeOf(k.socket); got != want {
					t.Fatalf("it is a %v, want a %v", got, want)
				}
				c.Start()
				do(t, e, c, r, client, k.parks)
			})
		}
	}
}

// says has the client say something, and waits until it is heard.
func says(t *testing.T, r *recorder, client net.Conn, text string) {
	t.Helper()
	go client.Write(clientFrame(ws.OpText, true, []byte(text)))
	select {
	case got := <-r.heardNow:
		if got != text {
			t.Errorf("heard %q, want %q", got, text)
		}
	case <-r.closed:
		t.Fatalf("closed: %v", r.err)
	}
}

// hears has the client hear something.
func hears(t *testing.T, c *Conn, client net.Conn) {
	t.Helper()
	if err := c.Send(AppendFrame(nil, ws.OpText, false, []byte("hi"))); err != nil {
		t.Fatal(err)
	}
	if f, err := readFrame(client); err != nil || string(f.Payload) != "hi" {
		t.Errorf("%q, %v", f.Payload, err)
	}
}
