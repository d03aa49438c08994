//go:build !linux

package wsconn

import "net"

// sockets makes a socket of each net.Conn. Without epoll every connection keeps
// its goroutine.
type sockets struct{}

func newSockets(func(func())) *sockets { return &sockets{} }

func (*sockets) open(nc net.Conn) (socket, error) { return netSocket{nc}, nil }

func (*sockets) close() error { return nil }
