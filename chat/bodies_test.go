package chat_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// A request whose body nobody reads leaves the connection whole: the next one is answered.
func TestRequests_UnreadBody_KeepsTheConnection(t *testing.T) {
	h := &chat.Handler{Auth: tokens{}}
	set := chat.Settings{Keys: access.Keys{newKey(t, "k", func(k *access.Key) { k.Feed, k.Users, k.Read = true, true, []string{"*"} })}}
	serve(t, chat.Config{Settings: set, Journal: journals["memory"](t)}, h)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeRequest(w, r, r.URL.EscapedPath()) }))
	core, logged := observer.New(zap.DebugLevel)
	srv.Config.ErrorLog = zap.NewStdLog(zap.New(core))
	srv.Start()
	t.Cleanup(srv.Close)
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	answers := bufio.NewReader(c)
	for i, method := range []string{"GET", "DELETE", "GET", "DELETE"} {
		path := map[string]string{"GET": "/feed", "DELETE": "/users/u1/sessions"}[method]
		for _, body := range []string{"Content-Length: 4\r\n\r\nnull", "Transfer-Encoding: chunked\r\n\r\n4\r\nnull\r\n0\r\n\r\n"} {
			fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s", method, path, keyOf("k"), body)
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatalf("%d: %v: %v", i, err, logged.All())
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("%d: %s", i, res.Status)
			}
		}
	}
	for _, e := range logged.All() {
		if strings.Contains(e.Message, "panic") {
			t.Error(e.Message)
		}
	}
}
