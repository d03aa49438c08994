package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// client is a WebSocket client that sends whatever a case tells it, right or
// wrong. By itself it only answers the server's pings. Everything else that comes
// waits in the queue until the case expects it.
//
// One goroutine expects. Any number may write.
type client struct {
	// Fixed.
	tb      TB
	name    string // for failure messages
	conn    net.Conn
	timeout time.Duration // of each expectation and each write
	queue   *eventQueue

	// A mutex: whoever writes puts an element in. It is held for one write, or
	// for all segments of a frame, because a pong must not get between them. It
	// is a channel because the holder blocks on the network, which tests with
	// fake time (testing/synctest) cannot see through a sync.Mutex.
	writing chan struct{}

	// Owned by the goroutine that expects: what came while it waited for
	// something else. The order of messages and pongs among each other is free.
	messages []event
	pongs    []event
}

// newClient reads from conn until the run of the case ends. in, if not nil, is a
// reader of conn that has some bytes buffered.
func newClient(t *caseRun, name string, conn net.Conn, in *bufio.Reader) *client {
	if in == nil {
		in = bufio.NewReader(conn)
	}
	c := &client{
		tb:      t,
		name:    name,
		conn:    conn,
		timeout: t.target.Timeout,
		queue:   newEventQueue(),
		writing: make(chan struct{}, 1),
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.queue.fill(&reader{in: in, limit: t.target.MaxMessage}, c.write)
	}()
	t.Cleanup(func() {
		conn.Close()
		<-read
	})
	return c
}

// write sends bytes unchanged.
func (c *client) write(b []byte) error {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	return c.writeLocked(b)
}

func (c *client) writeLocked(b []byte) error {
	if err := c.conn.SetWriteDeadline(c.deadline()); err != nil {
		return err
	}
	_, err := c.conn.Write(b)
	return err
}

// deadline is when an expectation or a write that begins now must have ended.
func (c *client) deadline() time.Time { return time.Now().Add(c.timeout) }

// send sends frames in one write.
func (c *client) send(frames ...frame) {
	c.tb.Helper()
	if err := c.write(appendFrames(nil, frames...)); err != nil {
		c.tb.Fatalf("%s sends: %v", c.name, err)
	}
}

// trySend sends frames after which the server may close the connection before it
// has read them all. The case checks the server's answer instead of the error.
func (c *client) trySend(frames ...frame) {
	_ = c.write(appendFrames(nil, frames...))
}

// sendInSegments is trySend with n bytes in each write. It calls between after
// each.
func (c *client) sendInSegments(n int, between func(), frames ...frame) {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	for segment := range slices.Chunk(appendFrames(nil, frames...), n) {
		if c.writeLocked(segment) != nil {
			return
		}
		between()
	}
}

func (c *client) sendText(s string) {
	c.tb.Helper()
	c.send(text(s))
}

func (c *client) ping(payload string) {
	c.tb.Helper()
	c.send(pingFrame(payload))
}

// nextMessage returns the next message. Pings and pongs may come before it.
func (c *client) nextMessage() (event, error) {
	if len(c.messages) > 0 {
		e := c.messages[0]
		c.messages = c.messages[1:]
		return e, nil
	}
	deadline := c.deadline()
	for {
		e, err := c.queue.next(deadline)
		switch {
		case err != nil || e.isMessage():
			return e, err
		case e.opcode == opPong:
			c.pongs = append(c.pongs, e)
		case e.opcode == opClose:
			return e, fmt.Errorf("server sent %v", e)
		}
	}
}

// expect fails unless this is the next message that the client receives.
func (c *client) expect(opcode byte, payload []byte) {
	c.tb.Helper()
	want := event{opcode, payload}
	got, err := c.nextMessage()
	if err != nil {
		c.tb.Fatalf("%s waits for %v: %v", c.name, want, err)
	}
	if got.opcode != opcode || !bytes.Equal(got.payload, payload) {
		c.tb.Fatalf("%s receives %v, want %v", c.name, got, want)
	}
}

func (c *client) expectText(texts ...string) {
	c.tb.Helper()
	for _, s := range texts {
		c.expect(opText, []byte(s))
	}
}

// expectPong fails unless the next pong carries this payload. Messages may come
// before it.
func (c *client) expectPong(payload string) {
	c.tb.Helper()
	got, err := c.nextPong()
	if err != nil {
		c.tb.Fatalf("%s waits for pong %q: %v", c.name, payload, err)
	}
	if string(got.payload) != payload {
		c.tb.Fatalf("%s receives %v, want pong %q", c.name, got, payload)
	}
}

func (c *client) nextPong() (event, error) {
	if len(c.pongs) > 0 {
		e := c.pongs[0]
		c.pongs = c.pongs[1:]
		return e, nil
	}
	deadline := c.deadline()
	for {
		e, err := c.queue.next(deadline)
		switch {
		case err != nil || e.opcode == opPong:
			return e, err
		case e.isMessage():
			c.messages = append(c.messages, e)
		case e.opcode == opClose:
			return e, fmt.Errorf("server sent %v", e)
		}
	}
}

// expectPing fails unless the next thing the server sends is a ping.
func (c *client) expectPing() {
	c.tb.Helper()
	e, err := c.queue.next(c.deadline())
	if err != nil {
		c.tb.Fatalf("%s waits for a ping: %v", c.name, err)
	}
	if e.opcode != opPing {
		c.tb.Fatalf("%s receives %v, want a ping", c.name, e)
	}
}

// expectClose fails unless a close frame comes next. It returns the code. Pings
// may come before it.
func (c *client) expectClose() uint16 {
	c.tb.Helper()
	if len(c.messages) > 0 {
		c.tb.Fatalf("%s receives %v, want a close frame", c.name, c.messages[0])
	}
	deadline := c.deadline()
	for {
		e, err := c.queue.next(deadline)
		switch {
		case err != nil:
			c.tb.Fatalf("%s waits for a close frame: %v", c.name, err)
		case e.opcode == opClose:
			code, _ := checkClose(e.payload) // reader.next has checked it
			return code
		case e.opcode != opPing:
			c.tb.Fatalf("%s receives %v, want a close frame", c.name, e)
		}
	}
}

// expectCode fails unless a close frame with one of these codes comes next.
func (c *client) expectCode(codes ...uint16) {
	c.tb.Helper()
	if got := c.expectClose(); !slices.Contains(codes, got) {
		c.tb.Fatalf("%s: server closes with %d, want %d", c.name, got, codes)
	}
}

// expectCloseAndEnd fails unless the server sends a close frame with one of these
// codes and then ends the connection.
func (c *client) expectCloseAndEnd(codes ...uint16) {
	c.tb.Helper()
	c.expectCode(codes...)
	// A server may wait for our close frame before it ends the connection, and
	// it may have ended the connection already.
	_ = c.write(closeWith(codes[0], "").append(nil))
	c.expectEnd()
}

// expectEnd fails unless the server ends the connection, with FIN or RST, and
// sends nothing but pings before that.
func (c *client) expectEnd() {
	c.tb.Helper()
	deadline := c.deadline()
	for {
		e, err := c.queue.next(deadline)
		var wrong protocolError
		switch {
		case err == errTimeout:
			c.tb.Fatalf("%s: server does not end the connection after the close frame", c.name)
		case errors.As(err, &wrong):
			c.tb.Fatalf("%s: %v after the close frame", c.name, wrong)
		case err != nil:
			return
		case e.opcode != opPing: // RFC 6455 section 5.5.1 only forbids data
			c.tb.Fatalf("%s receives %v after the close frame", c.name, e)
		}
	}
}

// closeNormally makes the closing handshake (section 7.1.2).
func (c *client) closeNormally() {
	c.tb.Helper()
	c.send(closeWith(codeNormal, ""))
	c.expectCode(codeNormal)
	c.expectEnd()
}

// hangUp ends the connection without a close frame. Where the transport can be
// closed in one direction, hangUp returns when the server has closed the other,
// and so has removed the client from its room.
func (c *client) hangUp() {
	c.tb.Helper()
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		c.disconnect()
		return
	}
	for deadline := c.deadline(); ; {
		_, err := c.queue.next(deadline)
		if err == errTimeout {
			c.tb.Fatalf("%s: server does not end a connection that the client has ended", c.name)
		}
		if err != nil {
			return
		}
	}
}

// disconnect closes the connection at once, in both directions.
func (c *client) disconnect() {
	c.conn.Close()
}
