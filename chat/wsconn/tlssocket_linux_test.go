package wsconn

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"
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
func securePair(t *testing.T) (server, client *tls.Conn) {
	t.Helper()
	below, outer := plainPair(t)
	return secure(t, below, outer)
}

// secure does the handshake of TLS between both ends of a connection. What the
// client writes below TLS can be diverted.
func secure(t *testing.T, below, outer net.Conn) (server, client *tls.Conn) {
	t.Helper()
	ts := httptest.NewTLSServer(nil) // for its certificate
	defer ts.Close()
	server = tls.Server(below, &tls.Config{Certificates: ts.TLS.Certificates})
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

// latePair is securePair whose server can be made to read too late.
func latePair(t *testing.T) (server, client *tls.Conn, below *lateConn) {
	t.Helper()
	inner, outer := plainPair(t)
	below = &lateConn{TCPConn: inner.(*net.TCPConn)}
	server, client = secure(t, below, outer)
	return server, client, below
}

// lateConn is a connection whose reader gets no processor in time: its next
// deadlines, as many as late says, have passed before the read begins.
type lateConn struct {
	*net.TCPConn
	late atomic.Int32
}

func (c *lateConn) SetReadDeadline(t time.Time) error {
	if c.late.Add(-1) >= 0 {
		t = past
	}
	return c.TCPConn.SetReadDeadline(t)
}

// awaitReadable waits until the kernel has something for c's reader.
func (c *lateConn) awaitReadable(t *testing.T) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
		if n != 1 {
			t.Errorf("nothing has come: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
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

func TestTLSSocket_PeerThatDoesNotRead_MakesNobodyWait(t *testing.T) {
	for _, size := range []int{1, 128, 2000, 9000, 60_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			e := NewEngine(Config{WriteTimeout: time.Hour})
			server, _ := securePair(t)
			shrinkBuffers(t, server)
			r := newRecorder()
			c, err := e.Attach(server, false, r)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := c.sock.(*tlsSocket); !ok {
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
			case <-time.After(2 * time.Minute): // some thousand writes, on a busy machine
				t.Error("Send waits for the peer")
			}
			if err := e.Close(context.Background()); err != nil {
				t.Error(err)
			}
			<-r.closed
		})
	}
}

// shrinkBuffers lets the kernel keep less for c's peer, so that fewer writes fill it, but
// more than in the smallest buffer that writableRoom counts on.
func shrinkBuffers(t *testing.T, c *tls.Conn) {
	t.Helper()
	if err := c.NetConn().(*net.TCPConn).SetWriteBuffer(96 << 10); err != nil {
		t.Fatal(err)
	}
}

func TestTLSSocket_DeadlineOverBeforeTheRead_ReadsOn(t *testing.T) {
	server, client, below := latePair(t)
	s := tlsSocketOf(t, server)
	expectNothing(t, s)
	if _, err := client.Write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	below.awaitReadable(t)
	below.late.Store(3)
	got, err := readOn(s)
	if string(got) != "one" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if below.late.Load() > 0 {
		t.Error("it gave up before the last late deadline")
	}

	expectNothing(t, s)
	if err := client.NetConn().(*diverted).Conn.Close(); err != nil { // without close_notify
		t.Fatal(err)
	}
	below.awaitReadable(t)
	below.late.Store(3)
	if got, err := readOn(s); err != io.EOF {
		t.Errorf("at the end: read %q, %v", got, err)
	}
}

// readOn reads until something comes or the socket says why not.
func readOn(s socket) (got []byte, err error) {
	p := make([]byte, 100)
	for n := 0; err == nil && n == 0; {
		n, err = s.read(p)
		got = p[:n]
	}
	return got, err
}

func TestEngine_ReaderThatIsLate_LeavesNothingUnread(t *testing.T) {
	e := NewEngine(Config{})
	defer e.Close(context.Background())
	server, client, below := latePair(t)
	heard := make(chan string)
	r := newRecorder()
	r.onHear = func(_ ws.OpCode, payload []byte) { heard <- string(payload) }
	c, err := e.Attach(server, false, r)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	for i := range 5 {
		for deadline := time.Now().Add(10 * time.Second); e.Parked() != 1; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it is not parked")
			}
		}
		below.late.Store(2)
		want := fmt.Sprint(i)
		if _, err := client.Write(clientFrame(ws.OpText, true, []byte(want))); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("heard %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second): // before the ping, whose answer would wake it
			t.Fatalf("message %d lies unread", i)
		}
	}
}

func TestTLSSocket_QuietWithinARecord_KeepsWhatCame(t *testing.T) {
	server, client := securePair(t)
	s := tlsSocketOf(t, server)
	var record bytes.Buffer
	below := client.NetConn().(*diverted)
	below.to = &record
	if _, err := client.Write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if _, err := below.Conn.Write(record.Next(record.Len() / 2)); err != nil {
		t.Fatal(err)
	}
	expectNothing(t, s)
	if _, err := below.Conn.Write(record.Bytes()); err != nil {
		t.Fatal(err)
	}
	if got, err := readOn(s); string(got) != "one" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func tlsSocketOf(t *testing.T, c *tls.Conn) socket {
	t.Helper()
	e := NewEngine(Config{})
	t.Cleanup(func() { e.Close(context.Background()) })
	s, err := e.sockets.open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// expectNothing expects that s may be parked.
func expectNothing(t *testing.T, s socket) {
	t.Helper()
	if got, err := readOn(s); len(got) != 0 || err != errWouldBlock {
		t.Fatalf("read %q, %v", got, err)
	}
}

func TestEngine_IdleConnections_HaveNoGoroutine(t *testing.T) {
	e := NewEngine(Config{})
	before := runtime.NumGoroutine() + 1 // the poller, which starts with the first
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
