package chat_test

import (
	"crypto/tls"
	"net/http"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// held makes every second session one that holds more than its connection.
func held(h http.Handler) http.Handler {
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n%2 == 0 {
			r.TLS = &tls.ConnectionState{HandshakeComplete: true}
		}
		h.ServeHTTP(w, r)
	})
}

func TestHub_Retire_AsksTheOldToComeBack_OneByOne(t *testing.T) {
	const over = 2 * time.Hour
	inBubbleWith(t, chat.Settings{MaxConnectionsPerIP: 1000, PingInterval: 24 * time.Hour}, nil, held, func(t *testing.T, b *bubble) {
		const n = 240 // so many that chance never puts them into the wrong half
		var clients []*client
		for range n {
			clients = append(clients, b.connect().hello(""))
		}
		time.Sleep(time.Second)
		before := time.Now()
		for range 4 {
			b.connect().hello("") // too young
		}
		time.Sleep(time.Second)
		b.hub.Retire(before, over)
		start, gone := time.Now(), 0
		var perHalf [2]int
		for time.Since(start) < over+time.Minute {
			time.Sleep(time.Minute)
			now := n + 4 - b.hub.Stats().Sessions
			if now-gone > n/4 {
				t.Errorf("%d ended in one minute", now-gone)
			}
			perHalf[min(1, int(time.Since(start)/(over/2)))] += now - gone
			gone = now
		}
		if gone != n/2 {
			t.Errorf("%d sessions have ended, want %d: those that are old and hold something", gone, n/2)
		}
		if perHalf[0] < n/8 || perHalf[1] < n/16 {
			t.Errorf("%v ended in the two halves of the time", perHalf)
		}
		for i, c := range clients {
			if i%2 == 1 {
				c.expect(`{"type":"bye","code":"shutdown","message":"please connect again","…":"…"}`)
				c.closed(1001)
			}
		}
	})
}
