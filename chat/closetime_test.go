package chat_test

import (
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
