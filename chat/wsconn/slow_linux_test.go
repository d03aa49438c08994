package wsconn

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// A page of 128 KiB reaches a phone over TLS that takes it slowly and steadily, and
// whose kernel has little room: all of it takes longer than WriteTimeout. Fake time
// has the same with 5 KB/s: see TestConn_SlowReader_GetsAPage.
func TestTLSSocket_SlowReader_GetsAPage(t *testing.T) {
	t.Parallel()
	inner, outer := plainPair(t)
	if err := inner.(*net.TCPConn).SetWriteBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if err := outer.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	server, client := secure(t, inner, outer)
	const timeout = 3 * time.Second
	e := NewEngine(Config{WriteTimeout: timeout})
	defer e.Close(context.Background())
	r := newRecorder()
	c, err := e.Attach(server, false, r)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	start := time.Now()
	if err := c.Send(AppendFrame(nil, ws.OpText, false, make([]byte, 128<<10))); err != nil {
		t.Fatal(err)
	}
	client.NetConn().(*diverted).Conn = &pacedConn{Conn: outer}
	f, err := readFrame(client)
	if err != nil || len(f.Payload) != 128<<10 {
		t.Errorf("got %d bytes, %v, after %v", len(f.Payload), err, time.Since(start))
	}
	if took := time.Since(start); took < timeout+timeout/2 {
		t.Errorf("the page came within %v, too fast for this test", took)
	}
	c.Kill(io.EOF)
	<-r.closed
}

// pacedConn is read at 25 KB/s.
type pacedConn struct{ net.Conn }

func (c *pacedConn) Read(p []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return c.Conn.Read(p[:min(len(p), 512)])
}
