package chat_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// A message from a client's socket through the room to all members' sockets: the
// whole way, one message at a time. The clients do no more than count bytes, but
// their part of the time is in it. The figure to look at is ns/delivery, which
// should not grow with the room.
func BenchmarkHub_FanOut(b *testing.B) {
	for _, members := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			addr, _ := startHub(b, chat.Config{Settings: chat.Settings{
				MaxConnectionsPerIP: members + 1,
				UserRate:            access.Rate{PerSecond: 1e9, Burst: 1 << 30},
				UserBytes:           access.Rate{PerSecond: 1e9, Burst: 1 << 30},
			}})
			text := bytes.Repeat([]byte("x"), 128)
			whole := int64(members * len(ws.MustCompileFrame(ws.NewTextFrame(text))))
			said := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(text)))
			var received atomic.Int64
			all := make(chan struct{}, 1)
			sender, _ := openRaw(b, addr)
			for range members {
				conn, br := openRaw(b, addr)
				go func() {
					buf := make([]byte, 4096)
					for {
						n, err := br.Read(buf)
						if err != nil {
							conn.Close()
							return
						}
						if received.Add(int64(n))%whole == 0 {
							all <- struct{}{}
						}
					}
				}()
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sender.Write(said); err != nil {
					b.Fatal(err)
				}
				<-all
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*members), "ns/delivery")
		})
	}
}

// openRaw is a client that is no more than a socket. It is closed when the
// benchmark ends.
func openRaw(b *testing.B, addr string) (net.Conn, io.Reader) { return openSocket(b, addr, "") }

// openV1 is openRaw for a client of chat.v1.
func openV1(tb testing.TB, addr string) (net.Conn, io.Reader) {
	return openSocket(tb, addr, "Sec-WebSocket-Protocol: chat.v1\r\n")
}

func openSocket(b testing.TB, addr, header string) (net.Conn, io.Reader) {
	u, err := url.Parse(addr)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /chat?room=tea HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\n%sSec-WebSocket-Key: %s\r\n\r\n", u.Host, header, strings.Repeat("A", 22)+"==")
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		b.Fatalf("handshake: %v, %v", resp, err)
	}
	return conn, br
}
