package caddymodule_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// Behind the listener wrapper proxy_protocol, too, the server ends its side as soon as it has
// closed, whoever has closed first: clients wait for that (RFC 6455, section 7.1.1).
func TestProxyProtocol_ClosedConnection_EndsAtOnce(t *testing.T) {
	s := testcaddy.StartWith(t, "chat", "admin off\nservers {\nlistener_wrappers {\nproxy_protocol {\ntimeout 2s\n}\ntls\n}\n}")
	for name, c := range map[string]struct{ send, want string }{
		"the client closes": {"\x88\x82\x00\x00\x00\x00\x03\xe8", "\x88\x02\x03\xe8"},
		"the server closes": {"\x81\x01x", "\x88"}, // what is not masked
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", s.Plain)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "PROXY TCP4 192.0.2.7 127.0.0.1 1234 80\r\nGET /chat HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", s.Plain)
			if err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(conn)
			res, err := http.ReadResponse(r, nil)
			if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
				t.Fatal(res, err)
			}
			start := time.Now()
			if _, err := conn.Write([]byte(c.send)); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r) // until the server ends its side; ours stays open
			if err != nil || !strings.HasPrefix(string(got), c.want) {
				t.Errorf("got %q, %v", got, err)
			}
			if took := time.Since(start); took > 2*time.Second { // it was 3
				t.Errorf("it ended after %v", took)
			}
		})
	}
}
