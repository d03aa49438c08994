//go:build linux

package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// socket is one connection. Package net dials it, and the handshakes block.
// After detach the loop owns the descriptor and nothing blocks: Read returns what
// the loop has read, and Write appends to what the loop will write.
type socket struct {
	net.Conn // until detach; nil from then on

	fd  int
	tls *tls.Conn // nil for ws. This socket is its transport
	in  []byte    // TLS only: ciphertext that the loop has read and tls has not
	out []byte    // what the kernel has not accepted yet
	// writable is set while epoll waits until the socket is writable.
	writable bool
}

// detach moves the connection from package net to a descriptor of our own. It is
// a copy, because package net has its descriptor in an epoll of its own, which
// each event would wake too.
func (s *socket) detach() error {
	tcp, ok := s.Conn.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("detach %T: not a TCP connection", s.Conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("detach a connection: %w", err)
	}
	var fd int
	var dupErr error
	if err := raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return fmt.Errorf("detach a connection: %w", err)
	}
	if dupErr != nil {
		return fmt.Errorf("copy a descriptor: %w", dupErr)
	}
	if err := tcp.Close(); err != nil {
		unix.Close(fd)
		return fmt.Errorf("detach a connection: %w", err)
	}
	s.fd, s.Conn = fd, nil
	return nil
}

// errWait tells crypto/tls that there is nothing to read now. It is temporary,
// else every later Read would return it too.
var errWait net.Error = waitError{}

type waitError struct{}

func (waitError) Error() string   { return "nothing to read now" }
func (waitError) Timeout() bool   { return true }
func (waitError) Temporary() bool { return true }

// Read is called by crypto/tls.
func (s *socket) Read(b []byte) (int, error) {
	if s.Conn != nil {
		return s.Conn.Read(b)
	}
	if len(s.in) == 0 {
		return 0, errWait
	}
	n := copy(b, s.in)
	s.in = s.in[n:]
	return n, nil
}

// Write is called by crypto/tls. It queues all of b; flush sends it.
func (s *socket) Write(b []byte) (int, error) {
	if s.Conn != nil {
		return s.Conn.Write(b)
	}
	s.out = append(s.out, b...)
	return len(b), nil
}

// send queues b, encrypted if the connection has TLS.
func (s *socket) send(b []byte) error {
	if s.tls == nil {
		s.out = append(s.out, b...)
		return nil
	}
	_, err := s.tls.Write(b)
	return err
}

// flush writes as much of the queue as the kernel accepts.
func (s *socket) flush() error {
	for len(s.out) > 0 {
		n, err := unix.Write(s.fd, s.out)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return nil
		case err != nil:
			return err
		default:
			s.out = s.out[:copy(s.out, s.out[n:])]
		}
	}
	return nil
}

// abort ends the connection with a reset (RST). Its port does not stay in
// TIME_WAIT, so as many connections can be opened again at once.
func (s *socket) abort() error {
	if s.Conn != nil {
		return s.Conn.Close()
	}
	return unix.Close(s.fd)
}
