package caddymodule_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// A message in a room reaches the receiver, and the metrics say so. A reload changes nothing.
func TestWebhook_SendsWhatIsSaid(t *testing.T) {
	got := make(chan string, 16)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("webhook-id") + string(text)
	}))
	defer receiver.Close()
	block := "chat {\njournal memory\nwebhook orders " + receiver.URL + " {\nprivate\nsecret " + hookSecret + "\nbatch 10 1ms\n}\n}"
	s, admin := testcaddy.StartAdmin(t, block)
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, c, "welcome")
	metrics := func() string {
		res, err := http.Get(admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return string(text)
	}
	testcaddy.Eventually(t, "the webhook has its position", func() bool {
		hub, err := caddymodule.Hubs()["default"].Hub()
		return err == nil && hub.Webhooks()[0].Parts[0].Here
	})
	for i, said := range []string{"first", "second"} {
		testcaddy.Say(t, c, `{"type":"send","id":"`+said+`","room":"tea","body":"`+said+`"}`)
		if text := <-got; !strings.HasPrefix(text, "orders.") || !strings.Contains(text, `"body":"`+said+`"`) {
			t.Errorf("%s", text)
		}
		want := `caddy_chat_webhook_delivered_total{hub="default",webhook="orders"} ` + string(rune('1'+i))
		testcaddy.Eventually(t, want, func() bool { return strings.Contains(metrics(), want) })
		s.Load("header X-Changed 1\n" + block)
	}
}
