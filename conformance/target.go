package conformance

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Target is a running server that claims to speak the raw dialect. It must
// allow 100 more connections from one address than Members, take any room's name,
// have the default origins, show no web page at Path, and have nobody else in its
// lobby.
type Target struct {
	// Addr is where the server listens, as host:port. Required unless Dial or
	// Connect is set; it is the Host of the requests all the same.
	Addr string

	// Path of the chat. Default: /chat.
	Path string

	// TLS is used for wss; nil means ws.
	TLS *tls.Config

	// Dial replaces connecting to Addr by TCP. TLS is spoken above it.
	Dial func(ctx context.Context) (net.Conn, error)

	// Connect opens a WebSocket by other means than an HTTP/1.1 upgrade, such as
	// a stream of HTTP/2: at Path, with this query. The cases about the HTTP/1.1
	// handshake are skipped where it is set.
	Connect func(ctx context.Context, query string) (net.Conn, error)

	// MaxMessage is the longest message that the server accepts, in bytes.
	// Default: 64 KiB.
	MaxMessage int

	// PingInterval is how long the server lets a client be silent before it
	// pings it. The case about that needs it to be at most a quarter of Patience,
	// and is skipped where it is longer or not set. Two seconds are a good
	// choice: with much less, a server that shares a slow machine with the crowd
	// takes for silent who has answered long ago.
	PingInterval time.Duration

	// Members and Messages are the size of the crowd that must hear everything
	// exactly once and in one order. Default: 1000 each.
	Members, Messages int

	// Patience is how long the server may take for anything it owes. Default:
	// 10 s.
	Patience time.Duration
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
	if t.Patience == 0 {
		t.Patience = 10 * time.Second
	}
	return t
}

// dial opens a transport connection to the server.
func (t Target) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Patience)
	defer cancel()
	conn, err := t.dialPlain(ctx)
	if err != nil || t.TLS == nil {
		return conn, err
	}
	config := t.TLS.Clone()
	config.NextProtos = []string{"http/1.1"} // what is written by hand here
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

// pageOrigin is the Origin of a page that the target itself serves.
func (t Target) pageOrigin() string {
	if t.TLS != nil {
		return "https://" + t.Addr
	}
	return "http://" + t.Addr
}
