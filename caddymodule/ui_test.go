package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestUI_IsThereWhereItIsOn(t *testing.T) {
	s := testcaddy.Start(t, "route {\nchat /talk {\nui on\n}\nchat /plain\nrespond other\n}")
	html := http.Header{"Accept": {"text/html,*/*"}}
	page := func(path string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+s.TLS+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = html
		res, err := s.HTTPClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	res := page("/talk")
	policy := res.Header.Get("Content-Security-Policy")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.Contains(policy, "default-src 'none'; script-src 'self'") || !strings.Contains(policy, "connect-src 'self' wss://"+s.TLS+";") {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	for path, script := range map[string]string{"/talk": "talk/ui/chat.js", "/talk/": "ui/chat.js"} {
		if _, body := s.Status("https://"+s.TLS+path, html); !strings.Contains(body, `src="`+script+`"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
	for path, want := range map[string]string{"/talk/ui/chat.js": "caddy-chat", "/talk/ui/page.css": "caddy-chat", "/talk/ui/page.html": "other", "/talk/ui/none": "other", "/plain/ui/chat.js": "other"} {
		if code, body := s.Status("https://"+s.TLS+path, nil); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.60s", path, code, body)
		}
	}
	// A browser that has a file gets 304.
	res = page("/talk/ui/chat.js")
	code, body := s.Status("https://"+s.TLS+"/talk/ui/chat.js", http.Header{"If-None-Match": {res.Header.Get("ETag")}})
	if code != 304 || body != "" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %v", code, res.Header)
	}
	for _, path := range []string{"/plain", "/talk"} {
		header := html
		if path == "/talk" {
			header = nil // not a browser
		}
		if code, _ := s.Status("https://"+s.TLS+path, header); code != http.StatusUpgradeRequired {
			t.Errorf("%s: %d", path, code)
		}
	}
	a, b := s.Client("wss://"+s.TLS+"/talk"), s.Client("wss://"+s.TLS+"/talk")
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
}
