package chat_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// While a node does not answer that may have a user, a backend is told so: the user is not said to
// be away, and not said to be signed out. What is known is answered.
func TestNodes_OneDoesNotAnswer_KeysAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		silent := store.Open() // alive, and no hub answers for it
		set := chat.Settings{Keys: access.Keys{newKey(t, "k", func(k *access.Key) { k.Users, k.Moderate = true, []string{"*"} })}}
		b, stop := begin(t, chat.Config{Settings: set, Journal: store.Open()}, tokens{}, alone)
		defer stop()
		synctest.Wait()
		b.connect().hello(`,"token":"ann"`)
		ask := func(method, path, body string, want int, has string) {
			t.Helper()
			w := httptest.NewRecorder()
			b.handler.ServeRequest(w, newRequest(method, keyOf("k"), body), path)
			if got := w.Body.String(); w.Code != want || !strings.Contains(got, has) {
				t.Errorf("%s %s %s: %d %s, want %d with %s", method, path, body, w.Code, got, want, has)
			}
		}
		ask("POST", "/presence", `{"users":["ann"]}`, 200, `"online":true`)
		ask("GET", "/users/ann", ``, 200, `"online":true`)
		ask("POST", "/presence", `{"users":["ann","eve"]}`, 503, `"unavailable"`)
		ask("GET", "/users/eve", ``, 503, `"unavailable"`)
		ask("POST", "/kick", `{"user":"eve"}`, 503, `"unavailable"`)
		ask("DELETE", "/users/eve/sessions", ``, 503, `"unavailable"`)
		ask("DELETE", "/users/ann/sessions", ``, 503, `"unavailable"`)
		if err := silent.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ask("POST", "/presence", `{"users":["ann","eve"]}`, 200, `"online":false`)
		ask("GET", "/users/eve", ``, 404, ``)
		ask("DELETE", "/users/eve/sessions", ``, 200, `"sessions":0`)
		b.close()
	})
}
