package chat_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// A token counts until it ends, wherever its client is by then: between the handshake and
// hello, in a long history, in the body of a request.
func TestExpiry_EndsWhatHasBegun(t *testing.T) {
	five := withQuery("token=li+5s&room=lobby&history=1000")
	slowly := chat.Settings{ReadBytes: access.Rate{PerSecond: 100_000, Burst: 100_000}, PingInterval: time.Hour}

	t.Run("before hello", func(t *testing.T) {
		inBubbleWith(t, chat.Settings{}, limited{}, five, func(t *testing.T, b *bubble) {
			say(t, b.journal, "lobby", "a secret")
			c := b.connect()
			time.Sleep(6 * time.Second)
			c.send(`{"type":"hello","id":"1","rooms":[{"room":"lobby"}]}`)
			c.expect(`{"type":"error","id":"1","code":"expired","message":"…","retry":false}`, `{"type":"bye","code":"expired","message":"…","retry":false}`)
			c.closed(4502)
		})
	})
	t.Run("in a raw history", func(t *testing.T) {
		inBubbleWith(t, slowly, limited{}, five, func(t *testing.T, b *bubble) {
			say(t, b.journal, "lobby", numbered(0, 40, 50_000)...)
			began := time.Now()
			c := b.connectRaw()
			c.closed(4502)
			for b.hub.Stats().Connections > 0 {
				time.Sleep(time.Second)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("a history went on for %v", took)
			}
		})
	})
	t.Run("in the body of a request", func(t *testing.T) {
		around := func(h http.Handler) http.Handler {
			h = overHTTP(h)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Set("Authorization", "Bearer li 5s")
				h.ServeHTTP(w, r)
			})
		}
		inBubbleWith(t, chat.Settings{}, limited{}, around, func(t *testing.T, b *bubble) {
			c, r := b.rawRequest("192.0.2.1", "POST", len(aMessage), aMessage[:3])
			time.Sleep(6 * time.Second)
			if _, err := c.Write([]byte(aMessage[3:])); err != nil {
				t.Fatal(err)
			}
			if got := status(r); got != http.StatusUnauthorized {
				t.Errorf("a message was sent with a token that has ended: %d", got)
			}
			c.Close()
		})
	})
}
