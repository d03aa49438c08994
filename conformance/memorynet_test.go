package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// memoryListener accepts connections that dial makes in memory. With them, a
// server and its clients run under fake time (testing/synctest): a deadline then
// passes only when nobody has anything left to do.
type memoryListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *memoryListener) dial(ctx context.Context) (net.Conn, error) {
	up, down := newMemoryStream(), newMemoryStream()
	select {
	case l.conns <- &memoryConn{in: up, out: down}:
		return &memoryConn{in: down, out: up}, nil
	case <-l.closed:
		return nil, errors.New("the listener is closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (*memoryListener) Addr() net.Addr { return memoryAddr{} }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }

// memoryConn is one end of a connection. Unlike a net.Pipe, it buffers all that
// is written, and can be closed in one direction. A read returns bytes of one write
// only, like a network that delivers each as a segment of its own.
type memoryConn struct{ in, out *memoryStream }

func (c *memoryConn) Read(p []byte) (int, error)         { return c.in.read(p) }
func (c *memoryConn) Write(p []byte) (int, error)        { return c.out.write(p) }
func (c *memoryConn) SetReadDeadline(t time.Time) error  { c.in.setDeadline(t); return nil }
func (c *memoryConn) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }
func (c *memoryConn) SetWriteDeadline(t time.Time) error { return nil } // a write never waits
func (*memoryConn) LocalAddr() net.Addr                  { return memoryAddr{} }
func (*memoryConn) RemoteAddr() net.Addr                 { return memoryAddr{} }

func (c *memoryConn) CloseWrite() error {
	c.out.end()
	return nil
}

func (c *memoryConn) Close() error {
	c.in.abandon()
	c.out.end()
	return nil
}

// memoryStream is one direction of a connection.
type memoryStream struct {
	mu        sync.Mutex // guards the rest
	changed   *sync.Cond
	writes    [][]byte // not read yet; none is empty
	ended     bool     // no more will be written
	abandoned bool     // no more will be read
	deadline  time.Time
}

func newMemoryStream() *memoryStream {
	s := new(memoryStream)
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *memoryStream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.abandoned:
			return 0, net.ErrClosed
		case !s.deadline.IsZero() && !time.Now().Before(s.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(s.writes) > 0:
			n := copy(p, s.writes[0])
			if s.writes[0] = s.writes[0][n:]; len(s.writes[0]) == 0 {
				s.writes = s.writes[1:]
			}
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *memoryStream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.abandoned {
		return 0, io.ErrClosedPipe
	}
	if len(p) > 0 {
		s.writes = append(s.writes, bytes.Clone(p))
		s.changed.Broadcast()
	}
	return len(p), nil
}

func (s *memoryStream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.changed.Broadcast()
}

func (s *memoryStream) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandoned = true
	s.changed.Broadcast()
}

func (s *memoryStream) setDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	s.changed.Broadcast()
	if !t.IsZero() {
		time.AfterFunc(time.Until(t), s.changed.Broadcast)
	}
}
