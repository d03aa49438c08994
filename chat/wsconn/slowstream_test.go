package wsconn

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"

	_ "github.com/caddychat/caddy-chat/caddymodule/h2" // Go's server offers WebSocket over HTTP/2
)

// windowSize is what a slow client lets a server send ahead: the server must wait for it.
const windowSize = 16 << 10

// A page of 128 KiB reaches a client of HTTP/2 or HTTP/3 that takes it slowly and steadily:
// all of it takes longer than WriteTimeout, and what a server sends ahead is bounded.
func TestStream_SlowReader_GetsAPage(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, http.Handler) io.ReadCloser{"h2": openH2, "h3": openH3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const timeout = 2 * time.Second // 64 KiB take longer, 16 KiB do not
			e := NewEngine(Config{WriteTimeout: timeout})
			defer e.Close(context.Background())
			accepted := make(chan *Conn, 1)
			r := newRecorder()
			stream := open(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				c, err := e.Accept(w, req, Terms{}, r)
				if err != nil {
					t.Error(err)
					close(accepted)
					return
				}
				c.Start()
				accepted <- c
				c.Wait()
			}))
			defer stream.Close()
			c := <-accepted
			if c == nil {
				return
			}
			start := time.Now()
			if err := c.Send(AppendFrame(nil, ws.OpText, false, make([]byte, 128<<10))); err != nil {
				t.Fatal(err)
			}
			f, err := readFrame(pacedReader{stream})
			took := time.Since(start)
			if err != nil || len(f.Payload) != 128<<10 {
				t.Errorf("got %d bytes, %v, after %v", len(f.Payload), err, took)
			}
			if took < timeout+time.Second/2 {
				t.Errorf("the page came within %v, too fast for this test", took)
			}
			c.Kill(io.EOF)
			<-r.closed
		})
	}
}

// pacedReader is read at 25 KB/s.
type pacedReader struct{ io.Reader }

func (r pacedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p[:min(len(p), 4<<10)])
	time.Sleep(time.Duration(n) * time.Second / 25_000)
	return n, err
}

func openH2(t *testing.T, h http.Handler) io.ReadCloser {
	ts := httptest.NewUnstartedServer(h)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	t.Cleanup(ts.Close)
	conn, err := tls.Dial("tcp", ts.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	//lint:ignore SA1019 http.Transport refuses the field ":protocol"
	transport, err := http2.ConfigureTransports(&http.Transport{HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: windowSize}})
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 as above
	client, err := transport.NewClientConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	req := extendedConnect(t, ts.URL)
	req.Header[":protocol"] = []string{"websocket"}
	body, _ := net.Pipe() // has no end
	req.Body = body
	res, err := client.RoundTrip(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	return res.Body
}

func openH3(t *testing.T, h http.Handler) io.ReadCloser {
	ts := httptest.NewTLSServer(nil) // for its certificate
	defer ts.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http3.Server{Handler: h, TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: ts.TLS.Certificates})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(udp) }()
	t.Cleanup(func() {
		server.Close()
		<-served
		udp.Close()
	})
	config := &quic.Config{InitialStreamReceiveWindow: windowSize, MaxStreamReceiveWindow: windowSize}
	conn, err := quic.DialAddr(t.Context(), udp.LocalAddr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}}, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseWithError(0, "") })
	client := new(http3.Transport).NewClientConn(conn)
	<-client.ReceivedSettings()
	stream, err := client.OpenRequestStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req := extendedConnect(t, "https://"+udp.LocalAddr().String())
	req.Proto = "websocket"
	if err := stream.SendRequestHeader(req); err != nil {
		t.Fatal(err)
	}
	if res, err := stream.ReadResponse(); err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	return stream
}

func extendedConnect(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, url+"/chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Websocket-Version", "13")
	return req
}
