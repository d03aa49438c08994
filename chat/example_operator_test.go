package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// The program itself says something in a room.
func ExampleHub_Announce() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	hub, err := chat.NewHub(chat.Config{Journal: memjournal.New(memjournal.Options{})})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := httptest.NewServer(&chat.Handler{Hub: hub})
	defer srv.Close()
	defer hub.Close(ctx)

	client, err := join(ctx, srv.URL, "tea")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseNow()

	// The body is JSON. Announce returns when the journal has recorded it.
	receipt, err := hub.Announce(ctx, "tea", []byte(`"We close at ten"`))
	if err != nil {
		fmt.Println(err)
		return
	}
	frame, err := await(ctx, client, "notice")
	fmt.Println(receipt.Seq, frame.Body, err)
	// Output: 1 We close at ten <nil>
}

// v1Frame has the fields of a frame of chat.v1 that these examples read.
type v1Frame struct{ Type, Body string }

// join connects a client of chat.v1 that joins a room.
func join(ctx context.Context, url, room string) (*websocket.Conn, error) {
	client, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{chat.Subprotocol}})
	if err != nil {
		return nil, err
	}
	for _, say := range []string{`{"type":"hello"}`, `{"type":"join","room":"` + room + `"}`} {
		if err := client.Write(ctx, websocket.MessageText, []byte(say)); err != nil {
			return nil, errors.Join(err, client.CloseNow())
		}
	}
	_, err = await(ctx, client, "joined")
	return client, err
}

// await returns the next frame of a type.
func await(ctx context.Context, client *websocket.Conn, kind string) (v1Frame, error) {
	for {
		var f v1Frame
		_, text, err := client.Read(ctx)
		if err != nil {
			return f, err
		}
		if err := json.Unmarshal(text, &f); err != nil || f.Type == kind {
			return f, err
		}
	}
}

// The hub's figures among the variables that /debug/vars shows.
func ExampleHub_Stats() {
	ctx := context.Background()
	hub, err := chat.NewHub(chat.Config{Journal: memjournal.New(memjournal.Options{})})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hub.Close(ctx)

	// In a program: expvar.Publish("chat", figures)
	figures := expvar.Func(func() any {
		s := hub.Stats()
		return map[string]any{
			"connections": s.Connections,
			"recorded":    s.Journal.Entries,
			"full":        s.Refused[chat.RefusedFull],
		}
	})

	if _, err := hub.Announce(ctx, "tea", []byte(`"Welcome"`)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(figures)
	// Output: {"connections":0,"full":0,"recorded":1}
}

// Policies from code. They apply at once, also to those who are connected.
func ExampleHub_Configure() {
	hub, err := chat.NewHub(chat.Config{Journal: memjournal.New(memjournal.Options{})})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hub.Close(context.Background())

	anyone, err := access.ParseSubject("anyone")
	if err != nil {
		fmt.Println(err)
		return
	}
	staff, err := access.ParseSubject("role=staff") // a claim of the credential
	if err != nil {
		fmt.Println(err)
		return
	}
	settings := hub.Settings()
	settings.Policies = access.Policies{
		{Pattern: "news", Read: []access.Subject{anyone}, Write: []access.Subject{staff}},
	}
	if err := settings.Policies.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	hub.Configure(settings)

	guest := hub.Settings().Policies.For(nil, "news", access.NoRole)
	other := hub.Settings().Policies.For(nil, "attic", access.NoRole) // no policy names it
	fmt.Println("news:", guest.Read, guest.Write, "attic:", other.Read)
	// Output: news: true false attic: false
}
