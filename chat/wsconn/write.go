package wsconn

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// gatherSize is how much one write takes from an outbox that holds many small
// pieces: some hundreds of chat messages, or four TLS records.
const gatherSize = 64 << 10

var gatherBuffers = sync.Pool{New: func() any { return new([gatherSize]byte) }}

// writable is called by the poller when the socket has room again.
func (c *Conn) writable() {
	c.mu.Lock()
	if c.writing {
		c.drained = true // the writer tries again before it gives up
		c.mu.Unlock()
		return
	}
	if !c.full || c.state == dead {
		c.mu.Unlock()
		return
	}
	c.writing, c.full = true, false
	c.flushLocked(nil)
}

// flushBlocking is flushLocked for sockets that wait, in a goroutine of its own.
func (c *Conn) flushBlocking() {
	defer func() {
		if r := recover(); r != nil {
			c.engine.cfg.OnPanic(r, debug.Stack())
			c.mu.Lock()
			c.killLocked(fmt.Errorf("panic: %v", r))
			c.writing = false
			c.endLocked()
			c.mu.Unlock()
		}
	}()
	c.mu.Lock()
	c.flushLocked(nil)
}

// flushLocked goes on writing until nothing waits or the socket takes no more,
// then gives the right to write back. The caller holds that right and c.mu,
// which flushLocked unlocks. err is what the caller's own write said.
func (c *Conn) flushLocked(err error) {
	for c.state != dead {
		if err == errAgain && c.drained {
			err, c.drained = nil, false
		}
		if err != nil || len(c.queue) == 0 {
			break
		}
		var n int
		n, err = c.writeQueueLocked()
		c.consumeLocked(n)
	}
	if err == nil && c.state == closing && !c.shut {
		c.shut = true
		c.mu.Unlock()
		c.sock.closeWrite()
		c.mu.Lock()
	}
	c.writing, c.drained = false, false
	switch {
	case err == errAgain:
		c.full = true
		if c.since == 0 {
			c.oweLocked()
		}
	case err != nil:
		c.killLocked(fmt.Errorf("write: %w", err))
	}
	c.endLocked()
	c.mu.Unlock()
}

// writeQueueLocked writes from the front of the queue without holding c.mu. The
// queue may grow meanwhile; only the holder of the right to write shortens it.
func (c *Conn) writeQueueLocked() (int, error) {
	p := c.queue[0]
	var buf *[gatherSize]byte
	if len(c.queue) > 1 && len(p) < gatherSize/2 {
		buf = gatherBuffers.Get().(*[gatherSize]byte)
		n := 0
		for i := 0; i < len(c.queue) && n < len(buf); i++ {
			n += copy(buf[n:], c.queue[i])
		}
		p = buf[:n]
	}
	c.mu.Unlock()
	n, err := c.sock.write(p)
	if buf != nil {
		gatherBuffers.Put(buf)
	}
	c.mu.Lock()
	return n, err
}

// consumeLocked takes n written bytes off the queue. Progress restarts the
// clock of the peer that owes us reading, though not of one told to close.
func (c *Conn) consumeLocked(n int) {
	if c.state == dead || n == 0 {
		return
	}
	c.queued -= n
	c.engine.queued.Add(-int64(n))
	for n > 0 && n >= len(c.queue[0]) {
		n -= len(c.queue[0])
		c.queue = c.queue[1:]
	}
	if n > 0 {
		c.queue[0] = c.queue[0][n:]
	}
	if len(c.queue) == 0 {
		c.queue = nil // an idle connection holds no outbox
	}
	if c.await != nil && c.queued <= c.await.most {
		c.endAwaitLocked()
	}
	if c.state == open && c.since != 0 {
		c.since = c.engine.now()
		if c.queue == nil {
			c.since = 0
		}
	}
}
