package chat_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
)

// startHub serves a hub over loopback and closes it at the end of the test.
func startHub(t *testing.T, cfg chat.Config) (url string, hub *chat.Hub) {
	t.Helper()
	if cfg.Journal == nil {
		cfg.Journal = chat.NewMemoryJournal(chat.MemoryOptions{})
	}
	hub, err := chat.NewHub(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(&chat.Handler{Hub: hub})
	t.Cleanup(func() {
		srv.Close()
		if err := hub.Close(context.Background()); err != nil {
			t.Errorf("close hub: %v", err)
		}
	})
	return "ws" + strings.TrimPrefix(srv.URL, "http"), hub
}

// dial connects a client that is closed at the end of the test.
func dial(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(1 << 20)
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// expect fails unless c hears exactly these texts next.
func expect(t *testing.T, c *websocket.Conn, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, want := range texts {
		_, got, err := c.Read(ctx)
		if err != nil {
			t.Fatalf("waiting for %q: %v", want, err)
		}
		if string(got) != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestHandler_Raw_RelaysToOthersOnly(t *testing.T) {
	for _, noPoll := range []bool{false, true} {
		t.Run(fmt.Sprintf("noPoll=%v", noPoll), func(t *testing.T) {
			url, _ := startHub(t, chat.Config{NoPoll: noPoll})
			a, b, other := dial(t, url), dial(t, url), dial(t, url+"?room=other")
			say(t, a, "one")
			expect(t, b, "one")
			say(t, b, "two")
			expect(t, a, "two") // and not its own "one" before it
			say(t, other, "elsewhere")
			say(t, a, "three")
			expect(t, b, "three")
		})
	}
}

func TestHandler_History_ComesFirst(t *testing.T) {
	url, _ := startHub(t, chat.Config{})
	a, b := dial(t, url), dial(t, url)
	for i := range 5 {
		say(t, a, fmt.Sprint(i))
	}
	expect(t, b, "0", "1", "2", "3", "4")
	late := dial(t, url+"?history=3")
	expect(t, late, "2", "3", "4")
	say(t, a, "live")
	expect(t, late, "live")
}
