package wsconn

import (
	"cmp"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/gobwas/ws"
)

// readSize is how much one read takes: some thirty chat messages. Larger buffers
// were no faster for those, and each of many simultaneous handshakes takes one.
const readSize = 4 << 10

// readState is what a connection needs only while there is something to read.
type readState struct {
	buf [readSize]byte
	in  *assembler
}

var readStates = sync.Pool{New: func() any { return &readState{in: new(assembler)} }}

// acquireReadState takes a readState from the pool and puts into it the message
// that was unfinished when c released its last one.
func (c *Conn) acquireReadState() *readState {
	r := readStates.Get().(*readState)
	if c.partial != nil {
		r.in, c.partial = c.partial, nil
	}
	r.in.sink = c
	return r
}

// releaseReadState must be called before the right to read is given up.
func (c *Conn) releaseReadState(r *readState) {
	r.in.sink = nil
	if r.in.unfinished() {
		c.partial, r.in = r.in, new(assembler)
	}
	readStates.Put(r)
}

// Start begins to read. Before it, messages may be sent but none is received.
func (c *Conn) Start() {
	if err := c.sock.attach(c); err != nil {
		c.endRead(err)
		return
	}
	c.shared.spawn(c.read)
}

// Wait blocks until the connection has ended if its socket is an HTTP/2 or
// HTTP/3 stream, which ends with the HTTP handler that accepted it. For others
// it returns at once.
func (c *Conn) Wait() {
	if s, ok := c.sock.(*streamSocket); ok {
		<-s.done
	}
}

// readable is called by the poller when the socket may have bytes to read.
func (c *Conn) readable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == dead {
		return
	}
	if c.reading {
		c.readableEvent = true // the reader looks again before it parks
		return
	}
	c.reading = true
	c.shared.spawn(c.read)
}

// park gives up the right to read, unless bytes came meanwhile.
func (c *Conn) park() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readableEvent && c.state != dead {
		c.readableEvent = false
		return false
	}
	c.reading = false
	c.releaseLocked()
	return true
}

// read reads until the socket has nothing more, then parks. It holds the right
// to read.
func (c *Conn) read() {
	c.shared.readers.Add(1)
	defer c.shared.readers.Add(-1)
	defer c.recoverRead()
	for {
		err := c.readAvailable()
		if err == errWouldBlock {
			if c.park() {
				return
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // no close frame came before the end
		}
		c.endRead(err)
		return
	}
}

// readAvailable feeds what there is to read and returns why there is no more.
func (c *Conn) readAvailable() error {
	r := c.acquireReadState()
	defer c.releaseReadState(r)
	if early := r.in.early; early != nil {
		r.in.early = nil
		if err := c.feed(r.in, early); err != nil {
			return err
		}
	}
	for {
		n, err := c.sock.read(r.buf[:])
		if n > 0 {
			c.lastRead.Store(c.shared.now())
			err = cmp.Or(c.feed(r.in, r.buf[:n]), err)
		}
		if err != nil {
			return err
		}
	}
}

// recoverRead ends the connection when its Handler or the engine panics: a panic
// in a goroutine of the engine would end the whole process.
func (c *Conn) recoverRead() {
	if r := recover(); r != nil {
		c.endRead(c.shared.recovered(r))
	}
}

// endRead kills the connection and gives up the right to read.
func (c *Conn) endRead(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = false // there is no reader left to interrupt
	c.killLocked(why)
	c.releaseLocked()
}

// feed passes bytes to the assembler and returns an error if no more are to be read.
// No byte is skipped while the connection is open. After a close frame was sent, what
// still comes is read and dropped, so that the peer gets to see that frame: to close
// a socket with unread bytes resets the connection. A dead connection reads no more,
// or a peer that sends without end would keep its socket open.
func (c *Conn) feed(in *assembler, p []byte) error {
	switch c.currentState() {
	case closing:
		return nil
	case dead:
		return net.ErrClosed
	}
	err := in.feed(p, c.shared.maxMessage(), c.deflate)
	if in.unfinished() && err == nil {
		if c.messageStart.Load() == 0 {
			c.messageStart.Store(c.shared.now())
		}
		return nil
	}
	if c.messageStart.Load() != 0 {
		c.messageStart.Store(0)
	}
	if err == nil || err == errClosing {
		return nil
	}
	var ce *CloseError
	if !errors.As(err, &ce) {
		return err
	}
	c.fail(ce)
	return nil
}

// errClosing stops the assembler once the connection is closing. While it is open,
// it must not be returned: the assembler would skip what follows.
var errClosing = errors.New("connection is closing")

// message implements sink.
func (c *Conn) message(op ws.OpCode, payload []byte, compressed bool) error {
	if compressed {
		plain, err := inflate(op, payload, c.shared.maxMessage())
		if err != nil {
			return err
		}
		payload = plain
	}
	c.handler.Message(op, payload)
	if c.currentState() != open { // the handler may have closed it
		return errClosing
	}
	return nil
}

// control implements sink.
func (c *Conn) control(op ws.OpCode, payload []byte) error {
	switch op {
	case ws.OpPing:
		// A full outbox drops the pong. The peer has bytes to read, which show as well
		// that we live, and it may get a later pong instead (RFC 6455 section 5.5.3).
		if err := c.Send(AppendFrame(nil, ws.OpPong, false, payload)); err == ErrClosed {
			return errClosing
		}
	case ws.OpClose:
		code, err := checkClose(payload)
		if err != nil {
			return err
		}
		why := &CloseError{Code: ws.StatusNoStatusRcvd, Reason: "closed by peer"}
		if code != 0 {
			why.Code = code
		}
		c.close(why, appendClose(nil, code, ""))
		return errClosing
	}
	return nil
}
