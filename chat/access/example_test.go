package access_test

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

// logins finds out who somebody is by the session cookie of a site. It only reads
// the map, so it is safe for concurrent use.
type logins map[string]journal.User

func (l logins) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	if c.Request == nil { // a token in a hello
		return nil, access.ErrNoCredential
	}
	cookie, err := c.Request.Cookie("session")
	if err != nil {
		return nil, access.ErrNoCredential
	}
	user, ok := l[cookie.Value]
	if !ok {
		return nil, wire.BadToken.Error("")
	}
	return &access.Identity{User: user, Settled: true}, nil
}

// An authenticator of one's own: users are those who are logged in on the site.
func ExampleAuthenticator() {
	hub, err := chat.NewHub(chat.Config{Journal: memjournal.New(memjournal.Options{})})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hub.Close(context.Background())
	handler := &chat.Handler{Hub: hub, Auth: logins{"k3y": {ID: "li", Name: "Li"}}}

	for _, cookie := range []string{"k3y", "stolen", ""} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(`{"body":"hello"}`))
		r.Header.Set("Content-Type", "application/json")
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
		}
		w := httptest.NewRecorder()
		handler.ServeMessages(w, r, "tea")
		fmt.Println(w.Code, http.StatusText(w.Code))
	}
	// Output:
	// 201 Created
	// 401 Unauthorized
	// 401 Unauthorized
}
