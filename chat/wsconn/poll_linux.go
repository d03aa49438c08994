package wsconn

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller tells connections when their sockets are ready. Its epoll descriptor
// waits in the Go runtime's own poller, so that an idle poller costs a parked
// goroutine and not a thread in a system call.
//
// Each socket is registered once, edge-triggered, for both directions: parking
// and waking then cost no system call, and the kernel reports room for writing
// only to sockets that had none.
type poller struct {
	file *os.File
	raw  syscall.RawConn
	fd   int

	mu       sync.RWMutex   // guards handlers
	handlers []readyHandler // by descriptor, a number that the kernel keeps small; nil if it isn't ours
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or os.NewFile would not poll it
		_ = unix.Close(fd)
		return nil, fmt.Errorf("prepare epoll: %w", err)
	}
	p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		_ = p.file.Close()
		return nil, fmt.Errorf("prepare epoll: %w", err)
	}
	return p, nil
}

func (p *poller) close() error { return p.file.Close() }

const (
	readEvents  = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	writeEvents = unix.EPOLLOUT | unix.EPOLLHUP | unix.EPOLLERR
)

// add reports to h from now on, beginning with what the socket is ready for.
func (p *poller) add(fd int, h readyHandler) error {
	p.mu.Lock()
	if fd >= len(p.handlers) {
		p.handlers = slices.Grow(p.handlers, fd+1-len(p.handlers))[:fd+1]
	}
	p.handlers[fd] = h
	p.mu.Unlock()
	ev := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET,
		Fd:     int32(fd),
	}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("watch socket: %w", err)
	}
	return nil
}

// remove must be called before the descriptor is closed. An event that is
// already on its way may still reach the next connection that gets the number:
// it finds nothing to read and parks again.
func (p *poller) remove(fd int) {
	p.mu.Lock()
	added := fd < len(p.handlers) && p.handlers[fd] != nil
	if added {
		p.handlers[fd] = nil
	}
	p.mu.Unlock()
	if added {
		// Closing is not enough: a duplicate of the descriptor may outlive ours.
		_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil) // fails only where add has failed
	}
}

// pollBatch is how many events the poller passes on before it lets the readers
// run that it has started: when all connections get a message at once, tens of
// them have a goroutine and a buffer at a time, not thousands.
const pollBatch = 64

// run passes events on until the poller is closed.
func (p *poller) run() {
	events := make([]unix.EpollEvent, pollBatch)
	for {
		n := 0
		err := p.raw.Read(func(fd uintptr) bool {
			var err error
			n, err = unix.EpollWait(int(fd), events, 0)
			return err != nil && err != unix.EINTR || n > 0
		})
		if err != nil {
			return // closed
		}
		for _, ev := range events[:max(n, 0)] {
			p.mu.RLock()
			h := p.handlers[ev.Fd] // within bounds: add has made the place before any event
			p.mu.RUnlock()
			if h == nil {
				continue
			}
			if ev.Events&writeEvents != 0 {
				h.writable()
			}
			if ev.Events&readEvents != 0 {
				h.readable()
			}
		}
		if n == len(events) {
			runtime.Gosched()
		}
	}
}
