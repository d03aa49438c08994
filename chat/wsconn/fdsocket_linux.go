package wsconn

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fdSocket is a plain TCP or Unix socket that the engine owns down to its
// descriptor. Its calls never block.
type fdSocket struct {
	fd    int32
	queue sendQueue
	poll  *poller
}

// newFDSocket duplicates the descriptor and closes nc, which frees what the net
// package and the runtime's poller keep for it: some 400 bytes.
func newFDSocket(nc interface {
	net.Conn
	syscall.Conn
}, poll *poller) (socket, error) {
	defer nc.Close()
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &fdSocket{fd: -1, poll: poll}
	var dup error
	err = raw.Control(func(fd uintptr) {
		var own int
		own, dup = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		s.fd = int32(own)
	})
	if err == nil {
		err = dup
	}
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return s, nil
}

func (s *fdSocket) attach(h readyHandler) error { return s.poll.add(int(s.fd), h) }
func (s *fdSocket) blocks() bool                { return false }
func (s *fdSocket) progress() progress          { return s.queue.progress(int(s.fd)) }
func (s *fdSocket) littleRead() int             { return littleSize }
func (s *fdSocket) writesAtOnce(int) bool       { return true }
func (s *fdSocket) interrupt()                  {}

func (s *fdSocket) closeWrite() bool {
	_ = unix.Shutdown(int(s.fd), unix.SHUT_WR) // the peer may be gone already
	return true
}

func (s *fdSocket) close() {
	s.poll.remove(int(s.fd))
	_ = unix.Close(int(s.fd))
}

func (s *fdSocket) read(p []byte) (int, error) {
	n, err := transfer(unix.SYS_RECVFROM, int(s.fd), p, unix.MSG_DONTWAIT)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, err
}

func (s *fdSocket) write(p []byte) (int, error) {
	for sent := 0; ; {
		n, err := transfer(unix.SYS_SENDTO, int(s.fd), p[sent:], unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		sent += n
		if err != nil || sent == len(p) {
			return sent, err
		}
	}
}

// transfer makes one system call that can't wait, and so need not tell the Go
// scheduler: unix.Read and unix.Write do, which costs a few hundred nanoseconds.
func transfer(call uintptr, fd int, p []byte, flags uintptr) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(call, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, errWouldBlock
		default:
			return 0, errno
		}
	}
}

// sendQueue is how many bytes the kernel held for the peer at the last look: those
// not sent yet and, of TCP, those not acknowledged.
type sendQueue int32

// progress looks again: one system call that takes no lock. epoll would report only
// when a third of the buffer is free, and for a phone at 5 KB/s that may take minutes.
func (q *sendQueue) progress(fd int) progress {
	left, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return progress{}
	}
	p := progress{some: left < int(*q), left: left > 0}
	*q = sendQueue(left)
	return p
}

// readableNow reports whether a read would return at once: with bytes, with the
// end of the stream, of which FIONREAD would say nothing, or with an error.
func readableNow(fd int) bool {
	return pollNow(fd, unix.POLLIN|unix.POLLRDHUP) != 0
}

// writableNow reports whether epoll would call the socket writable.
func writableNow(fd int) bool { return pollNow(fd, unix.POLLOUT) == unix.POLLOUT }

// pollNow returns which of events the socket is ready for, without waiting.
// Errors and the end of the connection are reported too, asked for or not; a
// failure of the call itself counts as an error of the socket.
func pollNow(fd int, events int16) int16 {
	p := unix.PollFd{Fd: int32(fd), Events: events}
	var noWait unix.Timespec
	n, _, errno := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1,
		uintptr(unsafe.Pointer(&noWait)), 0, 0, 0)
	switch {
	case errno != 0:
		return unix.POLLERR
	case n == 0:
		return 0
	}
	return p.Revents
}
