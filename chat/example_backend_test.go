package chat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// backend speaks to a chat with a key of the site. Copy it: it needs nothing of this module.
type backend struct{ base, key string }

// problem is why a request is refused. Send it again after Retry milliseconds if that is a
// number; what was sent with the same idempotency key is recorded once.
type problem struct {
	Status       int
	Code, Detail string
	Field        string
	Retry        any
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

// ask sends a request, and reads the answer into an object unless it is nil.
func (b backend) ask(ctx context.Context, method, path, idempotency string, body, answer any) error {
	var sent io.Reader // none where there is no body
	if body != nil {
		p, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(p)
	}
	r, err := http.NewRequestWithContext(ctx, method, b.base+path, sent)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+b.key)
	r.Header.Set("Content-Type", "application/json")
	if idempotency != "" {
		r.Header.Set("Idempotency-Key", idempotency)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		refused := &problem{Status: res.StatusCode}
		if err := json.NewDecoder(res.Body).Decode(refused); err != nil {
			return fmt.Errorf("status %d", res.StatusCode)
		}
		return refused
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(answer)
}

// event is what has happened: an entry of a room, or a gap of what is lost.
type event struct {
	Entry *struct {
		Type, Room string
		Seq        uint64
		From       struct{ ID, Name string }
		Body       json.RawMessage
	}
	Gap json.RawMessage
}

// listen hands over what happens behind a position, until each or ctx says that it is
// enough; empty is the oldest that is kept. each is given the position behind the events, to be kept with what they have
// changed.
func (b backend) listen(ctx context.Context, after string, each func(events []event, to string) error) error {
	for {
		var page struct {
			To     string
			Events []event
		}
		path := "/feed?wait=60000"
		if after != "" {
			path += "&after=" + url.QueryEscape(after)
		}
		err := b.ask(ctx, "GET", path, "", nil, &page)
		if err != nil {
			return err
		}
		after = page.To
		if err := each(page.Events, after); err != nil {
			return err
		}
	}
}

// A backend founds a room, adds a member, says something and hears what happens.
func Example_backend() {
	const secret = "of-the-backend-in-the-example-000"
	base, stop := siteWithKey(secret)
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	b := backend{base, secret}
	steps := []struct {
		path, idempotency string
		body              any
	}{
		{"/rooms", "order-1", map[string]any{"room": "order-1", "owner": "u-clerk", "title": "Order 1"}},
		{"/rooms/order-1/members", "", map[string]any{"users": []string{"u-7"}, "role": "member"}},
		{"/rooms/order-1/messages", "hello-1", map[string]any{"body": map[string]string{"text": "How can we help?"}}},
	}
	for _, s := range steps {
		if err := b.ask(ctx, "POST", s.path, s.idempotency, s.body, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	enough := fmt.Errorf("the message was heard")
	err := b.listen(ctx, "", func(events []event, to string) error {
		for _, e := range events {
			fmt.Println(e.Entry.Type, e.Entry.Room, e.Entry.Seq)
			if e.Entry.Type == "message" {
				fmt.Println(string(e.Entry.Body))
				return enough
			}
		}
		return nil
	})
	fmt.Println(err)
	fmt.Println(b.ask(ctx, "GET", "/users/u-7", "", nil, nil))
	// Output:
	// member order-1 1
	// member order-1 2
	// message order-1 3
	// {"text":"How can we help?"}
	// the message was heard
	// forbidden: only a key with the scope users may do this
}

// siteWithKey serves the interface for backends, which Caddy does for a site.
func siteWithKey(secret string) (base string, stop func()) {
	hashed, err := access.NewSecret(secret)
	if err != nil {
		panic(err)
	}
	member, err := access.ParseSubject("members")
	if err != nil {
		panic(err)
	}
	members, rooms := []access.Subject{member}, []string{"order-*"}
	hub, err := chat.NewHub(chat.Config{Journal: memjournal.New(memjournal.Options{}), Settings: chat.Settings{
		Policies: access.Policies{{Pattern: "order-*", Read: members, Write: members, Create: members}},
		Keys:     access.Keys{{Name: "shop", Secrets: []access.Secret{hashed}, Read: rooms, Write: rooms, Members: rooms, Feed: true}},
	}})
	if err != nil {
		panic(err)
	}
	handler := &chat.Handler{Hub: hub}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeRequest(w, r, strings.TrimPrefix(r.URL.EscapedPath(), "/chat"))
	}))
	return srv.URL + "/chat", func() {
		srv.Close()
		hub.Close(context.Background())
	}
}
