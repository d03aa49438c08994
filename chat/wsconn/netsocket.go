package wsconn

import (
	"crypto/tls"
	"net"
)

// netSocket is any net.Conn: TLS, a connection of a listener wrapper, a pipe. Its
// calls block, so it has a goroutine while it reads and one while it writes.
//
// It never sets a write deadline, except to interrupt. A deadline that passes during
// a write ends a TLS connection even while its peer reads. One that stands after the
// write fails the next thing that crypto/tls writes within Read, such as its answer
// to a key update.
type netSocket struct{ net.Conn }

func (s netSocket) attach(readyHandler) error { return nil }
func (s netSocket) blocks() bool              { return true }
func (s netSocket) progress() progress        { return progress{} }
func (s netSocket) writesAtOnce(int) bool     { return false }

// littleTLS is littleRead over TLS, which is large. There a client may send one record in
// many small ones, each behind 16 key updates (crypto/tls ends a connection at the 17th in a
// row), and each update costs a processor some 12 µs. The same holds of a stream of HTTP/2;
// but the server owns its connection, and what comes outside our streams is not ours to
// count. QUIC permits few key updates by itself.
const littleTLS = 1 << 10

func (s netSocket) littleRead() int {
	if _, ok := s.Conn.(*tls.Conn); ok {
		return littleTLS
	}
	return littleSize
}

func (s netSocket) read(p []byte) (int, error)  { return s.Read(p) }
func (s netSocket) write(p []byte) (int, error) { return s.Write(p) }

// closeWrite sends a FIN or the close_notify of TLS if the connection has such a thing.
func (s netSocket) closeWrite() bool {
	below := s.Conn
	if c, ok := below.(proxied); ok { // it reads a header first, and writes straight to what is below it
		if tcp, is := c.TCPConn(); is {
			below = tcp
		} else if unix, is := c.UnixConn(); is {
			below = unix
		}
	}
	half, ok := below.(interface{ CloseWrite() error })
	if ok {
		_ = half.CloseWrite() // the peer may be gone already
	}
	return ok
}

// proxied is what Caddy's listener wrapper proxy_protocol makes of a connection.
type proxied interface {
	TCPConn() (*net.TCPConn, bool)
	UnixConn() (*net.UnixConn, bool)
}

func (s netSocket) interrupt() { _ = s.SetDeadline(past) } // fails only on a closed connection

// close closes what is below TLS: closeWrite has sent the close_notify that the
// peer should get, and another one might wait for a peer that does not read.
func (s netSocket) close() {
	if c, ok := s.Conn.(*tls.Conn); ok {
		_ = c.NetConn().Close()
		return
	}
	_ = s.Conn.Close()
}
