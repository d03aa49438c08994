package chat_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
)

// connectSlowly connects with a query and takes a frame each second, however long that lasts. It
// returns a channel that is closed when the session has ended.
func (b *bubble) connectSlowly(query string) <-chan struct{} {
	b.t.Helper()
	dial := func(context.Context, string, string) (net.Conn, error) {
		server, client := net.Pipe()
		b.accept <- server
		return client, nil
	}
	conn, _, err := websocket.Dial(b.t.Context(), "ws://chat/?"+query, &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}}})
	if err != nil {
		b.t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer conn.CloseNow()
		for {
			if _, _, err := conn.Read(context.Background()); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}()
	return ended
}

// A raw client takes its history as slowly as it likes. That keeps nobody from erasing the room,
// nor others from coming in afterwards.
func TestHub_EraseRoom_WhileHistoryIsTakenSlowly(t *testing.T) {
	inBubble(t, chat.Settings{PingInterval: time.Hour}, tokens{}, func(t *testing.T, b *bubble) {
		say(t, b.journal, "tea", numbered(0, 500, 16_000)...)
		ended := b.connectSlowly("room=tea&history=500")
		time.Sleep(20 * time.Second)
		select {
		case <-ended:
			t.Fatal("the client is gone already")
		default:
		}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		if _, err := b.hub.EraseRoom(ctx, "tea"); err != nil {
			t.Fatal(err)
		}
		<-ended
		if got := b.connect().hello(`,"token":"ben"`).ask(`{"type":"join","id":"?","room":"tea"}`); got != "nothing" {
			t.Errorf("join afterwards: %s", got)
		}
	})
}
