package chat_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// startHub serves a hub over loopback and closes it at the end of the test.
func startHub(t testing.TB, cfg chat.Config) (url string, hub *chat.Hub) {
	t.Helper()
	if cfg.Journal == nil {
		cfg.Journal = memjournal.New(memjournal.Options{})
	}
	return serve(t, cfg, &chat.Handler{})
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

func send(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// expect fails unless c receives exactly these texts next.
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
	url, _ := startHub(t, chat.Config{})
	a, b, other := dial(t, url), dial(t, url), dial(t, url+"?room=other")
	send(t, a, "one")
	expect(t, b, "one")
	send(t, b, "two")
	expect(t, a, "two") // and not its own "one" before it
	send(t, other, "elsewhere")
	send(t, a, "three")
	expect(t, b, "three")
}

func TestHandler_History_ComesFirst(t *testing.T) {
	url, _ := startHub(t, chat.Config{})
	a, b := dial(t, url), dial(t, url)
	for i := range 5 {
		send(t, a, fmt.Sprint(i))
	}
	expect(t, b, "0", "1", "2", "3", "4")
	late := dial(t, url+"?history=3")
	expect(t, late, "2", "3", "4")
	send(t, a, "live")
	expect(t, late, "live")
}

// Whoever joins while others talk receives an unbroken run of it:
// nothing is missing or doubled where history ends and live messages begin.
func TestHandler_History_JoinsTheLiveRoomWithoutSeam(t *testing.T) {
	url, _ := startHub(t, chat.Config{})
	const messages, joiners = 3000, 20
	speaker := dial(t, url)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range messages {
			if err := speaker.Write(t.Context(), websocket.MessageText, fmt.Append(nil, i)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range joiners {
		c := dial(t, url+"?history=50")
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			for next := -1; next < messages; next++ {
				_, p, err := c.Read(ctx)
				if err != nil {
					t.Errorf("after %d: %v", next-1, err)
					return
				}
				got, err := strconv.Atoi(string(p))
				if err != nil {
					t.Error(err)
					return
				}
				if next < 0 {
					next = got
				}
				if got != next {
					t.Errorf("received %d after %d", got, next-1)
					return
				}
				if got == messages-1 {
					return
				}
			}
		})
	}
	wg.Wait()
}

// A client that does not read costs the others nothing and is cut off. It has little time
// to read why, so it reads as soon as it is.
func TestHandler_StalledClient_DisturbsNobody(t *testing.T) {
	url, hub := startHub(t, chat.Config{Settings: chat.Settings{MaxMessage: 16 << 10, OutboxLimit: 64 << 10}})
	speaker, reader, stalled := dial(t, url), dial(t, url), dial(t, url)
	text := strings.Repeat("x", 16<<10)
	for n := 0; hub.Stats().Slow == 0; n++ {
		if n == 4000 { // 64 MB: more than socket buffers and outbox hold together
			t.Fatal("it is not cut off")
		}
		send(t, speaker, text)
		expect(t, reader, text)
	}
	for {
		if _, _, err := stalled.Read(t.Context()); err != nil {
			if code := websocket.CloseStatus(err); code != 4001 {
				t.Errorf("cut off with %v", err)
			}
			return
		}
	}
}
