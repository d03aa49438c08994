package caddymodule_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestUI_IsThereWhereItIsOn(t *testing.T) {
	s := testcaddy.Start(t, "route {\nchat /talk {\nui on\n}\nchat /plain\nchat /a:b {\nui on\n}\nrespond other\n}")
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
	for path, script := range map[string]string{"/talk": "talk/ui/chat.js", "/talk/": "ui/chat.js", "/a:b": "./a:b/ui/chat.js", "/a:b/": "ui/chat.js"} {
		if _, body := s.Status("https://"+s.TLS+path, html); !strings.Contains(body, `src="`+script+`"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
	for path, want := range map[string]string{"/talk/ui/chat.js": "import'./chat-", "/talk/ui/page.html": "other", "/talk/ui/chat.js.gz": "other", "/talk/ui/none": "other", "/plain/ui/chat.js": "other"} {
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

var uiLink = regexp.MustCompile(`(?:href|src)="(talk/ui/[^"]+)"`)

// Browsers keep all parts but the loader for good, and get them compressed.
func TestUI_PartsAreImmutableAndCompressed(t *testing.T) {
	s := testcaddy.Start(t, "chat /talk {\nui on\n}")
	get := func(path, encoding string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+s.TLS+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Accept-Encoding": {encoding}}
		res, err := s.HTTPClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(body)
	}
	res, loader := get("/talk/ui/chat.js", "br, gzip")
	if got := res.Header.Get("Cache-Control"); got != "max-age=300" || res.Header.Get("ETag") == "" || len(loader) >= 1024 {
		t.Errorf("the loader: %q %v", loader, res.Header)
	}
	_, page := s.Status("https://"+s.TLS+"/talk", http.Header{"Accept": {"text/html"}})
	links := uiLink.FindAllStringSubmatch(page, -1)
	if len(links) < 3 {
		t.Fatalf("links %v in %s", links, page)
	}
	for _, link := range links {
		path := "/" + link[1]
		if path == "/talk/ui/chat.js" {
			continue
		}
		plain, content := get(path, "identity")
		zipped, small := get(path, "br;q=0, gzip")
		best, smallest := get(path, "gzip, br")
		r, err := gzip.NewReader(strings.NewReader(small))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if unzipped, err := io.ReadAll(r); err != nil || string(unzipped) != content {
			t.Errorf("%s: gzip differs: %v", path, err)
		}
		if strings.HasSuffix(path, ".js") && (!strings.Contains(loader, path[len("/talk/ui/"):]) || len(smallest) >= len(small)) {
			t.Errorf("%s: %d bytes by br, %d by gzip; the loader is %s", path, len(smallest), len(small), loader)
		}
		etags := map[string]bool{}
		for encoding, res := range map[string]*http.Response{"": plain, "gzip": zipped, "br": best} {
			h := res.Header
			if h.Get("Content-Encoding") != encoding || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: %q %v", path, encoding, h)
			}
			etags[h.Get("ETag")] = true
		}
		if len(etags) != 3 {
			t.Errorf("%s: %v", path, etags)
		}
	}
}

func TestUI_SignIn(t *testing.T) {
	s := testcaddy.Start(t, "chat {\nui {\nsign_in \"/login?a=1&b=\\\"2\"\n}\n}\nchat /plain {\nui on\n}")
	html := http.Header{"Accept": {"text/html"}}
	if _, body := s.Status("https://"+s.TLS+"/chat", html); !strings.Contains(body, `<caddy-chat mode="page" sign-in="/login?a=1&amp;b=&#34;2">`) {
		t.Error(body)
	}
	if _, body := s.Status("https://"+s.TLS+"/plain", html); !strings.Contains(body, `<caddy-chat mode="page">`) {
		t.Error(body)
	}
}

// What strangers are served of the page is charged to their address, by its bytes. The health is not.
func TestUI_IsCharged(t *testing.T) {
	files, err := os.ReadDir("ui")
	if err != nil {
		t.Fatal(err)
	}
	s := testcaddy.Start(t, "chat /talk {\nui on\nlimits {\nread_bytes 1 100KB\n}\n}")
	served := 0
	for ; served < 100; served++ {
		if code, _ := s.Status("http://"+s.Plain+"/talk", http.Header{"Accept": {"text/html"}}); code == 429 {
			break
		}
	}
	if served == 0 || served > 25 { // of more than 4 KiB each
		t.Errorf("the page was served %d times", served)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimSuffix(file.Name(), ".gz"), ".br")
		if name == "page.html" {
			continue
		}
		res := ask(t, s, "GET", "/talk/ui/"+name, http.Header{"Accept-Encoding": {"br"}}, "")
		if res.StatusCode != 429 || res.Header.Get("Retry-After") == "" || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", name, res.StatusCode, res.Header)
		}
	}
	for range 100 {
		if code, _ := s.Status("http://"+s.Plain+"/talk/health", nil); code != 200 {
			t.Fatalf("health: %d", code)
		}
	}
}
