//go:build linux

package load

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// readSize is what one read may return.
	readSize = 256 << 10
	// batch is how many sockets are served before the schedule is called again. A
	// larger one would delay the messages of an open loop.
	batch = 512
)

var (
	errClosed = errors.New("closed by the server")
	startTime = time.Now()
)

// nanos is the monotonic time since the generator started.
func nanos() int64 { return int64(time.Since(startTime)) }

// frameHandler is told what the loop reads.
type frameHandler interface {
	// onText is called for a text message. The payload is valid until it returns.
	onText(c *client, payload []byte, now int64)
	// onLost is called when a connection has ended or failed.
	onLost(c *client, err error)
}

// loop serves all sockets with one epoll on one goroutine. Only that goroutine may
// call its methods.
type loop struct {
	epoll   int
	events  []unix.EpollEvent
	clients []*client // by id; nil if not served
	unsent  []*client // those to flush after the batch
	plain   []byte
	cipher  []byte
	on      frameHandler
}

func newLoop(on frameHandler) (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &loop{
		epoll:  fd,
		events: make([]unix.EpollEvent, batch),
		plain:  make([]byte, maxFrame+readSize),
		cipher: make([]byte, 64<<10),
		on:     on,
	}, nil
}

func (l *loop) close() error {
	for _, c := range l.clients {
		if c != nil {
			l.remove(c)
			c.abort()
		}
	}
	return unix.Close(l.epoll)
}

// run serves the sockets until step returns more=false. It calls step with the
// time after each batch, and at the latest at the time wake that step returned.
func (l *loop) run(step func(now int64) (wake int64, more bool)) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		now := nanos()
		wake, more := step(now)
		l.flushAll()
		if !more {
			return nil
		}
		// Rounded down: in the last millisecond the loop polls without waiting,
		// so that messages are sent on time.
		timeout := max(wake-now, 0) / int64(time.Millisecond)
		n, err := unix.EpollWait(l.epoll, l.events, int(timeout))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		for i := range max(n, 0) {
			l.serve(&l.events[i])
		}
	}
}

func (l *loop) serve(e *unix.EpollEvent) {
	c := l.clients[e.Fd]
	if c == nil {
		return // lost earlier in this batch
	}
	if e.Events&unix.EPOLLOUT != 0 {
		l.flush(c)
	}
	if e.Events&^unix.EPOLLOUT != 0 && l.clients[e.Fd] == c {
		l.read(c)
	}
}

// add begins to serve a client whose socket has been detached. early is what was
// read after its handshake.
func (l *loop) add(c *client, early []byte) error {
	for c.id >= len(l.clients) {
		l.clients = append(l.clients, nil)
	}
	if err := l.watch(c, unix.EPOLL_CTL_ADD); err != nil {
		return err
	}
	l.clients[c.id] = c
	n := copy(l.plain, early)
	if err := l.consume(c, l.plain[:n]); err != nil {
		l.lose(c, err)
		return nil
	}
	if c.tls != nil {
		// Epoll does not report what crypto/tls has read already.
		l.decrypt(c, nil)
	}
	return nil
}

func (l *loop) watch(c *client, op int) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.id)}
	if c.writable {
		e.Events |= unix.EPOLLOUT
	}
	if err := unix.EpollCtl(l.epoll, op, c.fd, &e); err != nil {
		return fmt.Errorf("epoll control: %w", err)
	}
	return nil
}

// remove stops serving a client and leaves its connection open.
func (l *loop) remove(c *client) {
	l.clients[c.id] = nil
	// It fails only if the descriptor is not registered, as it should be now.
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
}

// lose ends a connection that has failed, and reports it.
func (l *loop) lose(c *client, err error) {
	l.remove(c)
	c.abort()
	l.on.onLost(c, err)
}

// flush sends what the client has queued. What the kernel does not take now is
// sent when the socket is writable.
func (l *loop) flush(c *client) {
	err := c.flush()
	if wait := len(c.out) > 0; err == nil && wait != c.writable {
		c.writable = wait
		err = l.watch(c, unix.EPOLL_CTL_MOD)
	}
	if err != nil {
		l.lose(c, err)
	}
}

// read reads once. If there is more, epoll reports it again.
func (l *loop) read(c *client) {
	if c.tls != nil {
		if n, ok := l.receive(c, l.cipher); ok {
			l.decrypt(c, l.cipher[:n])
		}
		return
	}
	k := copy(l.plain, c.partial)
	n, ok := l.receive(c, l.plain[k:])
	if !ok {
		return
	}
	if err := l.consume(c, l.plain[:k+n]); err != nil {
		l.lose(c, err)
	}
}

func (l *loop) receive(c *client, b []byte) (int, bool) {
	n, err := unix.Read(c.fd, b)
	switch {
	case n > 0:
		return n, true
	case err == nil:
		l.lose(c, errClosed)
	case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
		l.lose(c, err)
	}
	return 0, false
}

// decrypt decrypts and consumes all complete records.
func (l *loop) decrypt(c *client, cipher []byte) {
	c.in = cipher
	for {
		k := copy(l.plain, c.partial)
		n, err := c.tls.Read(l.plain[k:])
		if n > 0 {
			if err := l.consume(c, l.plain[:k+n]); err != nil {
				l.lose(c, err)
				return
			}
		}
		switch {
		case errors.Is(err, errWait):
			c.in = nil
			return
		case errors.Is(err, io.EOF):
			l.lose(c, errClosed)
			return
		case err != nil:
			l.lose(c, err)
			return
		}
	}
}

// consume handles all complete frames in b and keeps the rest for the next read.
func (l *loop) consume(c *client, b []byte) error {
	now := nanos()
	for {
		f, size, err := readFrame(b)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		if f.opcode == opText && f.last {
			l.on.onText(c, f.payload, now)
		} else if err := l.handleOther(c, f, now); err != nil {
			return err
		}
		b = b[size:]
	}
	c.partial = append(c.partial[:0], b...)
	return nil
}

// handleOther handles all frames except a text message in one frame.
func (l *loop) handleOther(c *client, f frame, now int64) error {
	switch f.opcode {
	case opText, opContinuation:
		if c.fragments = append(c.fragments, f.payload...); len(c.fragments) > maxFrame {
			return errTooLong
		}
		if f.last {
			l.on.onText(c, c.fragments, now)
			c.fragments = c.fragments[:0]
		}
		return nil
	case opPong:
		return nil
	case opPing:
		return l.queueFrame(c, appendFrame(nil, opPong, f.payload))
	case opClose:
		return fmt.Errorf("%w: close frame %q", errClosed, f.payload)
	}
	return fmt.Errorf("the server sent a frame with opcode %d", f.opcode)
}

// queueFrame queues a frame until the batch is done, so that all frames of a
// client take one write. It never calls lose.
func (l *loop) queueFrame(c *client, frame []byte) error {
	if len(c.out) == 0 {
		l.unsent = append(l.unsent, c)
	}
	return c.send(frame)
}

func (l *loop) flushAll() {
	for _, c := range l.unsent {
		if l.clients[c.id] == c {
			l.flush(c)
		}
	}
	l.unsent = l.unsent[:0]
}
