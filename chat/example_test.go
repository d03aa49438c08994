package chat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

// A chat in a program of one's own, without Caddy.
func Example() {
	dir, err := os.MkdirTemp("", "chat")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := embedded(context.Background(), dir); err != nil {
		fmt.Println(err)
	}
	// Output: Li: hello
}

func embedded(ctx context.Context, dir string) error {
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	defer srv.Close()

	journal, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
	if err != nil {
		return err
	}
	hub, err := chat.NewHub(chat.Config{Journal: journal}) // which closes the journal
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	defer hub.Close(ctx)

	handler := &chat.Handler{Hub: hub}
	mux.Handle("/chat", handler)

	return twoChat(ctx, srv.URL+"/chat?room=tea")
}

// twoChat has one client hear what another says.
func twoChat(ctx context.Context, url string) error {
	listener, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer listener.CloseNow()
	speaker, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer speaker.CloseNow()
	if err := speaker.Write(ctx, websocket.MessageText, []byte("Li: hello")); err != nil {
		return err
	}
	_, heard, err := listener.Read(ctx)
	if err != nil {
		return err
	}
	fmt.Println(string(heard))
	return nil
}
