package wsconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// recorder is a Handler that keeps what it is told.
type recorder struct {
	mu       sync.Mutex // guards the rest
	messages []string
	closed   chan struct{}
	err      error // set before closed is closed
	onHear   func(op ws.OpCode, payload []byte)
	onSlow   func()
	heardNow chan string // what onHear hears, where a test waits for it
}

func newRecorder() *recorder { return &recorder{closed: make(chan struct{})} }

func (r *recorder) Message(op ws.OpCode, payload []byte) {
	r.mu.Lock()
	r.messages = append(r.messages, string(payload))
	r.mu.Unlock()
	if r.onHear != nil {
		r.onHear(op, payload)
	}
}

func (r *recorder) Slow() {
	if r.onSlow != nil {
		r.onSlow()
	}
}

func (r *recorder) Closed(err error) {
	r.err = err
	close(r.closed)
}

func (r *recorder) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// bubble runs f with an engine whose time is fake and whose sockets are pipes.
func bubble(t *testing.T, cfg Config, f func(t *testing.T, e *Engine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := NewEngine(cfg)
		f(t, e)
		if err := e.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// connect returns our side of a connection, started, and the client's socket.
func connect(t *testing.T, e *Engine, h Handler) (*Conn, net.Conn) {
	t.Helper()
	server, client := net.Pipe()
	t.Cleanup(func() { client.Close() })
	c, err := e.Attach(server, false, h)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	return c, client
}

// readFrame reads a frame of the server's.
func readFrame(r io.Reader) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(r); err != nil {
		return f, err
	}
	f.Payload = make([]byte, f.Header.Length)
	_, err = io.ReadFull(r, f.Payload)
	return f, err
}

// clientFrame is a masked frame, as clients send them.
func clientFrame(op ws.OpCode, fin bool, payload []byte) []byte {
	f := ws.MaskFrameWith(ws.NewFrame(op, fin, bytes.Clone(payload)), [4]byte{1, 2, 3, 4})
	return ws.MustCompileFrame(f)
}

func TestEngine_SilentPeer_IsPingedThenCutOff(t *testing.T) {
	bubble(t, Config{PingInterval: time.Minute}, func(t *testing.T, e *Engine) {
		start := time.Now()
		r := newRecorder()
		_, client := connect(t, e, r)
		ping, err := readFrame(client)
		if err != nil || ping.Header.OpCode != ws.OpPing {
			t.Fatalf("got %v, %v", ping.Header, err)
		}
		if after := time.Since(start).Round(time.Second); after < time.Minute || after > 67*time.Second {
			t.Errorf("pinged after %v", after)
		}
		<-r.closed
		if after := time.Since(start).Round(time.Second); after < 2*time.Minute || after > 2*time.Minute+7*time.Second {
			t.Errorf("cut off after %v", after)
		}
		if !errors.Is(r.err, errSilent) {
			t.Errorf("ended by %v", r.err)
		}
	})
}

func TestEngine_AnsweringPeer_IsKept(t *testing.T) {
	bubble(t, Config{PingInterval: time.Minute}, func(t *testing.T, e *Engine) {
		r := newRecorder()
		_, client := connect(t, e, r)
		for range 60 {
			ping, err := readFrame(client)
			if err != nil || ping.Header.OpCode != ws.OpPing {
				t.Fatalf("got %v, %v", ping.Header, err)
			}
			client.Write(clientFrame(ws.OpPong, true, nil))
		}
		select {
		case <-r.closed:
			t.Errorf("closed by %v", r.err)
		default:
		}
	})
}

func TestEngine_UnfinishedMessage_IsNotWaitedForForever(t *testing.T) {
	bubble(t, Config{PingInterval: time.Minute}, func(t *testing.T, e *Engine) {
		r := newRecorder()
		_, client := connect(t, e, r)
		go io.Copy(io.Discard, client)
		start := time.Now()
		frame := clientFrame(ws.OpText, true, make([]byte, 1000))
		for i := range frame { // a byte a second keeps the peer from being silent
			if _, err := client.Write(frame[i : i+1]); err != nil {
				break
			}
			time.Sleep(time.Second) // fake
		}
		<-r.closed
		if after := time.Since(start); after > 3*time.Minute {
			t.Errorf("ended after %v", after)
		}
		if !errors.Is(r.err, errMessageTimeout) {
			t.Errorf("ended by %v", r.err)
		}
	})
}

func TestConn_StalledPeer_IsCutOffAndNobodyWaits(t *testing.T) {
	cfg := Config{WriteTimeout: 10 * time.Second, OutboxLimit: 1000, PingInterval: time.Hour}
	bubble(t, cfg, func(t *testing.T, e *Engine) {
		r := newRecorder()
		c, _ := connect(t, e, r) // the client never reads
		start := time.Now()
		frame := AppendFrame(nil, ws.OpText, false, make([]byte, 98))
		var err error
		sent := 0
		for ; err == nil; sent++ {
			err = c.Send(frame)
		}
		if err != ErrSlow {
			t.Fatalf("Send: %v", err)
		}
		if sent > 12 {
			t.Errorf("%d frames of 100 bytes went into an outbox of 1000", sent)
		}
		if time.Since(start) != 0 {
			t.Errorf("Send waited %v", time.Since(start))
		}
		<-r.closed
		if after := time.Since(start); after > 11*time.Second {
			t.Errorf("cut off after %v", after)
		}
	})
}

func TestConn_Close_SendsWhatWaitsThenTheCode(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Engine) {
		r := newRecorder()
		c, client := connect(t, e, r)
		for i := range 3 {
			if err := c.Send(AppendFrame(nil, ws.OpText, false, fmt.Append(nil, i))); err != nil {
				t.Fatal(err)
			}
		}
		c.Close(4001, "slow", AppendFrame(nil, ws.OpText, false, []byte("bye")))
		if err := c.Send(pingFrame); err != ErrClosed {
			t.Errorf("Send after Close: %v", err)
		}
		for _, want := range []string{"0", "1", "2", "bye"} {
			f, err := readFrame(client)
			if err != nil || string(f.Payload) != want {
				t.Fatalf("got %q, %v, want %q", f.Payload, err, want)
			}
		}
		f, err := readFrame(client)
		if err != nil || f.Header.OpCode != ws.OpClose {
			t.Fatalf("got %v, %v", f.Header, err)
		}
		if code, reason := ws.ParseCloseFrameData(f.Payload); code != 4001 || reason != "slow" {
			t.Errorf("close %d %q", code, reason)
		}
		client.Close()
		<-r.closed
		var why *CloseError
		if !errors.As(r.err, &why) || why.Code != 4001 {
			t.Errorf("ended by %v", r.err)
		}
	})
}

// A peer that has closed waits for the end of the connection. Over what cannot be closed by
// half it comes soon, and what the peer sends until then does no harm.
func TestConn_PeerHasClosed_TheConnectionEndsSoon(t *testing.T) {
	for _, sends := range []int{0, 5} {
		bubble(t, Config{CloseTimeout: 3 * time.Second}, func(t *testing.T, e *Engine) {
			r := newRecorder()
			_, client := connect(t, e, r)
			start := time.Now()
			if _, err := client.Write(clientFrame(ws.OpClose, true, ws.NewCloseFrameBody(1000, ""))); err != nil {
				t.Fatal(err)
			}
			f, err := readFrame(client)
			if err != nil || f.Header.OpCode != ws.OpClose {
				t.Fatalf("got %v, %v", f.Header, err)
			}
			for range sends { // over a socket these would be unread bytes
				if _, err := client.Write(clientFrame(ws.OpText, true, []byte("more"))); err != nil {
					t.Error(err)
				}
			}
			if _, err := readFrame(client); err != io.EOF {
				t.Errorf("then: %v", err)
			}
			if after := time.Since(start); after < lingerTime || after > time.Second {
				t.Errorf("the connection ended after %v", after)
			}
			<-r.closed
			var why *CloseError
			if !errors.As(r.err, &why) || why.Code != 1000 {
				t.Errorf("ended by %v", r.err)
			}
		})
	}
}

func TestConn_Close_PeerThatNeverAnswers_IsLeft(t *testing.T) {
	bubble(t, Config{CloseTimeout: 3 * time.Second}, func(t *testing.T, e *Engine) {
		r := newRecorder()
		c, client := connect(t, e, r)
		go io.Copy(io.Discard, client)
		start := time.Now()
		c.Close(1001, "", nil)
		<-r.closed
		if after := time.Since(start); after > 4*time.Second {
			t.Errorf("left after %v", after)
		}
	})
}

// What follows a ping is heard even if its pong does not fit into the outbox.
func TestConn_PongThatMeetsAFullOutbox_SkipsNothing(t *testing.T) {
	bubble(t, Config{OutboxLimit: 1000, WriteTimeout: time.Hour}, func(t *testing.T, e *Engine) {
		r := newRecorder()
		c, client := connect(t, e, r)
		var err error
		for err == nil {
			err = c.Send(AppendFrame(nil, ws.OpText, false, make([]byte, 5)))
		}
		if err != ErrSlow {
			t.Fatal(err)
		}
		segment := clientFrame(ws.OpPing, true, []byte("a ping with a body"))
		segment = append(segment, clientFrame(ws.OpText, true, []byte("A"))...)
		for _, p := range [][]byte{segment, clientFrame(ws.OpText, true, []byte("B"))} {
			if _, err := client.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := r.heard(); !slices.Equal(got, []string{"A", "B"}) {
			t.Errorf("heard %q", got)
		}
	})
}

func TestConn_HandlerThatPanics_EndsItsConnectionOnly(t *testing.T) {
	panics := make(chan any, 1)
	bubble(t, Config{OnPanic: func(v any, _ []byte) { panics <- v }}, func(t *testing.T, e *Engine) {
		bad, good := newRecorder(), newRecorder()
		bad.onHear = func(ws.OpCode, []byte) { panic("oh no") }
		_, badClient := connect(t, e, bad)
		_, goodClient := connect(t, e, good)
		badClient.Write(clientFrame(ws.OpText, true, []byte("x")))
		<-bad.closed
		if v := <-panics; v != "oh no" {
			t.Errorf("OnPanic got %v", v)
		}
		goodClient.Write(clientFrame(ws.OpText, true, []byte("y")))
		synctest.Wait()
		if got := good.heard(); !slices.Equal(got, []string{"y"}) {
			t.Errorf("heard %q", got)
		}
	})
}

func TestConn_CloseAndKillFromWithinMessage(t *testing.T) {
	for _, name := range []string{"Close", "Kill"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, e *Engine) {
				r := newRecorder()
				c, client := connect(t, e, r)
				go io.Copy(io.Discard, client)
				r.onHear = func(ws.OpCode, []byte) {
					if name == "Close" {
						c.Close(1000, "", nil)
					} else {
						c.Kill(io.EOF)
					}
				}
				two := append(clientFrame(ws.OpText, true, []byte("1")), clientFrame(ws.OpText, true, []byte("2"))...)
				client.Write(two)
				<-r.closed
				if got := r.heard(); name == "Close" && !slices.Equal(got, []string{"1"}) {
					t.Errorf("heard %q", got)
				}
			})
		})
	}
}

func TestEngine_Close_ContextEnds_TheRestEndsByItself(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Engine) {
		r := newRecorder()
		proceed := make(chan struct{})
		r.onHear = func(ws.OpCode, []byte) { <-proceed }
		_, client := connect(t, e, r)
		client.Write(clientFrame(ws.OpText, true, []byte("x")))
		synctest.Wait() // until the handler waits
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := e.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		close(proceed)
		<-r.closed
		// The bubble fails if one of the engine's goroutines is left.
	})
}

func TestEngine_Close_TellsEveryHandler(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Engine) {
		var rs []*recorder
		for range 10 {
			r := newRecorder()
			connect(t, e, r)
			rs = append(rs, r)
		}
		if err := e.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			<-r.closed
		}
		server, _ := net.Pipe()
		if _, err := e.Attach(server, false, newRecorder()); err != ErrEngineClosed {
			t.Errorf("Attach after Close: %v", err)
		}
	})
}

// A message to many connections that keep up touches one line of the cache of each.
func TestConn_WhatSendNeeds_IsOneCacheLine(t *testing.T) {
	conn := reflect.TypeFor[Conn]()
	queue, _ := conn.FieldByName("queue")
	if end := queue.Offset + queue.Type.Size(); end > 64 || conn.Size() > 192 {
		t.Errorf("it ends at byte %d of %d", end, conn.Size())
	}
}
