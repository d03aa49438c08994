//go:build !linux

package wsconn

import "net"

// poller stands in where there is no epoll: every connection is read by a
// goroutine of its own.
type poller struct{ stop chan struct{} }

func newPoller() (*poller, error) { return &poller{make(chan struct{})}, nil }

func (p *poller) run()         { <-p.stop }
func (p *poller) close() error { close(p.stop); return nil }

func (e *Engine) newSocket(nc net.Conn) (socket, error) { return newNetSocket(e, nc), nil }
