package wsconn

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gobwas/ws"
)

// ErrClosed is returned by Send when the connection is closing or closed.
var ErrClosed = errors.New("connection is closed")

// ErrSlow is returned by Send when the outbox is full: the peer reads more
// slowly than it is written to. What was queued before stays queued. The caller
// is expected to Close the connection.
var ErrSlow = errors.New("outbox is full")

// gatherSize is how much one write takes from an outbox that holds many small
// pieces: some hundreds of chat messages.
const gatherSize = 64 << 10

// blockingSize is how much a write takes that may wait for the peer: one TLS record,
// or one frame of HTTP/2, which cost a system call each in any case. Such a write
// shows that the peer reads only when it returns, so it must be short: where the
// kernel can't be asked, a peer is taken to have stopped that reads less than this
// in WriteTimeout.
const blockingSize = 16 << 10

var gatherBuffers = sync.Pool{New: func() any { return new([gatherSize]byte) }}

// Send queues p, which must hold whole frames, behind what was sent before it
// and writes what the socket takes at once. It never waits for the peer. p is
// shared, not copied: nobody may change it afterwards.
//
// Cost on a plain socket whose peer keeps up: one system call, two short locks,
// no allocation.
func (c *Conn) Send(p []byte) error {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.writing || len(c.queue) > 0 {
		if c.outbox.bytes+len(p)+pieceSize > c.shared.tuning.Load().outboxLimit {
			c.mu.Unlock()
			return ErrSlow
		}
		c.pushLocked(p)
		c.mu.Unlock()
		c.shared.relieveOutboxes()
		return nil
	}
	c.writing = true
	if c.sock.blocks() {
		// Should the write wait nevertheless, the next heartbeat adds the timer: that
		// costs a write nothing, and addTimer would take the engine's lock.
		c.timerStart = c.shared.now()
	}
	c.mu.Unlock()
	var n int
	var err error
	if c.sock.writesAtOnce(len(p)) {
		n, err = c.sock.write(p)
	}
	c.mu.Lock()
	left := n < len(p) && c.state != dead
	if left {
		c.putBackLocked(p[n:])
		c.frontCut = n > 0
	}
	if len(c.queue) > 0 && c.sock.blocks() && err == nil {
		c.mu.Unlock()
		c.shared.spawn(c.flushBlocking) // which has the right to write now
	} else {
		c.flushLocked(err)
	}
	if left {
		c.shared.relieveOutboxes()
	}
	return nil
}

// Await blocks until at most n bytes wait in the outbox, or the connection has
// ended. A Handler calls it before it answers its peer, so that a client which
// asks for more than it reads slows down only itself. A peer that stops reading
// altogether is cut off after Config.WriteTimeout, which ends the wait.
func (c *Conn) Await(n int) {
	c.mu.Lock()
	for c.outbox.bytes > n && c.state != dead {
		if c.wait == nil {
			c.wait = &queueWait{n, make(chan struct{})}
		}
		c.wait.atMost = min(c.wait.atMost, n)
		done := c.wait.done
		c.mu.Unlock()
		<-done
		c.mu.Lock()
	}
	c.mu.Unlock()
}

// Close sends last, which must hold whole frames and may be empty, and a close
// frame behind everything that waits, then ends the connection: when the peer
// has answered, or when Config.CloseTimeout has passed. It returns at once.
func (c *Conn) Close(code ws.StatusCode, reason string, last []byte) {
	c.close(&CloseError{code, reason}, appendClose(last[:len(last):len(last)], code, reason))
}

// fail closes the connection with why as its close frame.
func (c *Conn) fail(why *CloseError) {
	c.close(why, appendClose(nil, why.Code, why.Reason))
}

func (c *Conn) close(why error, frames []byte) {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	c.state, c.why = closing, why
	c.pushLocked(frames)
	c.startTimerLocked()
	if c.writing || c.blocked {
		c.mu.Unlock()
		return
	}
	c.writing = true
	if c.sock.blocks() {
		c.mu.Unlock()
		c.shared.spawn(c.flushBlocking)
		return
	}
	c.flushLocked(nil)
}

// writable is called by the poller when the socket has room again.
func (c *Conn) writable() {
	c.mu.Lock()
	if c.writing {
		c.writableEvent = true // the writer tries again before it stops
		c.mu.Unlock()
		return
	}
	if !c.blocked || c.state == dead {
		c.mu.Unlock()
		return
	}
	c.writing, c.blocked = true, false
	c.flushLocked(nil)
}

// flushBlocking is flushLocked for sockets that block, in a goroutine of its own.
func (c *Conn) flushBlocking() {
	defer func() {
		if r := recover(); r != nil {
			err := c.shared.recovered(r)
			c.mu.Lock()
			c.killLocked(err)
			c.writing = false
			c.releaseLocked()
			c.mu.Unlock()
		}
	}()
	c.mu.Lock()
	if c.state == open {
		c.startTimerLocked()
	}
	c.flushLocked(nil)
}

// flushLocked goes on writing until nothing waits or the socket takes no more,
// then gives up the right to write. The caller holds that right and c.mu, which
// flushLocked unlocks. err is the result of the caller's own write.
func (c *Conn) flushLocked(err error) {
	for c.state != dead {
		if err == errWouldBlock && c.writableEvent {
			err, c.writableEvent = nil, false
		}
		if err != nil || len(c.queue) == 0 {
			break
		}
		var n int
		n, err = c.writeQueueLocked()
		c.consumeLocked(n)
	}
	if err == nil && c.state == closing && !c.finished {
		c.finished = true
		c.mu.Unlock()
		told := c.sock.closeWrite()
		c.mu.Lock()
		if !told && c.answered {
			c.lingers, c.timerStart = true, c.shared.now()
		}
	}
	c.writing, c.writableEvent = false, false
	switch {
	case err == errWouldBlock:
		c.blocked = true
		if c.timerStart == 0 {
			c.startTimerLocked()
		}
	case err != nil:
		c.killLocked(fmt.Errorf("write: %w", err))
	case c.state == open:
		c.timerStart = 0 // nothing waits
	}
	c.releaseLocked()
	c.mu.Unlock()
}

// writeQueueLocked writes from the front of the queue. It unlocks c.mu for that:
// the queue may grow meanwhile, but only the holder of the right to write
// shortens it.
func (c *Conn) writeQueueLocked() (int, error) {
	size := gatherSize
	if c.sock.blocks() {
		size = blockingSize
	}
	p := c.queue[0][:min(len(c.queue[0]), size)]
	c.inFlight = 1
	var buf *[gatherSize]byte
	if len(c.queue) > 1 && len(p) < size/2 {
		buf = gatherBuffers.Get().(*[gatherSize]byte)
		n, i := 0, 0
		for ; i < len(c.queue) && n < size; i++ {
			n += copy(buf[n:size], c.queue[i])
		}
		p, c.inFlight = buf[:n], int32(i)
	}
	c.mu.Unlock()
	n, err := c.sock.write(p)
	if buf != nil {
		gatherBuffers.Put(buf)
	}
	c.mu.Lock()
	c.inFlight = 0
	return n, err
}

// consumeLocked takes n written bytes off the queue. Progress restarts the time
// limit of a peer that has bytes to read, but not of one that has to close.
func (c *Conn) consumeLocked(n int) {
	if c.state == dead || n == 0 {
		return
	}
	taken := n
	for n > 0 && n >= len(c.queue[0]) {
		n -= len(c.queue[0])
		taken += pieceSize
		c.queue[0] = nil // the array may live on, but not the frames
		c.queue = c.queue[1:]
		c.frontCut = false
	}
	if n > 0 {
		c.queue[0] = c.queue[0][n:]
		c.frontCut = true
	}
	if len(c.queue) == 0 {
		c.queue = nil // an idle connection holds no outbox
	}
	c.shared.outboxes.add(c, -taken)
	c.wakeLocked()
	if c.state == open && c.timerStart != 0 {
		c.timerStart = c.shared.now()
		if c.queue == nil {
			c.timerStart = 0
		}
	}
}

// pieceSize is what each piece of the queue costs besides its bytes: its place in an
// array that may be half empty.
const pieceSize = 48

func (c *Conn) pushLocked(p []byte) {
	c.queue = append(c.queue, p)
	c.shared.outboxes.add(c, len(p)+pieceSize)
}

func (c *Conn) putBackLocked(p []byte) {
	c.queue = append([][]byte{p}, c.queue...)
	c.shared.outboxes.add(c, len(p)+pieceSize)
}

// wakeLocked ends the wait of Await if little enough is left.
func (c *Conn) wakeLocked() {
	if c.wait != nil && c.outbox.bytes <= c.wait.atMost {
		c.endWaitLocked()
	}
}

// outboxShare is what a connection that was cut off may keep, until it is closed, of a
// frame that has been written in part.
const outboxShare = 64 << 10

// held implements holder.
func (c *Conn) held() *account { return &c.outbox }

// cutOff implements holder: too much waits for all peers, and most of it for this one.
// What waits is dropped at once, since a peer that does not read would hold it until
// CloseTimeout. The Handler may say goodbye.
func (c *Conn) cutOff(class int8) {
	c.mu.Lock()
	if c.outbox.class < class {
		c.mu.Unlock()
		return
	}
	c.shared.outboxes.pay(c)
	c.dropQueueLocked()
	isOpen, much := c.state == open, c.outbox.bytes > outboxShare
	c.mu.Unlock()
	if isOpen {
		c.tellSlow()
	}
	if much {
		c.Kill(errOutboxes)
	}
}

// errOutboxes ends a connection for which most waited when too much waited for all.
var errOutboxes = &CloseError{Code: ws.StatusPolicyViolation, Reason: "too much waits to be read"}

func (c *Conn) tellSlow() {
	defer func() {
		if r := recover(); r != nil {
			c.Kill(c.shared.recovered(r))
		}
	}()
	c.handler.Slow()
	c.fail(errOutboxes) // does nothing if the Handler has closed it
}

// dropQueueLocked drops all whole frames that wait, except those that are being written
// and the last ones of a connection that is closing.
func (c *Conn) dropQueueLocked() {
	keep := int(c.inFlight)
	if c.frontCut {
		keep = max(keep, 1)
	}
	end := len(c.queue)
	if c.state == closing {
		end--
	}
	if keep >= end {
		return
	}
	dropped := 0
	for _, p := range c.queue[keep:end] {
		dropped += len(p) + pieceSize
	}
	if c.queue = slices.Delete(c.queue, keep, end); len(c.queue) == 0 {
		c.queue = nil
	}
	c.shared.outboxes.add(c, -dropped)
	c.wakeLocked()
}
