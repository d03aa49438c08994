package wsconn

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// Handler is told what happens on a Conn. Its calls never overlap.
type Handler interface {
	// Message is called for each whole message: op is ws.OpText, whose payload
	// is valid UTF-8, or ws.OpBinary. The payload is valid until Message
	// returns. While Message blocks, nothing more is read from this peer.
	Message(op ws.OpCode, payload []byte)

	// Closed is called once, after the last Message, when the socket has been
	// given back. err is never nil: a *CloseError where one side closed in
	// words, else what happened to the socket.
	Closed(err error)
}

// ErrClosed is returned by Send when the connection is closing or closed.
var ErrClosed = errors.New("connection is closed")

// ErrSlow is returned by Send when the outbox is full: the peer does not read
// as fast as it is written to. What was queued before stays queued. The caller
// is expected to Close the connection.
var ErrSlow = errors.New("outbox is full")

// socket is what a Conn needs of the transport below it. At most one goroutine
// reads and one writes at a time.
type socket interface {
	// attach lets c know when the socket can be read or written again.
	attach(c *Conn) error
	// read reads what there is. errAgain means nothing now: the Conn parks, and
	// the poller will wake it.
	read(p []byte) (int, error)
	// write writes p, or as much as there is room for with errAgain: the poller
	// will say when to go on. A socket that blocks never returns errAgain.
	write(p []byte) (int, error)
	// ready reports whether writing n bytes now is sure not to wait for the peer.
	// Where it isn't, only a goroutine of the Conn's own may write.
	ready(n int) bool
	// blocks reports whether ready may ever say no.
	blocks() bool
	// closeWrite tells the peer that nothing more will come.
	closeWrite()
	// interrupt makes reads and writes that wait return. Any goroutine may call
	// it, until close.
	interrupt()
	// close releases the socket. It is called once, when nobody uses it.
	close()
}

// errAgain says that a socket can't go on now without waiting.
var errAgain = errors.New("socket would block")

type state uint8

const (
	open    state = iota
	closing       // a close frame has been queued; nothing more may be sent
	dead          // the socket is of no more use
)

// Conn is one WebSocket connection. It is small, as most are idle: flags stand
// together, and what is seldom needed stands behind a pointer. Send, Close and
// Kill may be called by any goroutine at any time, also from within a Handler's
// call.
type Conn struct {
	// Fixed once attached.
	engine   *Engine
	handler  Handler
	sock     socket
	extended bool // compression was negotiated

	place int32 // in engine.conns; guarded by engine.mu

	// Owned by the reader: the holder of reading.
	partial *assembler // of bytes that are not fed yet or no whole message, else nil

	pinged int64 // owned by the engine's beat: when a ping was last sent

	heard atomic.Int64 // engine time of the last bytes from the peer
	begun atomic.Int64 // engine time at which an unfinished message began, or 0

	mu      sync.Mutex // guards the rest
	state   state
	reading bool  // a goroutine holds the right to read
	event   bool  // the poller saw the socket readable meanwhile
	writing bool  // a goroutine holds the right to write
	drained bool  // the poller saw the socket writable meanwhile
	full    bool  // the socket took no more; the poller will say when it does
	shut    bool  // closeWrite was called
	ended   bool  // the socket has been given back
	why     error // why it ended; set with the first change of state
	queue   [][]byte
	queued  int    // bytes in queue; the outbox's bound applies to it
	await   *await // nil while nobody waits
	since   int64  // engine time since which the peer has owed us something, or 0
}

// await is what calls of Await wait for.
type await struct {
	most int           // what queued must sink to
	sunk chan struct{} // closed when it has, or the connection is dead
}

// Send queues p, which must hold whole frames, behind what was sent before it
// and writes what the socket takes at once. It never waits for the peer. p is
// shared, not copied: nobody may change it afterwards.
//
// Cost when the peer keeps up: one system call, two short locks, no allocation.
func (c *Conn) Send(p []byte) error {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.writing || len(c.queue) > 0 {
		if !c.engine.roomFor(c.queued, len(p)) {
			c.mu.Unlock()
			return ErrSlow
		}
		c.pushLocked(p)
		c.mu.Unlock()
		return nil
	}
	c.writing = true
	c.mu.Unlock()
	var n int
	var err error
	if c.sock.ready(len(p)) {
		n, err = c.sock.write(p)
	}
	c.mu.Lock()
	if n < len(p) && c.state != dead {
		c.putBackLocked(p[n:])
	}
	if len(c.queue) > 0 && c.sock.blocks() && err == nil {
		c.mu.Unlock()
		c.engine.spawn(c.flushBlocking) // which has the right to write now
		return nil
	}
	c.flushLocked(err)
	return nil
}

// Await waits until at most n bytes wait in the outbox, or the connection has
// ended: a handler that answers its peer calls it before, so that a peer who
// asks for more than it reads waits for itself. A peer that stops reading
// altogether is cut off in Config.WriteTimeout.
func (c *Conn) Await(n int) {
	c.mu.Lock()
	for c.queued > n && c.state != dead {
		if c.await == nil {
			c.await = &await{n, make(chan struct{})}
		}
		c.await.most = min(c.await.most, n)
		sunk := c.await.sunk
		c.mu.Unlock()
		<-sunk
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
	c.oweLocked()
	if c.writing || c.full {
		c.mu.Unlock()
		return
	}
	c.writing = true
	if c.sock.blocks() {
		c.mu.Unlock()
		c.engine.spawn(c.flushBlocking)
		return
	}
	c.flushLocked(nil)
}

// Kill ends the connection without a word to the peer.
func (c *Conn) Kill(why error) {
	c.mu.Lock()
	c.killLocked(why)
	c.mu.Unlock()
}

func (c *Conn) killLocked(why error) {
	if c.state == dead {
		return
	}
	if c.why == nil {
		c.why = why
	}
	c.state = dead
	c.engine.queued.Add(-int64(c.queued))
	c.queue, c.queued = nil, 0
	c.endAwaitLocked()
	if c.reading || c.writing {
		c.sock.interrupt()
	}
	c.endLocked()
}

func (c *Conn) endAwaitLocked() {
	if c.await != nil {
		close(c.await.sunk)
		c.await = nil
	}
}

// endLocked gives the socket back once the connection is dead and nobody uses
// it. Whoever gives a token back calls it.
func (c *Conn) endLocked() {
	if c.state != dead || c.reading || c.writing || c.ended {
		return
	}
	c.ended = true
	c.engine.spawn(func() {
		c.sock.close()
		c.engine.remove(c)
		c.handler.Closed(c.why)
	})
}

func (c *Conn) pushLocked(p []byte) {
	c.queue = append(c.queue, p)
	c.queued += len(p)
	c.engine.queued.Add(int64(len(p)))
}

func (c *Conn) putBackLocked(p []byte) {
	c.queue = append([][]byte{p}, c.queue...)
	c.queued += len(p)
	c.engine.queued.Add(int64(len(p)))
}

// oweLocked notes that the peer owes us something from now on: to read, or to
// answer a close frame. The engine cuts it off when that takes too long.
func (c *Conn) oweLocked() {
	c.since = c.engine.now()
	c.engine.watch(c)
}

// cutOffOverdue ends the connection when the peer has let us wait too long, and
// stops watching it when it owes nothing any more.
func (c *Conn) cutOffOverdue(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != dead && c.since != 0 {
		limit := c.engine.cfg.WriteTimeout
		if c.state == closing {
			limit = c.engine.cfg.CloseTimeout
		}
		if time.Duration(now-c.since) < limit {
			return
		}
		c.killLocked(errPeerStalled)
	}
	c.engine.unwatch(c)
}

var errPeerStalled = errors.New("peer stopped reading")
