package caddymodule_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// After Caddy's handler tracing, each endpoint belongs to the trace that its client began:
// an OTLP collector gets a span, and the access log has the trace id. WebSockets work
// through that handler over every carrier.
func TestTracing_ReachesEveryEndpoint(t *testing.T) {
	var mu sync.Mutex
	var collected bytes.Buffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := io.Copy(&collected, r.Body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.URL+"/v1/traces")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	s := testcaddy.Start(t, "tracing {\nspan chat-of-the-test\n}\nchat {\nui on\nauth wechat {\napp_id a\napp_secret b\napi http://127.0.0.1:1\n}\nauth guest\n}")

	seen := func(trace string) func() bool {
		id, err := hex.DecodeString(trace)
		if err != nil {
			t.Fatal(err)
		}
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return bytes.Contains(collected.Bytes(), id) && bytes.Contains(collected.Bytes(), []byte("chat-of-the-test")) &&
				strings.Contains(testcaddy.Read(t, s.Access), `"traceID":"`+trace+`"`)
		}
	}
	for i, endpoint := range []string{
		"GET /chat/health 200", "POST /chat/login 400", "GET /chat/rooms/tea/messages 401", "GET /chat/ui/chat.js 200", "GET /chat 426",
	} {
		parts := strings.Fields(endpoint)
		trace := fmt.Sprintf("%032x", 0xabcdef0123456789+uint64(i))
		req, err := http.NewRequestWithContext(t.Context(), parts[0], "http://"+s.Plain+parts[1], strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Traceparent", "00-"+trace+"-0102030405060708-01")
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := fmt.Sprint(res.StatusCode); got != parts[2] {
			t.Errorf("%s: status %s", endpoint, got)
		}
		testcaddy.Eventually(t, "a span of "+endpoint, seen(trace))
	}
	a := s.Client("ws://" + s.Plain + "/chat")
	for name, c := range streamCarriers(s) {
		b := c.dial(t, "/chat")
		testcaddy.Say(t, b, "over "+name)
		testcaddy.Expect(t, a, "over "+name)
	}
	b := s.Client("wss://" + s.TLS + "/chat")
	testcaddy.Say(t, b, "over h1")
	testcaddy.Expect(t, a, "over h1")
}
