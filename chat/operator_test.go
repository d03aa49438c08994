package chat_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
)

func TestHub_AnnounceToAll(t *testing.T) {
	inBubble(t, chat.Settings{MaxRooms: 1000}, nil, func(t *testing.T, b *bubble) {
		members := `,"rooms":[{"room":"0"}`
		for i := range 199 {
			members += fmt.Sprintf(`,{"room":"%d"}`, i+1)
		}
		c := b.connect().hello(members + "]")
		if n, err := b.hub.AnnounceToAll(t.Context(), []byte(`"x"`)); n != 200 || err != nil {
			t.Fatalf("announced in %d rooms, %v", n, err)
		}
		rooms := map[string]bool{}
		for range 200 {
			frame := c.next()
			c.match(`{"type":"notice","seq":1,"body":"x","…":"…"}`, frame)
			var f struct{ Room string }
			if err := json.Unmarshal([]byte(frame), &f); err != nil {
				t.Fatal(err)
			}
			rooms[f.Room] = true
		}
		if len(rooms) != 200 {
			t.Errorf("%d rooms received it", len(rooms))
		}
	})
}
