package wsconn

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// parkAfter is how long a TLS connection must have nothing to read before it is
// parked. It is short, since a reader holds a stack and a buffer, and long enough
// that one reader usually gets all pieces of a message.
const parkAfter = 20 * time.Millisecond

// tlsSocket is a TLS connection that waits in epoll while it is quiet.
//
// crypto/tls may hold bytes above the descriptor that epoll watches, and epoll
// reports each arrival once. So the connection is parked only when both are
// empty: a Read that has reached its deadline leaves no whole record in
// crypto/tls, and the kernel is asked for the rest.
type tlsSocket struct {
	netSocket
	poll  *poller
	fd    int32 // of the connection below TLS, which only close closes
	queue sendQueue

	interrupted atomic.Bool
	reads       atomic.Uint32 // how often a Read has begun or ended: odd during one

	readUntil time.Time // the read deadline in force; owned by the reader

	// Owned by the writer.
	sendRoom int32  // bytes of the send buffer that are surely free
	readsAt  uint32 // reads when the kernel was last asked for sendRoom
}

// newTLSSocket makes a socket of nc, whose descriptor belongs to below.
func newTLSSocket(nc *tls.Conn, below syscall.Conn, poll *poller) (socket, error) {
	s := &tlsSocket{netSocket: netSocket{nc}, poll: poll}
	raw, err := below.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { s.fd = int32(fd) })
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return s, nil
}

func (s *tlsSocket) attach(h readyHandler) error { return s.poll.add(int(s.fd), h) }
func (s *tlsSocket) progress() progress          { return s.queue.progress(int(s.fd)) }

// read waits for parkAfter at most, and half of it at least: the deadline is moved
// only when half of it has passed, so that a busy connection seldom pays for it.
//
// An expired deadline does not say that nothing has come: on a busy machine it
// passes before Read gets to try the socket. To park then would leave the bytes
// unread, since epoll has reported them already. So the kernel is asked, and
// where it holds something, read returns without an error to be called again.
//
// interrupt may set its deadline just before read sets another, so read looks at
// interrupted after that.
func (s *tlsSocket) read(p []byte) (int, error) {
	if now := time.Now(); s.readUntil.Sub(now) < parkAfter/2 {
		s.readUntil = now.Add(parkAfter)
		if err := s.SetReadDeadline(s.readUntil); err != nil {
			return 0, err
		}
		if s.interrupted.Load() {
			return 0, net.ErrClosed
		}
	}
	s.reads.Add(1)
	n, err := s.Read(p)
	s.reads.Add(1)
	if errors.Is(err, os.ErrDeadlineExceeded) && !s.interrupted.Load() {
		s.readUntil, err = time.Time{}, nil
		if !readableNow(int(s.fd)) {
			err = errWouldBlock
		}
	}
	return n, err
}

// writableRoom is how much room a send buffer surely has while epoll calls its
// socket writable. TCP says so only while a third of the buffer is free, and the
// smallest that we measured has 69,120 bytes (with an MSS of 1360).
const writableRoom = 20 << 10

// sendRoomFor is more than a write of n bytes takes of a send buffer: the kernel
// adds some 1.3 KiB to each record, and TLS begins with records of 1.2 KB.
func sendRoomFor(n int) int { return 2*n + 2<<10 }

// writesAtOnce asks the kernel only when the room that it knew of may be used
// up: asking costs a tenth of a small write, and handing the write to a goroutine
// several times that. A Read may use up room too, since crypto/tls answers key
// updates within it. So the room known before a Read, or during one, does not count.
func (s *tlsSocket) writesAtOnce(n int) bool {
	need := sendRoomFor(n)
	if need > writableRoom {
		return false
	}
	if reads := s.reads.Load(); reads != s.readsAt || reads%2 == 1 {
		s.readsAt, s.sendRoom = reads, 0
	}
	if need > int(s.sendRoom) && writableNow(int(s.fd)) {
		s.sendRoom = writableRoom
	}
	return need <= int(s.sendRoom)
}

// write counts every byte, also those of writes that may wait.
func (s *tlsSocket) write(p []byte) (int, error) {
	s.sendRoom = max(0, s.sendRoom-int32(min(sendRoomFor(len(p)), writableRoom)))
	return s.netSocket.write(p)
}

func (s *tlsSocket) interrupt() {
	s.interrupted.Store(true)
	s.netSocket.interrupt()
}

// close takes the descriptor out of the poller while it is still ours.
func (s *tlsSocket) close() {
	s.poll.remove(int(s.fd))
	s.netSocket.close()
}
