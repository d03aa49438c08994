package wsconn

import (
	"crypto/tls"
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
// crypto/tls may hold bytes above the descriptor that epoll watches, and epoll
// reports each arrival once. So the connection is parked only when both are
// empty: a Read that has reached its deadline leaves no whole record in
// crypto/tls, and the kernel is asked for the rest.
type parkingSocket struct {
	*netSocket
	poll  *poller
	until time.Time // the read deadline in force; owned by the reader
	fd    int32     // of the connection below, which nobody but close closes
	room  int32     // of the send buffer, surely free; owned by the writer
}

func (e *Engine) newParkingSocket(nc *tls.Conn, below syscall.Conn) (socket, error) {
	raw, err := below.SyscallConn()
	if err != nil {
		nc.Close()
		return nil, err
	}
	s := &parkingSocket{netSocket: newNetSocket(e, nc), poll: e.poll}
	if err := raw.Control(func(fd uintptr) { s.fd = int32(fd) }); err != nil {
		nc.Close()
		return nil, err
	}
	return s, nil
}

func (s *parkingSocket) attach(c *Conn) error { return s.poll.add(int(s.fd), c) }

// read waits for a quiet moment at most. The deadline is moved only when half of
// it has passed: a busy connection pays for it seldom.
//
// An expired deadline does not say that nothing has come: on a busy machine it
// passes before Read gets to try the socket. Whoever parked then would leave the
// bytes unread, since epoll has reported them already. So the kernel is asked,
// and where it holds something, read returns without an error to be called again.
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
		s.until, err = time.Time{}, nil
		if !readableNow(int(s.fd)) {
			err = errAgain
		}
	}
	return n, err
}

// inlineRoom is how much room in its send buffer a socket surely has that epoll
// would call writable: TCP says so only while a third of it is free, and that
// has 80 KiB and more.
const inlineRoom = 20 << 10

// roomFor is more than a write of n bytes takes of a send buffer: the kernel
// adds some 1.3 KiB to each record, and TLS begins with records of 1.2 KB.
func roomFor(n int) int { return 2*n + 2<<10 }

// ready asks the kernel only when the room that it knew of may be used up:
// asking costs a tenth of a small write, and handing the write to a goroutine
// several times that.
func (s *parkingSocket) ready(n int) bool {
	need := roomFor(n)
	if need > inlineRoom {
		return false
	}
	if need > int(s.room) && writableNow(int(s.fd)) {
		s.room = inlineRoom
	}
	return need <= int(s.room)
}

// write counts every byte, also those of writes that may wait.
func (s *parkingSocket) write(p []byte) (int, error) {
	s.room = max(0, s.room-int32(min(roomFor(len(p)), inlineRoom)))
	return s.netSocket.write(p)
}

// close takes the descriptor out of the poller while it still is ours.
func (s *parkingSocket) close() {
	s.poll.forget(int(s.fd))
	s.netSocket.close()
}
