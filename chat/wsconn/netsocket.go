package wsconn

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// netSocket is any net.Conn: TLS, a listener wrapper's connection, a pipe. Its
// calls wait, so it has a goroutine while it reads and one while it writes.
type netSocket struct {
	net.Conn
	writeTimeout time.Duration
	interrupted  atomic.Bool
	writeUntil   time.Time // the write deadline in force; owned by the writer
}

func newNetSocket(e *Engine, nc net.Conn) *netSocket {
	return &netSocket{Conn: nc, writeTimeout: e.cfg.WriteTimeout}
}

func (s *netSocket) attach(*Conn) error         { return nil }
func (s *netSocket) blocks() bool               { return true }
func (s *netSocket) ready(int) bool             { return false }
func (s *netSocket) read(p []byte) (int, error) { return s.Read(p) }

// write gives the peer writeTimeout to take p, or half of it at least: a deadline
// costs more than looking at the clock. Where the deadline is set after
// interrupt has set its own, interrupted is seen.
func (s *netSocket) write(p []byte) (int, error) {
	if now := time.Now(); s.writeUntil.Sub(now) < s.writeTimeout/2 {
		s.writeUntil = now.Add(s.writeTimeout)
		if err := s.SetWriteDeadline(s.writeUntil); err != nil {
			return 0, err
		}
		if s.interrupted.Load() {
			return 0, net.ErrClosed
		}
	}
	return s.Write(p)
}

// closeWrite sends a FIN or TLS's close_notify where the connection has such a
// thing. Where it hasn't, the peer ends the conversation or the engine does.
func (s *netSocket) closeWrite() {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // the peer may be gone already
	}
}

func (s *netSocket) interrupt() {
	s.interrupted.Store(true)
	_ = s.SetDeadline(time.Unix(1, 0)) // fails only on a closed connection
}

// close passes TLS by: a close_notify that the peer should get has been sent by
// closeWrite, and one more might wait for a peer that does not read.
func (s *netSocket) close() {
	if c, ok := s.Conn.(*tls.Conn); ok {
		_ = c.NetConn().Close()
		return
	}
	_ = s.Conn.Close()
}
