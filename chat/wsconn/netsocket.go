package wsconn

import (
	"net"
	"time"
)

// netSocket is any net.Conn: TLS, a listener wrapper's connection, a pipe. Its
// calls wait, so it has a goroutine while it reads and one while it writes.
type netSocket struct {
	net.Conn
	writeTimeout time.Duration
}

func newNetSocket(e *Engine, nc net.Conn) socket {
	return &netSocket{nc, e.cfg.WriteTimeout}
}

func (s *netSocket) attach(*Conn) error         { return nil }
func (s *netSocket) blocks() bool               { return true }
func (s *netSocket) read(p []byte) (int, error) { return s.Read(p) }
func (s *netSocket) interrupt()                 { _ = s.Conn.Close() }
func (s *netSocket) close()                     { _ = s.Conn.Close() }

func (s *netSocket) write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(s.writeTimeout)); err != nil {
		return 0, err
	}
	return s.Write(p)
}

// closeWrite sends a FIN or TLS's close_notify where the connection has such a
// thing. Where it hasn't, the peer ends the conversation or the engine does.
func (s *netSocket) closeWrite() {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}
