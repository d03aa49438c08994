package caddymodule_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"

	_ "github.com/caddychat/caddy-chat/caddymodule/h2"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// carrier opens a WebSocket at a path with a query and returns its byte stream, or nil
// if the server refuses. There is one for each way to carry WebSocket: HTTP/1.1 with
// and without TLS, HTTP/2 and HTTP/3.
type carrier func(ctx context.Context, uri string, header http.Header) (net.Conn, *http.Response, error)

// streamCarriers returns the carriers that open streams by an extended CONNECT, over
// https.
func streamCarriers(s *testcaddy.Site) map[string]carrier {
	return map[string]carrier{"h2": overH2(s).again(), "h3": overH3(s).again()}
}

// again repeats a handshake that the server has not processed, as browsers do: a
// reload may end the connection that carried it.
func (c carrier) again() carrier {
	return func(ctx context.Context, uri string, header http.Header) (conn net.Conn, res *http.Response, err error) {
		for range 3 {
			conn, res, err = c(ctx, uri, header.Clone())
			var h3 *http3.Error
			if err == nil || !strings.Contains(err.Error(), "GOAWAY") && !(errors.As(err, &h3) && h3.ErrorCode == http3.ErrCodeRequestRejected) {
				break
			}
		}
		return conn, res, err
	}
}

// connect implements conformance.Target.Connect.
func (c carrier) connect(ctx context.Context, query string) (net.Conn, error) {
	conn, res, err := c(ctx, "/chat?"+query, http.Header{})
	if err == nil && conn == nil {
		err = errors.New(res.Status)
	}
	return conn, err
}

// RoundTrip lets a client that only knows the handshake of HTTP/1.1 use the carrier.
func (c carrier) RoundTrip(req *http.Request) (*http.Response, error) {
	header := req.Header.Clone()
	key := header.Get("Sec-Websocket-Key")
	for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Key"} {
		header.Del(name)
	}
	conn, res, err := c(req.Context(), req.URL.RequestURI(), header)
	if err != nil || conn == nil {
		return res, err
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	res.StatusCode, res.Body = http.StatusSwitchingProtocols, conn
	res.Header.Set("Upgrade", "websocket")
	res.Header.Set("Connection", "Upgrade")
	res.Header.Set("Sec-Websocket-Accept", base64.StdEncoding.EncodeToString(sum[:]))
	return res, nil
}

// dial connects by coder/websocket. The connection is closed at the end of the test.
func (c carrier) dial(t *testing.T, uri string, protocols ...string) *websocket.Conn {
	t.Helper()
	conn, res, err := websocket.Dial(t.Context(), "wss://site"+uri, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: c}, Subprotocols: protocols})
	if err != nil {
		t.Fatalf("%s: %v (%v)", uri, err, res)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// connectRequest returns an extended CONNECT, to which each version of HTTP adds its own
// part.
func connectRequest(s *testcaddy.Site, ctx context.Context, uri string, header http.Header) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodConnect, "https://"+s.TLS+uri, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	req.Header.Set("Sec-Websocket-Version", "13")
	return req, nil
}

// overH1 opens each WebSocket on a new connection, over https.
func overH1(s *testcaddy.Site) carrier { return upgrading(s, s.TLS, s.Trust()) }

// overPlain opens each WebSocket on a new connection, over http.
func overPlain(s *testcaddy.Site) carrier { return upgrading(s, s.Plain, nil) }

func upgrading(s *testcaddy.Site, addr string, trust *tls.Config) carrier {
	return func(ctx context.Context, uri string, header http.Header) (net.Conn, *http.Response, error) {
		req, err := connectRequest(s, ctx, uri, header)
		if err != nil {
			return nil, nil, err
		}
		req.Method, req.Host = http.MethodGet, addr
		req.Header.Set("Upgrade", "websocket")
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		tcp, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, nil, err
		}
		conn := tcp
		if trust != nil {
			config := trust.Clone()
			config.ServerName, _, _ = net.SplitHostPort(addr)
			conn = tls.Client(tcp, config)
		}
		defer context.AfterFunc(ctx, func() { tcp.Close() })()
		if err := req.Write(conn); err != nil {
			tcp.Close()
			return nil, nil, err
		}
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, req)
		if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			tcp.Close()
			return nil, res, err
		}
		return &h1Stream{conn, in, tcp.(*net.TCPConn)}, res, nil
	}
}

// h1Stream is a connection from which in may have read some bytes already.
type h1Stream struct {
	net.Conn
	in  *bufio.Reader
	tcp *net.TCPConn
}

func (s *h1Stream) Read(p []byte) (int, error) { return s.in.Read(p) }

// overH2 opens WebSockets as streams of shared connections, as browsers do (RFC 8441).
func overH2(s *testcaddy.Site) carrier {
	//lint:ignore SA1019 http.Transport refuses the field ":protocol"
	var t http.RoundTripper = &http2.Transport{TLSClientConfig: s.Trust()}
	s.T.Cleanup((&http.Client{Transport: t}).CloseIdleConnections)
	return func(handshake context.Context, uri string, header http.Header) (net.Conn, *http.Response, error) {
		ctx, cancel := context.WithCancel(context.Background()) // of the stream
		defer context.AfterFunc(handshake, cancel)()
		req, err := connectRequest(s, ctx, uri, header)
		if err != nil {
			cancel()
			return nil, nil, err
		}
		req.Header[":protocol"] = []string{"websocket"}
		conn, body := net.Pipe() // has deadlines, unlike io.Pipe
		req.Body = body
		res, err := t.RoundTrip(req)
		if err != nil || res.StatusCode != http.StatusOK {
			cancel()
			conn.Close()
			return nil, res, err
		}
		return &h2Stream{conn, res.Body, cancel}, res, nil
	}
}

type h2Stream struct {
	net.Conn // writes the request's body
	body     io.ReadCloser
	cancel   func()
}

func (s *h2Stream) Read(p []byte) (int, error) { return s.body.Read(p) }

// Close resets the stream.
func (s *h2Stream) Close() error {
	s.cancel()
	return errors.Join(s.Conn.Close(), s.body.Close())
}

// streamsPerConn is less than a server of quic-go allows.
const streamsPerConn = 50

// overH3 opens WebSockets as streams of shared connections (RFC 9220).
func overH3(s *testcaddy.Site) carrier {
	config := s.Trust()
	config.NextProtos = []string{http3.NextProtoH3}
	shared := &h3Conns{site: s, config: config}
	return func(ctx context.Context, uri string, header http.Header) (net.Conn, *http.Response, error) {
		req, err := connectRequest(s, ctx, uri, header)
		if err != nil {
			return nil, nil, err
		}
		req.Proto = "websocket" // quic-go's name for :protocol
		c, str, err := shared.open(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("open a stream over QUIC: %w", err)
		}
		if err := str.SendRequestHeader(req); err != nil {
			return nil, nil, err
		}
		res, err := str.ReadResponse()
		if err != nil || res.StatusCode != http.StatusOK {
			return nil, res, err
		}
		return &h3Stream{str, c}, res, nil
	}
}

// h3Conns are the connections of a client, each with some streams.
type h3Conns struct {
	site      *testcaddy.Site
	config    *tls.Config
	transport http3.Transport

	mu      sync.Mutex // guards the rest
	conn    *http3.ClientConn
	streams int // opened on conn
}

// open opens a stream. It makes a new connection if the last one has streamsPerConn
// streams or accepts no more: after a reload the server closes its old connections.
func (h *h3Conns) open(ctx context.Context) (*http3.ClientConn, *http3.RequestStream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil && h.streams < streamsPerConn {
		if str, err := h.conn.OpenRequestStream(ctx); err == nil {
			h.streams++
			return h.conn, str, nil
		}
	}
	conn, err := quic.DialAddr(ctx, h.site.TLS, h.config, &quic.Config{MaxStreamReceiveWindow: 1 << 20})
	if err != nil {
		return nil, nil, err
	}
	h.site.T.Cleanup(func() { conn.CloseWithError(0, "") })
	h.conn, h.streams = h.transport.NewClientConn(conn), 1
	select {
	case <-h.conn.ReceivedSettings():
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if !h.conn.Settings().EnableExtendedConnect {
		return nil, nil, errors.New("the server does not offer extended CONNECT")
	}
	str, err := h.conn.OpenRequestStream(ctx)
	return h.conn, str, err
}

type h3Stream struct {
	*http3.RequestStream
	conn *http3.ClientConn
}

func (s *h3Stream) LocalAddr() net.Addr  { return s.conn.LocalAddr() }
func (s *h3Stream) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// Close resets the stream.
func (s *h3Stream) Close() error {
	s.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
	s.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
	return nil
}
