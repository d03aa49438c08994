package chat_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// A hub in which nobody is closes at once: nothing that it does by itself holds it up.
func TestHub_Close_WaitsForNothingOfItsOwn(t *testing.T) {
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		time.Sleep(time.Hour)
		began := time.Now()
		b.must(b.hub.Close(t.Context()))
		if took := time.Since(began); took > 0 {
			t.Errorf("it closes for %v", took)
		}
	})
}

// The goodbye counts from Leave: whoever has had two seconds since then is cut off by Close at
// once.
func TestHub_Close_GoodbyeCountsFromLeave(t *testing.T) {
	for _, before := range []time.Duration{0, 500 * time.Millisecond, 3 * time.Second} {
		inBubble(t, chat.Settings{}, tokens{}, func(t *testing.T, b *bubble) {
			server, client := net.Pipe()
			defer client.Close() // which never answers the goodbye
			b.accept <- server
			_, err := fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
			b.must(err)
			if got := status(bufio.NewReader(client)); got != http.StatusSwitchingProtocols {
				t.Fatal(got)
			}
			if !b.hub.Left().IsZero() {
				t.Error("it has left before anything")
			}
			left := time.Now()
			b.hub.Leave()
			time.Sleep(before)
			b.hub.Leave()
			if !b.hub.Left().Equal(left) {
				t.Errorf("it has left at %v, not %v", b.hub.Left(), left)
			}
			b.must(b.hub.Close(t.Context()))
			if took, want := time.Since(left), max(before, 2*time.Second); took != want {
				t.Errorf("%v after Leave, Close ended %v after it, want %v", before, took, want)
			}
		})
	}
}
