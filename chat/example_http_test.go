package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// All endpoints of a hub below one prefix of a site. A backend with a token of its
// own says something over plain HTTP.
func ExampleHandler_ServeMessages() {
	hub, err := chat.NewHub(chat.Config{Journal: memjournal.New(memjournal.Options{})})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hub.Close(context.Background())

	handler := &chat.Handler{Hub: hub, Auth: shop{}}
	api := http.NewServeMux()
	api.Handle("/socket", handler)
	api.HandleFunc("/rooms/{room}/messages", func(w http.ResponseWriter, r *http.Request) {
		handler.ServeMessages(w, r, r.PathValue("room"))
	})
	api.HandleFunc("/health", handler.ServeHealth)
	mux := http.NewServeMux()
	mux.Handle("/chat/", http.StripPrefix("/chat", api))

	show(mux, httptest.NewRequest("GET", "/chat/health", nil))
	post := httptest.NewRequest("POST", "/chat/rooms/tea/messages", strings.NewReader(`{"body":"The kettle is on"}`))
	post.Header.Set("Authorization", "Bearer s3cret")
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Idempotency-Key", "order-7") // a repeated request records nothing
	show(mux, post)
	// Output:
	// 200 OK
	// 201 Created
}

// shop knows the token of one backend.
type shop struct{}

func (shop) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	switch c.Token {
	case "":
		return nil, access.ErrNoCredential
	case "s3cret":
		return &access.Identity{User: journal.User{ID: "shop", Name: "The shop"}}, nil
	}
	return nil, wire.BadToken.Error("")
}

func show(h http.Handler, r *http.Request) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, http.StatusText(w.Code))
}
