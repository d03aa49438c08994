package wsconn

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/gobwas/ws"
)

// readBuffers are lent to readers for as long as there is something to read.
var readBuffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

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
	early := c.early
	c.early = nil
	c.engine.spawn(func() {
		c.takeEarly(early)
		c.read()
	})
}

// Wait blocks until the connection has ended if its socket is an HTTP/2 or
// HTTP/3 stream, which lives no longer than the HTTP handler that it came in by.
// For others it returns at once.
func (c *Conn) Wait() {
	if s, ok := c.sock.(*streamSocket); ok {
		<-s.done
	}
}

// takeEarly feeds what came behind the handshake.
func (c *Conn) takeEarly(early []byte) {
	if len(early) > 0 {
		defer c.contain()
		c.feed(early)
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
	buf := readBuffers.Get().(*[16 << 10]byte)
	defer readBuffers.Put(buf)
	defer c.contain()
	for {
		n, err := c.sock.read(buf[:])
		if n > 0 {
			c.heard.Store(c.engine.now())
			c.feed(buf[:n])
		}
		if err == errAgain {
			if c.park() {
				return
			}
			continue
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // no close frame came before the end
			}
			c.endRead(err)
			return
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
	c.killLocked(why)
	c.reading = false
	c.endLocked()
}

// feed hands bytes to the assembler. Once a close frame has gone out, whatever
// still comes is read only so that the peer gets to see that frame: a socket
// closed with unread bytes resets the connection.
func (c *Conn) feed(p []byte) {
	if c.isClosing() {
		return
	}
	err := c.in.feed(p, c.engine.maxMessage(), c.extended)
	if c.in.unfinished() && err == nil {
		if c.begun.Load() == 0 {
			c.begun.Store(c.engine.now())
		}
		return
	}
	c.begun.Store(0)
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
