package wsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// floods are frames that reach no Handler. Each begins with first, and goes on with
// next as often as it likes.
var floods = map[string]struct{ first, next []byte }{
	"pings":                  {nil, clientFrame(ws.OpPing, true, nil)},
	"long pings":             {nil, clientFrame(ws.OpPing, true, make([]byte, 125))},
	"pongs":                  {nil, clientFrame(ws.OpPong, true, nil)},
	"empty fragments":        {clientFrame(ws.OpText, false, nil), clientFrame(ws.OpContinuation, false, nil)},
	"small fragments":        {clientFrame(ws.OpText, false, nil), clientFrame(ws.OpContinuation, false, []byte("x"))},
	"a message byte by byte": {clientFrame(ws.OpText, true, make([]byte, 60_000))[:14], []byte("x")},
}

// A client that sends what reaches no Handler is closed with 1008, however it is
// connected. It gets the close frame, even if it does not read it at once.
func TestConn_Flood_IsClosedWithPolicyViolation(t *testing.T) {
	for name, f := range floods {
		for _, over := range []string{"pipe", "tcp", "tls"} {
			if over != "pipe" && len(f.next) == 1 {
				continue // the kernel gathers bytes: how many reads they take is not known
			}
			t.Run(name+"/"+over, func(t *testing.T) {
				e := NewEngine(Config{CloseTimeout: time.Minute})
				defer e.Close(t.Context())
				server, client := pairOver(t, over)
				r := newRecorder()
				c, err := e.Attach(server, false, r)
				if err != nil {
					t.Fatal(err)
				}
				c.Start()
				done := make(chan struct{})
				go func() {
					defer close(done)
					writeFlood(client, f.first, f.next, 10*littleAtOnce)
				}()
				code, err := readCode(client)
				if err != nil || code != ws.StatusPolicyViolation {
					t.Errorf("closed with %d, %v", code, err)
				}
				client.Close()
				<-done
				<-r.closed
				if got := r.heard(); len(got) > 0 || r.err != errTooManyFrames {
					t.Errorf("heard %q, ended by %v", got, r.err)
				}
			})
		}
	}
}

// writeFlood writes next n times or until the connection ends: one by one if it is a
// byte, else together.
func writeFlood(w io.Writer, first, next []byte, n int) {
	if _, err := w.Write(first); err != nil {
		return
	}
	if len(next) > 1 {
		next, n = bytes.Repeat(next, n), 1
	}
	for range n {
		if _, err := w.Write(next); err != nil {
			return
		}
	}
}

// pairOver returns both ends of a connection.
func pairOver(t *testing.T, over string) (server, client net.Conn) {
	t.Helper()
	switch over {
	case "tcp":
		server, client = plainPair(t)
	case "tls":
		var s, c *tls.Conn
		s, c = securePair(t)
		server, client = s, c
	default:
		server, client = net.Pipe()
		t.Cleanup(func() { client.Close() })
	}
	return server, client
}

// readCode reads until the close frame.
func readCode(r io.Reader) (ws.StatusCode, error) {
	for {
		f, err := readFrame(r)
		if err != nil {
			return 0, err
		}
		if f.Header.OpCode == ws.OpClose {
			code, _ := ws.ParseCloseFrameData(f.Payload)
			return code, nil
		}
	}
}

// Who keeps to the budget stays, for as long as they like.
func TestConn_FramesWithinTheBudget_StayOpen(t *testing.T) {
	for name, f := range floods {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{PingInterval: time.Hour}, func(t *testing.T, e *Engine) {
				r := newRecorder()
				_, client := connect(t, e, r)
				go io.Copy(io.Discard, client)
				writeFlood(client, f.first, f.next, littleAtOnce/2)
				for range 10_000 / 10 {
					time.Sleep(10 * littleInterval) // fake
					writeFlood(client, nil, f.next, 10)
				}
				expectOpen(t, r)
			})
		})
	}
}

// A message pays for the reads and fragments that it came in: a client may write the
// header and the payload of each by themselves.
func TestConn_MessagesInSmallPieces_AreNotCharged(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Engine) {
		r := newRecorder()
		_, client := connect(t, e, r)
		frame := clientFrame(ws.OpText, true, []byte("hello"))
		for range 3 * littleAtOnce {
			for _, p := range [][]byte{frame[:2], frame[2:6], frame[6:]} {
				if _, err := client.Write(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		synctest.Wait()
		expectOpen(t, r)
		if n := len(r.heard()); n != 3*littleAtOnce {
			t.Errorf("heard %d messages", n)
		}
	})
}

func TestConn_PingsOfOneRead_TheLastAreAnsweredTogether(t *testing.T) {
	for _, n := range []int{1, 10, maxPongs, maxPongs + 1, 100} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, e *Engine) {
				s := newScripted()
				s.atOnce = true
				var pings, want []byte
				for i := range n {
					p := fmt.Append(nil, "ping ", i)
					pings = append(pings, clientFrame(ws.OpPing, true, p)...)
					if i >= (n-1)/maxPongs*maxPongs {
						want = append(want, AppendFrame(nil, ws.OpPong, false, p)...)
					}
				}
				pings = append(pings, clientFrame(ws.OpText, true, []byte("after"))...)
				s.onRead = func(p []byte) (int, error) {
					if pings == nil {
						return 0, errWouldBlock
					}
					k := copy(p, pings)
					pings = nil
					return k, nil
				}
				var got [][]byte
				s.onWrite = func(p []byte) (int, error) {
					got = append(got, bytes.Clone(p))
					return len(p), nil
				}
				answered := 0
				r := newRecorder()
				r.onHear = func(ws.OpCode, []byte) { answered = len(got) }
				c, err := e.register(s, false, r)
				if err != nil {
					t.Fatal(err)
				}
				c.Start()
				synctest.Wait()
				if len(got) != 1 || !bytes.Equal(got[0], want) {
					t.Errorf("answered %q, want %q", got, want)
				}
				if answered != 1 {
					t.Errorf("answered after the message")
				}
			})
		})
	}
}

// Others get a turn after 64 KiB of one connection.
func TestConn_ReaderThatAlwaysHasBytes_YieldsAfterATurn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	e := NewEngine(Config{})
	defer e.Close(t.Context())
	s := newScripted()
	var read atomic.Int64
	frame := clientFrame(ws.OpBinary, true, make([]byte, readSize-8))
	s.onRead = func(p []byte) (int, error) {
		read.Add(int64(copy(p, frame)))
		if read.Load() > 1<<30 {
			return 0, io.EOF
		}
		return readSize, nil
	}
	c, err := e.register(s, false, nowhere{})
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	for read.Load() == 0 {
		runtime.Gosched()
	}
	// Each time that this goroutine runs, the reader has had a turn or two: the
	// scheduler takes its goroutines nearly in order. Without a yield, it would be
	// stopped every 10 ms only, after many megabytes.
	before := read.Load()
	const looks = 20
	for range looks {
		runtime.Gosched()
	}
	if turns := (read.Load() - before) / readTurn; turns > 3*looks {
		t.Errorf("%d turns passed while another goroutine had %d", turns, looks)
	}
	c.Kill(io.EOF)
}

// What comes after a close frame is dropped, no faster than it has to be: in large reads, in
// small ones that cost as much, and when the peer lets its socket run empty in between.
// The time limit of the close frame ends it as soon as the reader's pause has.
func TestConn_Closing_ReadsNoFasterThanItsPace(t *testing.T) {
	for _, size := range []int{readSize, 1} {
		for _, runsEmpty := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bytes, runs empty: %v", size, runsEmpty), func(t *testing.T) { dropReads(t, size, runsEmpty) })
		}
	}
}

func dropReads(t *testing.T, size int, runsEmpty bool) {
	const limit = 10 * time.Second
	bubble(t, Config{CloseTimeout: limit}, func(t *testing.T, e *Engine) {
		start := time.Now()
		s := newScripted()
		s.little = 1 << 10
		cost := max(size, s.little)
		var c *Conn
		read, empty := 0, false
		s.onRead = func(p []byte) (int, error) {
			if empty = runsEmpty && !empty; empty {
				c.readable() // as the poller would before the reader has parked
				return 0, errWouldBlock
			}
			if read += cost; read > 100<<20 {
				return 0, errors.New("it reads without end")
			}
			return size, nil
		}
		s.onWrite = func(p []byte) (int, error) { return len(p), nil }
		r := newRecorder()
		c, err := e.register(s, false, r)
		if err != nil {
			t.Fatal(err)
		}
		c.Close(1001, "", nil)
		c.Start()
		<-r.closed
		pauses := int(limit / dropPause)
		if most := dropAtOnce + (pauses+3)*readTurn; read > most || read < most/2 {
			t.Errorf("read what costs as much as %d bytes, want %d at most; ended by %v", read, most, r.err)
		}
		if took := time.Since(start); took < limit || took > limit+2*longestTick+dropPause {
			t.Errorf("ended after %v by %v", took, r.err)
		}
	})
}

// What an honest client had sent before it got to see the close frame is read at once.
func TestConn_Closing_ReadsWhatWasOnItsWayAtOnce(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Engine) {
		start := time.Now()
		r := newRecorder()
		c, client := connect(t, e, r)
		go io.Copy(io.Discard, client)
		c.Close(1001, "", nil)
		if _, err := client.Write(make([]byte, dropAtOnce)); err != nil {
			t.Fatal(err)
		}
		client.Close()
		<-r.closed
		if took := time.Since(start); took > 0 {
			t.Errorf("ended after %v by %v", took, r.err)
		}
	})
}
