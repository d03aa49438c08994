package wsconn

import (
	"crypto/tls"
	"net"
	"sync"
	"syscall"
)

// sockets makes a socket of each net.Conn and owns the poller that they share.
type sockets struct {
	spawn func(func()) // starts a goroutine that the engine waits for

	mu     sync.Mutex // guards the rest
	closed bool
	poll   *poller // nil until the first connection that has a descriptor
}

func newSockets(spawn func(func())) *sockets { return &sockets{spawn: spawn} }

// open makes a socket of nc, or closes it. A connection that shows no descriptor
// (of a listener wrapper, a pipe) keeps its goroutine.
func (s *sockets) open(nc net.Conn) (socket, error) {
	switch nc := nc.(type) {
	case *net.TCPConn:
		return s.openFD(nc)
	case *net.UnixConn:
		return s.openFD(nc)
	case *tls.Conn:
		if below, ok := nc.NetConn().(syscall.Conn); ok {
			return s.openTLS(nc, below)
		}
	}
	return netSocket{nc}, nil
}

func (s *sockets) openFD(nc interface {
	net.Conn
	syscall.Conn
}) (socket, error) {
	poll, err := s.poller()
	if err != nil {
		nc.Close()
		return nil, err
	}
	return newFDSocket(nc, poll)
}

func (s *sockets) openTLS(nc *tls.Conn, below syscall.Conn) (socket, error) {
	poll, err := s.poller()
	if err != nil {
		nc.Close()
		return nil, err
	}
	return newTLSSocket(nc, below, poll)
}

// poller returns the poller, which the first call starts: an engine whose
// connections are all pipes, as in tests with fake time, never has one.
//
// Starting it fails where the process or the system has no descriptor left. A
// plain connection would fail at its next step then, since its own descriptor is
// duplicated. So the connection is refused with the error, and the next one tries
// again: to serve it by a goroutine instead would only hide a limit that the
// operator has to raise.
func (s *sockets) poller() (*poller, error) {
	s.mu.Lock()
	poll := s.poll
	s.mu.Unlock()
	if poll != nil {
		return poll, nil
	}
	fresh, err := newPoller()
	if err != nil {
		return nil, err
	}
	poll, err = s.start(fresh)
	if poll != fresh {
		_ = fresh.close() // nobody has used it
	}
	return poll, err
}

// start runs p unless another call was first, and returns the one that runs.
func (s *sockets) start(p *poller) (*poller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrEngineClosed
	}
	if s.poll == nil {
		s.poll = p
		s.spawn(p.run)
	}
	return s.poll, nil
}

// close stops the poller. The sockets must be closed.
func (s *sockets) close() error {
	s.mu.Lock()
	s.closed = true
	poll := s.poll
	s.mu.Unlock()
	if poll == nil {
		return nil
	}
	return poll.close()
}
