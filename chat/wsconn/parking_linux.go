package wsconn

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// quietMoment is how long a TLS connection must have nothing to read before its
// reader is given up. It is short, since a reader holds a stack and a buffer, and
// long enough that a message that comes in pieces is read in one go.
const quietMoment = 20 * time.Millisecond

// parkingSocket is a TLS connection that waits in epoll while it is quiet.
//
// TLS may hold bytes above the descriptor that epoll watches, so that it may be
// parked only after a read has really waited, and found nothing there either.
type parkingSocket struct {
	*netSocket
	poll  *poller
	fd    int       // of the connection below, which nobody but close closes
	until time.Time // the read deadline in force; owned by the reader
}

func (e *Engine) newParkingSocket(nc net.Conn, below syscall.Conn) (socket, error) {
	raw, err := below.SyscallConn()
	if err != nil {
		nc.Close()
		return nil, err
	}
	s := &parkingSocket{netSocket: newNetSocket(e, nc), poll: e.poll}
	if err := raw.Control(func(fd uintptr) { s.fd = int(fd) }); err != nil {
		nc.Close()
		return nil, err
	}
	return s, nil
}

func (s *parkingSocket) attach(c *Conn) error { return s.poll.add(s.fd, c) }

// read waits for a quiet moment at most. The deadline is moved only when half of
// it has passed: a busy connection pays for it seldom.
func (s *parkingSocket) read(p []byte) (int, error) {
	if now := time.Now(); s.until.Sub(now) < quietMoment/2 {
		s.until = now.Add(quietMoment)
		if err := s.SetReadDeadline(s.until); err != nil {
			return 0, err
		}
		if s.interrupted.Load() {
			return 0, net.ErrClosed
		}
	}
	n, err := s.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) && !s.interrupted.Load() {
		s.until = time.Time{}
		err = errAgain
	}
	return n, err
}

// inlineWrite is how much may be written to a socket that epoll would call
// writable without any doubt that it takes it: TCP says so only while a third of
// its send buffer is free, and that has 80 KiB and more.
const inlineWrite = 8 << 10

// ready asks the kernel, for some 0.2 µs, which is a tenth of what handing the
// write to a goroutine costs.
func (s *parkingSocket) ready(n int) bool {
	return n <= inlineWrite && writableNow(s.fd)
}

// close takes the descriptor out of the poller while it still is ours.
func (s *parkingSocket) close() {
	s.poll.forget(s.fd)
	s.netSocket.close()
}
