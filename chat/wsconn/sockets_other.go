//go:build !linux

package wsconn

import (
	"net"
	"time"
)

// sockets makes a socket of each net.Conn. Without epoll every connection keeps
// its goroutine.
type sockets struct{ writeTimeout time.Duration }

func newSockets(writeTimeout time.Duration, _ func(func())) *sockets {
	return &sockets{writeTimeout}
}

func (s *sockets) open(nc net.Conn) (socket, error) { return newNetSocket(nc, s.writeTimeout), nil }

func (s *sockets) close() error { return nil }
