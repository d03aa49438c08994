//go:build linux

package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// socket is one connection. Package net dials it and waits through its
// handshakes; then the loop takes its descriptor over, and from there nothing
// waits: reads find what the loop has read, writes go where the loop writes from.
type socket struct {
	net.Conn // until takeOver; nil from then on

	fd  int
	tls *tls.Conn // nil for plain. This socket is its transport
	in  []byte    // TLS only: ciphertext that the loop has read, not yet decrypted
	out []byte    // what the kernel has not taken yet
	// writable is set while epoll watches for room to write.
	writable bool
}

// takeOver moves the connection from package net to a descriptor of our own.
// A copy is needed because package net keeps its descriptor in its own epoll,
// where each of our events would wake it too.
func (s *socket) takeOver() error {
	tcp, ok := s.Conn.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("take over %T: not a TCP connection", s.Conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("take over a connection: %w", err)
	}
	var fd int
	var dupErr error
	if err := raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return fmt.Errorf("take over a connection: %w", err)
	}
	if dupErr != nil {
		return fmt.Errorf("copy a descriptor: %w", dupErr)
	}
	if err := tcp.Close(); err != nil {
		unix.Close(fd)
		return fmt.Errorf("take over a connection: %w", err)
	}
	s.fd, s.Conn = fd, nil
	return nil
}

// errWait tells crypto/tls that there is no more now. Being temporary, it does
// not become the connection's last word.
var errWait net.Error = waitError{}

type waitError struct{}

func (waitError) Error() string   { return "nothing to read now" }
func (waitError) Timeout() bool   { return true }
func (waitError) Temporary() bool { return true }

// Read is for crypto/tls.
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

// Write is for crypto/tls. It always takes all; flush sends it.
func (s *socket) Write(b []byte) (int, error) {
	if s.Conn != nil {
		return s.Conn.Write(b)
	}
	s.out = append(s.out, b...)
	return len(b), nil
}

// send queues what a client says, encrypted if need be.
func (s *socket) send(b []byte) error {
	if s.tls == nil {
		s.out = append(s.out, b...)
		return nil
	}
	_, err := s.tls.Write(b)
	return err
}

// flush gives the kernel what it takes of the queue.
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

// drop ends the connection with a reset, as a lost network does. It leaves no
// port waiting, so that as many can be opened at once again.
func (s *socket) drop() error {
	if s.Conn != nil {
		return s.Conn.Close()
	}
	return unix.Close(s.fd)
}
