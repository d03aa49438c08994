package chat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/wire"
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

// An operator can do nothing in a room that cannot exist, or that belongs to the server.
func TestHub_Operator_NoSuchRoom(t *testing.T) {
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		for door, act := range map[string]func(room string) error{
			"mute":         func(room string) error { return b.hub.Mute(room, "ann", time.Hour) },
			"endless mute": func(room string) error { return b.hub.Mute(room, "ann", wire.Forever) },
			"ban":          func(room string) error { return b.hub.Ban(room, "ann", time.Hour) },
			"announcement": func(room string) error { _, err := b.hub.Announce(t.Context(), room, []byte(`1`)); return err },
		} {
			for room, want := range map[string]string{
				"@ann": "forbidden", "a\x00b": "control character", strings.Repeat("r", 129): "129 bytes",
			} {
				if err := act(room); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s in %q: %v, want %s", door, room, err, want)
				}
			}
			if err := act("tea@ann"); err != nil {
				t.Errorf("%s: %v", door, err)
			}
		}
		if list := b.hub.Sanctions(); len(list) != 2 {
			t.Errorf("in force: %v", list)
		}
		// An earlier version may have taken it.
		if err := b.hub.Ban("@ann", "ann", 0); err != nil {
			t.Errorf("a ban is not lifted: %v", err)
		}
	})
}
