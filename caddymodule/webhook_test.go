package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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

// What is wrong with the size of a batch is said with the bounds that it has.
func TestWebhook_Batch_SaysItsBounds(t *testing.T) {
	for _, n := range []string{"0", "1001", "x"} {
		if _, err := adapt("chat {\n" + inWebhook("batch "+n) + "\n}"); err == nil || !strings.Contains(err.Error(), "from 1 to 1000, at Caddyfile:") {
			t.Errorf("%s: %v", n, err)
		}
	}
}

// While users send, the same configuration is loaded again and again, as caddy reload --force
// does. The receiver gets everything, in its order, and nothing twice: a request that is under
// way ends as it began. One that is answered late holds up no reload.
func TestWebhook_ForcedReloads_LoseAndRepeatNothing(t *testing.T) {
	var mu sync.Mutex
	var heard []int
	underWay, release := make(chan struct{}, 1), make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b struct {
			Events []struct{ Entry struct{ Seq int } }
		}
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
			t.Error(err)
		}
		mu.Lock()
		first := len(heard) == 0
		for _, e := range b.Events {
			heard = append(heard, e.Entry.Seq)
		}
		mu.Unlock()
		if first {
			underWay <- struct{}{}
			<-release
		}
	}))
	defer receiver.Close()
	block := "chat {\njournal memory\nlimits {\nsession_rate 100000 100000\n}\nwebhook orders " + receiver.URL + " {\nprivate\nsecret " + hookSecret + "\nbatch 5 1ms\n}\n}"
	s := testcaddy.Start(t, block)
	testcaddy.Eventually(t, "the webhook has its position", func() bool {
		hub, err := caddymodule.Hubs()["default"].Hub()
		return err == nil && hub.Webhooks()[0].Parts[0].Here
	})
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, c, "welcome")
	const loads, each = 8, 40
	var saying sync.WaitGroup
	begin := make(chan struct{})
	saying.Go(func() {
		for range loads {
			<-begin
			for range each {
				testcaddy.Say(t, c, `{"type":"send","room":"tea","body":"x"}`)
			}
		}
	})
	for i := range loads {
		begin <- struct{}{}
		if i == 0 {
			<-underWay
		}
		s.Load(block)
		if i == 0 {
			close(release)
		}
	}
	saying.Wait()
	testcaddy.Eventually(t, "everything has come", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(heard) >= loads*each
	})
	mu.Lock()
	defer mu.Unlock()
	for i, seq := range heard {
		if seq != i+1 {
			t.Fatalf("after %d entries came %d: %v", i, seq, heard)
		}
	}
	if len(heard) != loads*each {
		t.Errorf("%d entries came", len(heard))
	}
	s.NoErrors()
}
