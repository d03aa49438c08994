package wsconn

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// scripted is a socket that does what its test says.
type scripted struct {
	atOnce   bool
	onRead   func(p []byte) (int, error) // nil: wait for the interruption
	onWrite  func(p []byte) (int, error) // nil: wait for the interruption
	mayBlock bool
	little   int

	mu     sync.Mutex // guards the rest
	taken  progress
	closed bool

	interruption chan struct{}
	once         sync.Once
}

func newScripted() *scripted {
	return &scripted{little: littleSize, interruption: make(chan struct{})}
}

func (s *scripted) attach(readyHandler) error { return nil }
func (s *scripted) littleRead() int           { return s.little }
func (s *scripted) writesAtOnce(int) bool     { return s.atOnce }
func (s *scripted) blocks() bool              { return s.mayBlock }
func (s *scripted) closeWrite() bool          { return true }
func (s *scripted) interrupt()                { s.once.Do(func() { close(s.interruption) }) }

func (s *scripted) read(p []byte) (int, error) {
	if s.onRead != nil {
		return s.onRead(p)
	}
	<-s.interruption
	return 0, net.ErrClosed
}

func (s *scripted) write(p []byte) (int, error) {
	if s.onWrite != nil {
		return s.onWrite(p)
	}
	<-s.interruption
	return 0, net.ErrClosed
}

func (s *scripted) progress() progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

func (s *scripted) setProgress(p progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = p
}

func (s *scripted) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// startScripted starts a connection over s.
func startScripted(t *testing.T, e *Engine, s *scripted) (*Conn, *recorder) {
	t.Helper()
	r := newRecorder()
	c, err := e.register(s, false, r)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	return c, r
}

// expectEnd expects that r's connection ends with want between least and most after
// start, in the fake time of a bubble.
func expectEnd(t *testing.T, r *recorder, want error, start time.Time, least, most time.Duration) {
	t.Helper()
	select {
	case <-r.closed:
	case <-time.After(2 * most): // fake
		t.Errorf("open after %v", 2*most)
		return
	}
	if !errors.Is(r.err, want) {
		t.Errorf("ended by %v, want %v", r.err, want)
	}
	if after := time.Since(start); after < least || after > most {
		t.Errorf("ended after %v, want %v to %v", after, least, most)
	}
}

func expectOpen(t *testing.T, r *recorder) {
	t.Helper()
	synctest.Wait()
	select {
	case <-r.closed:
		t.Errorf("ended by %v", r.err)
	default:
	}
}

// A peer is cut off when it takes nothing for WriteTimeout, whatever the socket, and
// stays as long as the kernel says that it takes something.
func TestConn_WriteThatWaits_EndsWhenThePeerTakesNothing(t *testing.T) {
	for _, c := range []struct {
		name     string
		mayBlock bool
		atOnce   bool
	}{
		{"socket that never blocks", false, true},
		{"write of the connection's own goroutine", true, false},
		{"write that was sure not to wait", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{WriteTimeout: 10 * time.Second, PingInterval: 20 * time.Second}
			bubble(t, cfg, func(t *testing.T, e *Engine) {
				s := newScripted()
				s.mayBlock, s.atOnce = c.mayBlock, c.atOnce
				if !c.mayBlock {
					s.onWrite = func([]byte) (int, error) { return 0, errWouldBlock }
				}
				s.setProgress(progress{some: true, left: true})
				conn, r := startScripted(t, e, s)
				go conn.Send([]byte("a frame")) // it may wait where the socket was wrong
				time.Sleep(time.Minute)         // fake
				expectOpen(t, r)
				s.setProgress(progress{left: true})
				expectEnd(t, r, errStalled, time.Now(), 9*time.Second, 13*time.Second)
			})
		})
	}
}

func TestConn_NothingWaits_NoTimeLimitApplies(t *testing.T) {
	cfg := Config{WriteTimeout: time.Second, PingInterval: time.Minute}
	bubble(t, cfg, func(t *testing.T, e *Engine) {
		for _, atOnce := range []bool{true, false} {
			s := newScripted()
			s.mayBlock, s.atOnce = true, atOnce
			s.onWrite = func(p []byte) (int, error) { return len(p), nil }
			c, r := startScripted(t, e, s)
			if err := c.Send([]byte("a frame")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second) // fake; several heartbeats
			expectOpen(t, r)
		}
	})
}

func TestEngine_SilentPeerThatStillReads_IsKept(t *testing.T) {
	const interval = 20 * time.Second
	for _, c := range []struct {
		name string
		kept bool
		set  func(s *scripted)
	}{
		{"the kernel still sends", true, func(s *scripted) {
			s.setProgress(progress{some: true, left: true})
		}},
		{"it has taken all", false, func(s *scripted) { s.setProgress(progress{some: true}) }},
		{"it takes nothing", false, func(s *scripted) { s.setProgress(progress{left: true}) }},
		{"bytes wait in the outbox", true, func(s *scripted) {
			s.onWrite = func([]byte) (int, error) { return 0, errWouldBlock }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{WriteTimeout: time.Hour, PingInterval: interval}
			bubble(t, cfg, func(t *testing.T, e *Engine) {
				s := newScripted()
				s.onWrite = func(p []byte) (int, error) { return len(p), nil }
				c.set(s)
				start := time.Now()
				_, r := startScripted(t, e, s)
				if !c.kept {
					expectEnd(t, r, errSilent, start, 2*interval-time.Second, 2*interval+interval/4)
					return
				}
				time.Sleep(10 * interval) // fake
				expectOpen(t, r)
			})
		})
	}
}

// The time in which a process is stopped does not count against its peers.
func TestEngine_LateTick_AdvancesLittle(t *testing.T) {
	e := &Engine{}
	e.clock.Store(1)
	for _, c := range []struct{ sinceStart, want time.Duration }{
		{longestTick, longestTick},
		{2 * longestTick, 2 * longestTick},
		{time.Hour, 4 * longestTick},
		{time.Hour + longestTick, 5 * longestTick},
	} {
		if now := e.advance(c.sinceStart); now != int64(c.want)+1 || e.now() != now {
			t.Errorf("%v after the start: %v, want %v", c.sinceStart, time.Duration(now-1), c.want)
		}
	}
}

func TestConn_Kill_PeerThatSendsWithoutEnd_IsReadNoMore(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Engine) {
		s := newScripted()
		killed, reads := false, 0
		frame := clientFrame(ws.OpText, true, []byte("more"))
		s.onRead = func(p []byte) (int, error) {
			if reads++; reads > 1000 {
				return 0, io.EOF
			}
			return copy(p, frame), nil
		}
		r := newRecorder()
		c, err := e.register(s, false, r)
		if err != nil {
			t.Fatal(err)
		}
		r.onHear = func(ws.OpCode, []byte) {
			if !killed {
				killed = true
				c.Kill(errStalled)
			}
		}
		c.Start()
		<-r.closed
		if reads > 2 {
			t.Errorf("%d reads, want 2 at most", reads)
		}
	})
}

// slowConn takes what its peer writes at 5 KB/s, like a phone far from its mast.
type slowConn struct {
	net.Conn
	slow bool
}

func (c *slowConn) Read(p []byte) (int, error) {
	if c.slow {
		time.Sleep(100 * time.Millisecond) // fake
		p = p[:min(len(p), 512)]
	}
	return c.Conn.Read(p)
}

// streamWriter is the writer of an HTTP/2 stream: a deadline that passes ends the
// stream, also while nothing is written.
type streamWriter struct {
	net.Conn
	reset *time.Timer
}

func (w *streamWriter) Header() http.Header { return nil }
func (w *streamWriter) WriteHeader(int)     {}
func (w *streamWriter) Flush()              {}

func (w *streamWriter) SetWriteDeadline(t time.Time) error {
	if w.reset != nil {
		w.reset.Stop()
	}
	if !t.IsZero() {
		w.reset = time.AfterFunc(time.Until(t), func() { w.Close() })
	}
	return nil
}

// A page of 128 KiB reaches a slow reader over every socket that blocks, and after a
// silence the connection is as good as before.
func TestConn_SlowReader_GetsAPage(t *testing.T) {
	ts := httptest.NewTLSServer(nil) // for its certificate
	certificates := ts.TLS.Certificates
	ts.Close()
	for name, open := range map[string]func(t *testing.T, inner net.Conn, outer *slowConn) (socket, net.Conn){
		"any net.Conn": func(_ *testing.T, inner net.Conn, outer *slowConn) (socket, net.Conn) {
			return netSocket{inner}, outer
		},
		"TLS": func(t *testing.T, inner net.Conn, outer *slowConn) (socket, net.Conn) {
			server := tls.Server(inner, &tls.Config{Certificates: certificates})
			client := tls.Client(outer, &tls.Config{InsecureSkipVerify: true})
			go client.Handshake() // an error of its own shows at the server
			if err := server.Handshake(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return netSocket{server}, client
		},
		"stream": func(t *testing.T, inner net.Conn, outer *slowConn) (socket, net.Conn) {
			w := &streamWriter{Conn: inner}
			s, err := newStreamSocket(inner, w, http.NewResponseController(w))
			if err != nil {
				t.Fatal(err)
			}
			go func() { // the HTTP handler
				<-s.done
				inner.Close()
			}()
			return s, outer
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{PingInterval: time.Hour}, func(t *testing.T, e *Engine) {
				inner, outer := net.Pipe()
				slow := &slowConn{Conn: outer}
				s, client := open(t, inner, slow)
				slow.slow = true
				r := newRecorder()
				c, err := e.register(s, false, r)
				if err != nil {
					t.Fatal(err)
				}
				c.Start()
				for _, size := range []int{128 << 10, 128} {
					if err := c.Send(AppendFrame(nil, ws.OpText, false, make([]byte, size))); err != nil {
						t.Error(err)
					}
					if _, err := readFrame(client); err != nil {
						t.Errorf("%d bytes: %v", size, err)
					}
					time.Sleep(time.Minute) // fake
				}
				outer.Close()
				<-r.closed
			})
		})
	}
}
