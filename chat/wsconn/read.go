package wsconn

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/gobwas/ws"
)

// readSize is how much one read takes: some thirty chat messages. Larger buffers
// were no faster for those, and a rush of handshakes takes one each.
const readSize = 4 << 10

// reading is what a connection needs only while there is something to read.
type reading struct {
	buf [readSize]byte
	in  *assembler
}

var readings = sync.Pool{New: func() any { return &reading{in: new(assembler)} }}

// borrow takes what reading needs, with the message that was not whole when c
// last had it.
func (c *Conn) borrow() *reading {
	r := readings.Get().(*reading)
	if c.partial != nil {
		r.in, c.partial = c.partial, nil
	}
	r.in.sink = c
	return r
}

// giveBack must come before the right to read is given back.
func (c *Conn) giveBack(r *reading) {
	r.in.sink = nil
	if r.in.unfinished() {
		c.partial, r.in = r.in, new(assembler)
	}
	readings.Put(r)
}

// wake is called by the poller when the socket may have bytes to read.
func (c *Conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == dead {
		return
	}
	if c.reading {
		c.event = true // the reader looks again before it parks
		return
	}
	c.reading = true
	c.engine.spawn(c.read)
}

// Start begins to read. Until then messages may be sent but none is heard.
func (c *Conn) Start() {
	if err := c.sock.attach(c); err != nil {
		c.endRead(err)
		return
	}
	c.engine.spawn(c.read)
}

// Wait blocks until the connection has ended if its socket is an HTTP/2 or
// HTTP/3 stream, which lives no longer than the HTTP handler that it came in by.
// For others it returns at once.
func (c *Conn) Wait() {
	if s, ok := c.sock.(*streamSocket); ok {
		<-s.done
	}
}

// park gives the right to read back, unless bytes came meanwhile.
func (c *Conn) park() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.event && c.state != dead {
		c.event = false
		return false
	}
	c.reading = false
	c.endLocked()
	return true
}

// read reads until the socket has nothing more. It holds the right to read.
func (c *Conn) read() {
	c.engine.readers.Add(1)
	defer c.engine.readers.Add(-1)
	defer c.contain()
	for {
		err := c.readAvailable()
		if err == errAgain {
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
	r := c.borrow()
	defer c.giveBack(r)
	if early := r.in.early; early != nil {
		r.in.early = nil
		c.feed(r.in, early)
	}
	for {
		n, err := c.sock.read(r.buf[:])
		if n > 0 {
			c.heard.Store(c.engine.now())
			c.feed(r.in, r.buf[:n])
		}
		if err != nil {
			return err
		}
	}
}

// contain ends the connection when its Handler or the engine panics: a panic in
// a detached goroutine would end the whole process.
func (c *Conn) contain() {
	if r := recover(); r != nil {
		c.engine.cfg.OnPanic(r, debug.Stack())
		c.endRead(fmt.Errorf("panic: %v", r))
	}
}

// endRead gives the right to read back for good.
func (c *Conn) endRead(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = false // there is no reader left to interrupt
	c.killLocked(why)
	c.endLocked()
}

// feed hands bytes to the assembler. Once a close frame has gone out, whatever
// still comes is read only so that the peer gets to see that frame: a socket
// closed with unread bytes resets the connection.
func (c *Conn) feed(in *assembler, p []byte) {
	if c.isClosing() {
		return
	}
	err := in.feed(p, c.engine.maxMessage(), c.extended)
	if in.unfinished() && err == nil {
		if c.begun.Load() == 0 {
			c.begun.Store(c.engine.now())
		}
		return
	}
	if c.begun.Load() != 0 {
		c.begun.Store(0)
	}
	if err == nil || err == errEnded {
		return
	}
	var ce *CloseError
	if errors.As(err, &ce) {
		c.fail(ce)
	}
}

// errEnded stops the assembler once the connection is closing.
var errEnded = errors.New("connection is closing")

func (c *Conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state != open
}

// message implements the assembler's sink.
func (c *Conn) message(op ws.OpCode, payload []byte, compressed bool) error {
	if compressed {
		plain, err := inflate(op, payload, c.engine.maxMessage())
		if err != nil {
			return err
		}
		payload = plain
	}
	c.handler.Message(op, payload)
	if c.isClosing() { // the handler may have closed it
		return errEnded
	}
	return nil
}

// control implements the assembler's sink.
func (c *Conn) control(op ws.OpCode, payload []byte) error {
	switch op {
	case ws.OpPing:
		if err := c.Send(AppendFrame(nil, ws.OpPong, false, payload)); err != nil {
			return errEnded
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
		return errEnded
	}
	return nil
}
