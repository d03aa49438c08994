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
	// maxFrame leaves room for it behind a frame that was cut in two.
	maxFrame = 128 << 10
	// batch is how many sockets are served between two looks at the clock. A
	// larger one would make an open-loop sender late.
	batch = 512
)

var (
	errClosed = errors.New("closed by the server")
	began     = time.Now()
)

// nanos is the monotonic time since the generator began.
func nanos() int64 { return int64(time.Since(began)) }

// listener is told what the loop reads.
type listener interface {
	// text is a text frame's payload, valid until it returns.
	text(c *client, payload []byte, now int64)
	// gone is the end of a connection that the loop has given up.
	gone(c *client, err error)
}

// loop serves all sockets from one epoll on one goroutine. Its methods belong
// to that goroutine.
type loop struct {
	epoll   int
	events  []unix.EpollEvent
	clients []*client // by id; nil while not served
	unsent  []*client // with something to flush when the batch is done
	plain   []byte
	cipher  []byte
	on      listener
}

func newLoop(on listener) (*loop, error) {
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
			c.drop()
		}
	}
	return unix.Close(l.epoll)
}

// run serves the sockets until step says that there is no more to do. step is
// called with the time whenever a batch has been served, and at the latest at
// the time it returned.
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
		// Rounded down: the last millisecond is spent asking without waiting,
		// so that messages leave on time.
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

// add begins to serve a client whose socket has been taken over. early is what
// was read behind its handshake.
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
		// What crypto/tls has read already, epoll will not tell of.
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
	// Fails only for a descriptor that is not there, which is what is wanted.
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
}

func (l *loop) lose(c *client, err error) {
	l.remove(c)
	c.drop()
	l.on.gone(c, err)
}

// flush sends what the client has queued, now or as soon as there is room.
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

// read takes what one read returns. If there is more, epoll says so again.
func (l *loop) read(c *client) {
	if c.tls != nil {
		if n, ok := l.receive(c, l.cipher); ok {
			l.decrypt(c, l.cipher[:n])
		}
		return
	}
	k := copy(l.plain, c.carry)
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

// decrypt consumes all records that are complete.
func (l *loop) decrypt(c *client, cipher []byte) {
	c.in = cipher
	for {
		k := copy(l.plain, c.carry)
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

// consume takes all whole frames from b and keeps the rest for the next read.
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
			l.on.text(c, f.payload, now)
		} else if err := l.unusual(c, f, now); err != nil {
			return err
		}
		b = b[size:]
	}
	c.carry = append(c.carry[:0], b...)
	return nil
}

// unusual takes everything but a text message in one frame.
func (l *loop) unusual(c *client, f frame, now int64) error {
	switch f.opcode {
	case opText, opMore:
		if c.fragments = append(c.fragments, f.payload...); len(c.fragments) > maxFrame {
			return errTooLong
		}
		if f.last {
			l.on.text(c, c.fragments, now)
			c.fragments = c.fragments[:0]
		}
		return nil
	case opPong:
		return nil
	case opPing:
		return l.say(c, appendFrame(nil, opPong, f.payload))
	case opClose:
		return fmt.Errorf("%w: close frame %q", errClosed, f.payload)
	}
	return fmt.Errorf("the server sent a frame with opcode %d", f.opcode)
}

// say queues a frame, which leaves when the batch is done: what one client has
// to say then takes one write. It never loses the client.
func (l *loop) say(c *client, frame []byte) error {
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
