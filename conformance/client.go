package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// client is a WebSocket client that does what it is told, right or wrong. Only
// the server's pings it answers by itself, at once; all else that comes must be
// expected.
//
// One goroutine expects. Any number may write.
type client struct {
	// Fixed.
	tb       TB
	name     string // for the report of failures
	conn     net.Conn
	patience time.Duration // with every expectation and every write
	inbox    *inbox

	// Held for a write, or for all the segments of a frame: a pong must not get
	// between them.
	writing sync.Mutex

	// Owned by the one who expects: what came while something else was waited
	// for. A pong may overtake what the room says, and the other way round.
	messages []event
	pongs    []event
}

// newClient reads from conn, or from in where that holds some of it already,
// until the trial ends.
func newClient(t *trial, name string, conn net.Conn, in *bufio.Reader) *client {
	if in == nil {
		in = bufio.NewReader(conn)
	}
	c := &client{
		tb:       t,
		name:     name,
		conn:     conn,
		patience: t.target.Patience,
		inbox:    newInbox(),
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.inbox.fill(&reader{in: in, limit: t.target.MaxMessage}, c.write)
	}()
	t.Cleanup(func() {
		conn.Close()
		<-read
	})
	return c
}

// write sends bytes as they are.
func (c *client) write(b []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.writeLocked(b)
}

func (c *client) writeLocked(b []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return err
	}
	_, err := c.conn.Write(b)
	return err
}

// send sends frames in one write.
func (c *client) send(frames ...frame) {
	c.tb.Helper()
	if err := c.write(appendFrames(nil, frames...)); err != nil {
		c.tb.Fatalf("%s sends: %v", c.name, err)
	}
}

// sendAnyway sends frames that may make the server hang up before it has read
// all of them: what it answers is for the reader to find out.
func (c *client) sendAnyway(frames ...frame) {
	_ = c.write(appendFrames(nil, frames...))
}

// sendInSegments does the same with n bytes a write, and lets pause run after
// each.
func (c *client) sendInSegments(n int, pause func(), frames ...frame) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for segment := range slices.Chunk(appendFrames(nil, frames...), n) {
		if c.writeLocked(segment) != nil {
			return
		}
		pause()
	}
}

func (c *client) say(s string) {
	c.tb.Helper()
	c.send(text(s))
}

func (c *client) ping(payload string) {
	c.tb.Helper()
	c.send(pingFrame(payload))
}

// nextHeard returns the next message. Pings and pongs may come before it.
func (c *client) nextHeard() (event, error) {
	if len(c.messages) > 0 {
		e := c.messages[0]
		c.messages = c.messages[1:]
		return e, nil
	}
	timeout := time.Now().Add(c.patience)
	for {
		e, err := c.inbox.next(timeout)
		switch {
		case err != nil || e.heard():
			return e, err
		case e.opcode == opPong:
			c.pongs = append(c.pongs, e)
		case e.opcode == opClose:
			return e, fmt.Errorf("server sent %v", e)
		}
	}
}

// expect fails unless the client hears exactly this next.
func (c *client) expect(opcode byte, payload []byte) {
	c.tb.Helper()
	want := event{opcode, payload}
	got, err := c.nextHeard()
	if err != nil {
		c.tb.Fatalf("%s waits for %v: %v", c.name, want, err)
	}
	if got.opcode != opcode || !bytes.Equal(got.payload, payload) {
		c.tb.Fatalf("%s hears %v, want %v", c.name, got, want)
	}
}

func (c *client) expectText(texts ...string) {
	c.tb.Helper()
	for _, s := range texts {
		c.expect(opText, []byte(s))
	}
}

// expectPong fails unless the next pong carries this payload. The room may
// speak before it.
func (c *client) expectPong(payload string) {
	c.tb.Helper()
	got, err := c.nextPong()
	if err != nil {
		c.tb.Fatalf("%s waits for pong %q: %v", c.name, payload, err)
	}
	if string(got.payload) != payload {
		c.tb.Fatalf("%s is sent %v, want pong %q", c.name, got, payload)
	}
}

func (c *client) nextPong() (event, error) {
	if len(c.pongs) > 0 {
		e := c.pongs[0]
		c.pongs = c.pongs[1:]
		return e, nil
	}
	timeout := time.Now().Add(c.patience)
	for {
		e, err := c.inbox.next(timeout)
		switch {
		case err != nil || e.opcode == opPong:
			return e, err
		case e.heard():
			c.messages = append(c.messages, e)
		case e.opcode == opClose:
			return e, fmt.Errorf("server sent %v", e)
		}
	}
}

// expectPing waits for a ping of the server's own.
func (c *client) expectPing() {
	c.tb.Helper()
	e, err := c.inbox.next(time.Now().Add(c.patience))
	if err != nil {
		c.tb.Fatalf("%s waits for a ping: %v", c.name, err)
	}
	if e.opcode != opPing {
		c.tb.Fatalf("%s is sent %v, want a ping", c.name, e)
	}
}

// expectClose fails unless a close frame is what comes next, and returns its
// code.
func (c *client) expectClose() uint16 {
	c.tb.Helper()
	if len(c.messages) > 0 {
		c.tb.Fatalf("%s hears %v, want a close frame", c.name, c.messages[0])
	}
	timeout := time.Now().Add(c.patience)
	for {
		e, err := c.inbox.next(timeout)
		switch {
		case err != nil:
			c.tb.Fatalf("%s waits for a close frame: %v", c.name, err)
		case e.opcode == opClose:
			code, _ := checkClose(e.payload) // next has checked it
			return code
		case e.opcode != opPing:
			c.tb.Fatalf("%s is sent %v, want a close frame", c.name, e)
		}
	}
}

// expectFailed fails unless the server closes with one of these codes and then
// hangs up.
func (c *client) expectFailed(codes ...uint16) {
	c.tb.Helper()
	c.expectCode(codes...)
	// A server may wait for our answer before it hangs up, and may as well have
	// hung up already.
	_ = c.write(closeWith(codes[0], "").append(nil))
	c.expectEnd()
}

func (c *client) expectCode(codes ...uint16) {
	c.tb.Helper()
	if got := c.expectClose(); !slices.Contains(codes, got) {
		c.tb.Fatalf("%s: server closes with %d, want %d", c.name, got, codes)
	}
}

// expectEnd fails unless nothing more comes and the server hangs up, however
// ungently: what it had to say, it has said.
func (c *client) expectEnd() {
	c.tb.Helper()
	timeout := time.Now().Add(c.patience)
	for {
		e, err := c.inbox.next(timeout)
		var wrong breach
		switch {
		case err == errPatience:
			c.tb.Fatalf("%s: server does not hang up after the close frame", c.name)
		case errors.As(err, &wrong):
			c.tb.Fatalf("%s: %v behind the close frame", c.name, wrong)
		case err != nil:
			return
		case e.opcode != opPing: // RFC 6455 section 5.5.1 only forbids data
			c.tb.Fatalf("%s is sent %v behind the close frame", c.name, e)
		}
	}
}

// leave closes in words (section 7.1.2).
func (c *client) leave() {
	c.tb.Helper()
	c.send(closeWith(codeNormal, ""))
	c.expectCode(codeNormal)
	c.expectEnd()
}

// vanish cuts the connection without a word.
func (c *client) vanish() {
	c.conn.Close()
}
