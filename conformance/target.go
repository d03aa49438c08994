package conformance

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Target is a running server of the raw dialect. It must allow 100 more
// connections from one address than Members, allow any room name, have the
// default origins, serve no web page at Path, and have no other client in the
// room lobby.
type Target struct {
	// Addr is where the server listens, as host:port. It is required unless Dial
	// or Connect is set. Requests always carry it as their Host.
	Addr string

	// Path is the path of the chat. Default: /chat.
	Path string

	// TLS is the configuration for wss. nil means ws.
	TLS *tls.Config

	// Dial replaces the TCP connection to Addr. TLS runs on top of it.
	Dial func(ctx context.Context) (net.Conn, error)

	// Connect replaces the HTTP/1.1 upgrade, for example by a stream of HTTP/2.
	// It opens a WebSocket at Path with this query. If it is set, the cases about
	// the HTTP/1.1 handshake are skipped.
	Connect func(ctx context.Context, query string) (net.Conn, error)

	// MaxMessage is the longest message that the server accepts, in bytes.
	// Default: 64 KiB.
	MaxMessage int

	// PingInterval is how long a client may be silent before the server pings
	// it. The case about that is skipped unless PingInterval is set and at most a
	// quarter of Timeout. Two seconds are a good choice. If it is much shorter, a
	// server on a slow machine, with Members clients in the same process, closes
	// clients that have answered.
	PingInterval time.Duration

	// Members and Messages are how many clients are in the room of the case
	// "broadcast", and how many messages they receive. Default: 1000 each.
	Members, Messages int

	// Timeout is how long the server may take for each answer, message or close.
	// Default: 10 s.
	Timeout time.Duration
}

func (t Target) withDefaults() Target {
	if t.Path == "" {
		t.Path = "/chat"
	}
	if t.MaxMessage == 0 {
		t.MaxMessage = 64 << 10
	}
	if t.Members == 0 {
		t.Members = 1000
	}
	if t.Messages == 0 {
		t.Messages = 1000
	}
	if t.Timeout == 0 {
		t.Timeout = 10 * time.Second
	}
	return t
}

// dial opens a transport connection to the server.
func (t Target) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	conn, err := t.dialPlain(ctx)
	if err != nil || t.TLS == nil {
		return conn, err
	}
	config := t.TLS.Clone()
	config.NextProtos = []string{"http/1.1"} // as request.go writes it
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(t.Addr)
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

func (t Target) dialPlain(ctx context.Context) (net.Conn, error) {
	if t.Dial != nil {
		return t.Dial(ctx)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", t.Addr)
}

// pageOrigin is the Origin that a page of the target has.
func (t Target) pageOrigin() string {
	if t.TLS != nil {
		return "https://" + t.Addr
	}
	return "http://" + t.Addr
}
