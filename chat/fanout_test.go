package chat_test

import (
	"fmt"
	"testing"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// Whoever holds the hub's mutex, as one who lists all sessions does, holds up nobody who
// speaks or listens.
func TestFanOut_NeedsNoLockOfTheHub(t *testing.T) {
	url, hub := serve(t, chat.Config{Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{})
	ann := dialV1(t, url).hello(`,"rooms":[{"room":"lobby"}]`)
	raw, other := dial(t, url), dial(t, url)
	for a, b := range map[*websocket.Conn]*websocket.Conn{raw: other, other: raw} { // they are registered then
		send(t, a, "ready")
		expect(t, b, "ready")
		ann.expect(`{"type":"message","body":"ready","…":"…"}`)
	}
	hub.WithLock(func() {
		for i := range 3 {
			ann.send(fmt.Sprintf(`{"type":"send","room":"lobby","body":"ann %d"}`, i))
			ann.expect(`{"type":"message","…":"…"}`)
			send(t, raw, fmt.Sprint("raw ", i))
			ann.expect(fmt.Sprintf(`{"type":"message","body":"raw %d","…":"…"}`, i))
		}
		expect(t, other, "ann 0", "raw 0", "ann 1", "raw 1", "ann 2", "raw 2")
		expect(t, raw, "ann 0", "ann 1", "ann 2") // and nothing of its own
	})
}
