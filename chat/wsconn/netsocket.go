package wsconn

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// netSocket is any net.Conn: TLS, a connection of a listener wrapper, a pipe. Its
// calls block, so it has a goroutine while it reads and one while it writes.
type netSocket struct {
	net.Conn
	writeTimeout time.Duration
	interrupted  atomic.Bool
	writeUntil   time.Time // the write deadline in force; owned by the writer
}

func newNetSocket(nc net.Conn, writeTimeout time.Duration) *netSocket {
	return &netSocket{Conn: nc, writeTimeout: writeTimeout}
}

func (s *netSocket) attach(readyHandler) error  { return nil }
func (s *netSocket) blocks() bool               { return true }
func (s *netSocket) writesAtOnce(int) bool      { return false }
func (s *netSocket) read(p []byte) (int, error) { return s.Read(p) }

// write gives the peer between half of writeTimeout and all of it to take p: the
// deadline is moved only when half of it has passed, since that costs more than
// a look at the clock. interrupt may set its deadline just before write sets
// another, so write looks at interrupted after that.
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

// closeWrite sends a FIN or the close_notify of TLS if the connection has such a
// thing. If not, the connection ends when the peer or the engine closes it.
func (s *netSocket) closeWrite() {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // the peer may be gone already
	}
}

func (s *netSocket) interrupt() {
	s.interrupted.Store(true)
	_ = s.SetDeadline(past) // fails only on a closed connection
}

// close closes what is below TLS: closeWrite has sent the close_notify that the
// peer should get, and another one might wait for a peer that does not read.
func (s *netSocket) close() {
	if c, ok := s.Conn.(*tls.Conn); ok {
		_ = c.NetConn().Close()
		return
	}
	_ = s.Conn.Close()
}
