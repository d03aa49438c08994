package wsconn

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/gobwas/ws"
)

// Handler is told what happens on a Conn. Calls of Message and Closed never overlap.
type Handler interface {
	// Message is called for each whole message: op is ws.OpText, whose payload
	// is valid UTF-8, or ws.OpBinary. The payload is valid until Message
	// returns. While Message blocks, nothing more is read from this peer.
	Message(op ws.OpCode, payload []byte)

	// Slow is called once, by any goroutine, if too much waits for all peers together
	// and most of it for this one: see Config.OutboxTotal. What waited has been dropped,
	// and the Handler is expected to Close the connection.
	Slow()

	// Closed is called once, after the last Message, when the socket has been
	// released. err is never nil: a *CloseError if one side closed the connection
	// with a close frame, else what happened to the socket.
	Closed(err error)
}

type state uint8

const (
	open    state = iota
	closing       // a close frame has been queued; nothing more may be sent
	dead          // the socket is of no more use
)

// Conn is one WebSocket connection. It is kept small, since most connections are
// idle: the flags stand together, and what is seldom needed is behind a pointer.
// Send, Close and Kill may be called by any goroutine at any time, also during a
// call of the Handler.
type Conn struct {
	// These first 64 bytes, a line of the processor's cache, are all that Send needs of a
	// connection for which nothing waits.
	sock          socket     // fixed
	mu            sync.Mutex // guards the fields from here to wait
	state         state
	reading       bool  // a goroutine holds the right to read
	readableEvent bool  // the poller saw the socket readable meanwhile
	writing       bool  // a goroutine holds the right to write
	writableEvent bool  // the poller saw the socket writable meanwhile
	blocked       bool  // the socket took no more; the poller reports when it does
	finished      bool  // closeWrite was called
	released      bool  // the socket has been released, or is about to be
	timerStart    int64 // engine time at which the peer's time limit began; 0 while nothing waits for it
	queue         [][]byte

	outbox   account    // what queue takes; the outbox's bounds apply to it
	frontCut bool       // a part of queue[0] has been written
	answered bool       // the peer's close frame has come
	lingers  bool       // and so has all of ours gone, but the peer cannot be told that it is all
	inFlight int32      // how many pieces of queue are being written
	why      error      // why it ended; set with the first change of state
	wait     *queueWait // nil while nobody waits

	// Fixed once attached.
	shared  *shared
	handler Handler
	deflate bool // permessage-deflate was negotiated

	attached bool // StartWriting was called; owned by whoever calls Start

	index int32 // in Engine.conns; guarded by Engine.mu

	// Owned by the reader: the holder of the right to read.
	partial   *assembler // with bytes to be fed first or an unfinished message, else nil
	little    int64      // engine time at which all that was charged is paid: see charge
	dropsPaid int64      // engine time at which all that was dropped is paid: see dropped

	lastPing int64 // engine time of the last ping, or of Attach; owned by the engine's timer

	lastRead     atomic.Int64 // engine time of the last bytes from the peer, or of Start; 0 before it
	messageStart atomic.Int64 // engine time at which an unfinished message began, or 0
}

// shared is what the connections of an engine have in common.
type shared struct {
	cfg      Config // fixed parts: the timeouts other than the ping interval, and OnPanic
	registry registry

	tuning     atomic.Pointer[tuning]
	clock      atomic.Int64
	outboxes   holders[*Conn]      // what waits for all peers
	unfinished holders[*assembler] // messages that are not whole, or that a Handler has
	readers    atomic.Int64        // goroutines that read

	wg sync.WaitGroup // every goroutine of the engine and its connections
}

// registry is the engine's list of connections. Its mutex may be taken while a
// Conn's is held, never the other way round.
type registry interface {
	// remove forgets c, whose socket has been closed.
	remove(c *Conn)
	// addTimer has checkTimer called on c a few times a second.
	addTimer(c *Conn)
	removeTimer(c *Conn)
}

// now is the engine's time: nanoseconds since its start, never 0, and as coarse
// as its ticks. It stands still while the engine does not run, see Engine.advance.
// Reading it costs no system call.
func (s *shared) now() int64 { return s.clock.Load() }

func (s *shared) maxMessage() int { return s.tuning.Load().maxMessage }

func (s *shared) relieveOutboxes() { s.outboxes.relieve(s.tuning.Load().outboxTotal) }

func (s *shared) relieveUnfinished() {
	s.unfinished.relieve(s.tuning.Load().outboxTotal / unfinishedShare)
}

func (s *shared) spawn(f func()) { s.wg.Go(f) }

// recovered reports a panic and returns it as an error.
func (s *shared) recovered(value any) error {
	s.cfg.OnPanic(value, debug.Stack())
	return fmt.Errorf("panic: %v", value)
}

// Kill ends the connection without a close frame.
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
	c.shared.outboxes.add(c, -c.outbox.bytes)
	c.queue = nil
	c.endWaitLocked()
	if c.reading || c.writing {
		c.sock.interrupt()
	}
	c.releaseLocked()
}

// releaseLocked releases the socket of a dead connection once nobody uses it.
// Whoever gives up the right to read or to write calls it.
func (c *Conn) releaseLocked() {
	if c.state != dead || c.reading || c.writing || c.released {
		return
	}
	c.released = true
	c.shared.spawn(func() {
		c.sock.close()
		if c.partial != nil { // nobody reads any more
			c.partial.drop()
		}
		c.shared.registry.remove(c)
		c.handler.Closed(c.why)
	})
}

// IsOpen reports whether frames may still be sent.
func (c *Conn) IsOpen() bool { return c.currentState() == open }

func (c *Conn) currentState() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// startTimerLocked begins the peer's time limit for reading what waits or, once
// the connection is closing, for answering the close frame too.
func (c *Conn) startTimerLocked() {
	c.timerStart = c.shared.now()
	c.shared.registry.addTimer(c)
}

// queueWait is what calls of Await wait for.
type queueWait struct {
	atMost int           // what the outbox must fall to
	done   chan struct{} // closed when it has, or the connection is dead
}

func (c *Conn) endWaitLocked() {
	if c.wait != nil {
		close(c.wait.done)
		c.wait = nil
	}
}
