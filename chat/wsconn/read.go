package wsconn

import (
	"cmp"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// readSize is how much one read takes: some thirty chat messages. Larger buffers
// were no faster for those, and each of many simultaneous handshakes takes one.
const readSize = 4 << 10

// readTurn is how much is read of one connection before others get their turn.
const readTurn = 64 << 10

// Nothing else slows down what is read of a connection that is closing, only to be
// dropped. The first dropAtOnce bytes, which may have been on their way when the peer saw
// the close frame, are read at once, and then a turn each dropPause: ten connections that
// send without end cost some hundredths of a processor, and others need not wait for them.
const (
	dropAtOnce = 4 * readTurn
	dropPause  = 250 * time.Millisecond
)

// maxPongs is how many pings of one read are answered: the last ones (RFC 6455 section
// 5.5.3 asks for the last one only, Autobahn for ten).
const maxPongs = 16

// readState is what a connection needs only while there is something to read. It is
// the sink of its assembler.
type readState struct {
	conn    *Conn
	buf     [readSize]byte
	in      *assembler
	pongs   []byte // answers to pings of this read, not sent yet
	pings   int    // how many
	counted bool   // something in this read was charged
	turn    int    // bytes read since others had their turn
}

var readStates = sync.Pool{New: func() any { return &readState{in: new(assembler)} }}

// acquireReadState takes a readState from the pool and puts into it the message
// that was unfinished when c released its last one.
func (c *Conn) acquireReadState() *readState {
	r := readStates.Get().(*readState)
	if c.partial != nil {
		r.in, c.partial = c.partial, nil
	}
	if r.conn, r.in.sink, r.turn = c, r, 0; r.in.owner != c {
		r.in.owner = c
	}
	return r
}

// releaseReadState must be called before the right to read is given up.
func (c *Conn) releaseReadState(r *readState) {
	r.conn, r.in.sink = nil, nil
	r.pongs, r.pings = nil, 0
	switch {
	case r.in.unfinished():
		c.partial, r.in = r.in, new(assembler)
	case r.in.spoiled:
		r.in = new(assembler)
	default:
		r.in.owner = nil
	}
	readStates.Put(r)
}

// partials implements owner.
func (c *Conn) partials() *holders[*assembler] { return &c.shared.unfinished }

// relieve implements owner.
func (c *Conn) relieve() { c.shared.relieveUnfinished() }

// StartWriting lets what waits for the peer be written as soon as the peer takes it.
// Before it, only what the socket takes at once is written. It must be called at most
// once, before Start, which calls it otherwise.
func (c *Conn) StartWriting() error {
	c.attached = true
	return c.sock.attach(c)
}

// Start begins to read. Before it, messages may be sent but none is received.
func (c *Conn) Start() {
	if !c.attached {
		if err := c.StartWriting(); err != nil {
			c.endRead(err)
			return
		}
	}
	c.lastRead.Store(c.shared.now())
	c.shared.spawn(c.read)
}

// Abandon ends a connection instead of Start: nobody will read it.
func (c *Conn) Abandon(why error) { c.endRead(why) }

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
	ended := false
	defer func() { c.recoverRead(recover(), ended) }()
	for {
		err := c.readAvailable()
		if err == errWouldBlock {
			if ended = c.park(); ended {
				return
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // no close frame came before the end
		}
		ended = true
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
		if err := r.feed(early); err != nil {
			return err
		}
	}
	for {
		n, err := c.sock.read(r.buf[:])
		if n > 0 {
			c.lastRead.Store(c.shared.now())
			err = cmp.Or(r.feed(r.buf[:n]), err)
		}
		if err != nil {
			return err
		}
		r.yield(n)
	}
}

// yield lets others run after each turn. Small reads count as larger ones.
func (r *readState) yield(n int) {
	if r.turn += max(n, r.conn.sock.littleRead()); r.turn < readTurn {
		return
	}
	r.turn = 0
	runtime.Gosched()
}

// dropped charges c for n bytes that were dropped, and waits when they were too many. A
// peer that lets the socket run empty in between pays as well.
func (c *Conn) dropped(n int) {
	const nanosPerByte = int64(dropPause) / readTurn
	now := c.shared.now()
	c.dropsPaid = max(c.dropsPaid, now) + int64(n)*nanosPerByte
	if c.dropsPaid-now > dropAtOnce*nanosPerByte {
		time.Sleep(dropPause)
	}
}

// recoverRead ends the connection when its Handler or the engine panics, or ends the
// goroutine: a panic in a goroutine of the engine would end the whole process, and with
// nobody who reads the connection would stay for ever.
func (c *Conn) recoverRead(value any, ended bool) {
	switch {
	case value != nil:
		c.endRead(c.shared.recovered(value))
	case !ended:
		c.endRead(errGoexit)
	}
}

var errGoexit = errors.New("the handler ended its goroutine")

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
func (r *readState) feed(p []byte) error {
	c := r.conn
	switch c.currentState() {
	case closing:
		if r.in.unfinished() {
			r.in.drop()
		}
		c.dropped(max(len(p), c.sock.littleRead()))
		return nil
	case dead:
		return net.ErrClosed
	}
	r.counted = false
	err := r.in.feed(p, c.shared.maxMessage(), c.deflate)
	if err == nil {
		err = r.answerPings()
	}
	if err == nil && !r.counted && len(p) < c.sock.littleRead() {
		err = r.charge()
	}
	if r.in.unfinished() && err == nil {
		if c.messageStart.Load() == 0 {
			c.messageStart.Store(c.shared.now())
		}
		c.shared.relieveUnfinished()
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

// A session charges the messages of its client. What reaches no session is charged
// here, and whoever keeps sending it is closed with 1008: control frames, fragments of
// less than littleSize bytes, and reads of less (see socket.littleRead) that bring
// neither. A message is charged by its session, so it pays for two of them: a client may
// write the header and the payload one after the other.
const (
	littleInterval = time.Second / 100 // in the long run
	littleAtOnce   = 1000
)

var errTooManyFrames = &CloseError{Code: ws.StatusPolicyViolation, Reason: "too many control frames or small fragments"}

// charge counts one of them.
func (r *readState) charge() error {
	r.counted = true
	c := r.conn
	now := c.shared.now()
	c.little = max(c.little, now) + int64(littleInterval)
	if c.little > now+littleAtOnce*int64(littleInterval) {
		return errTooManyFrames
	}
	return nil
}

// fragment implements sink.
func (r *readState) fragment(n int64) error {
	if n >= littleSize {
		return nil
	}
	return r.charge()
}

// message implements sink.
func (r *readState) message(op ws.OpCode, payload []byte, compressed bool) error {
	c := r.conn
	if err := r.answerPings(); err != nil {
		return err
	}
	if compressed {
		plain, err := inflate(op, payload, c.shared.maxMessage())
		if err != nil {
			return err
		}
		payload = plain
	}
	r.counted = true
	c.little -= 2 * int64(littleInterval)
	c.handler.Message(op, payload)
	if c.currentState() != open { // the handler may have closed it
		return errClosing
	}
	return nil
}

// control implements sink.
func (r *readState) control(op ws.OpCode, payload []byte) error {
	if err := r.charge(); err != nil {
		return err
	}
	switch op {
	case ws.OpPing:
		if r.pings++; r.pings > maxPongs {
			r.pongs, r.pings = r.pongs[:0], 1
		}
		r.pongs = AppendFrame(r.pongs, ws.OpPong, false, payload)
	case ws.OpClose:
		code, err := checkClose(payload)
		if err != nil {
			return err
		}
		why := &CloseError{Code: ws.StatusNoStatusRcvd, Reason: "closed by peer"}
		if code != 0 {
			why.Code = code
		}
		r.conn.mu.Lock()
		r.conn.answered = true
		r.conn.mu.Unlock()
		r.conn.close(why, appendClose(nil, code, ""))
		return errClosing
	}
	return nil
}

// answerPings sends the pongs of this read together: at its end, or before a message,
// which may take its Handler long.
func (r *readState) answerPings() error {
	if r.pings == 0 {
		return nil
	}
	pongs := r.pongs
	r.pongs, r.pings = nil, 0
	// A full outbox drops them. The peer has bytes to read, which show as well that we
	// live, and it may get a later pong instead (RFC 6455 section 5.5.3).
	if err := r.conn.Send(pongs); err == ErrClosed {
		return errClosing
	}
	return nil
}
