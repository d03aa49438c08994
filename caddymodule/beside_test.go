package caddymodule_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// documentedSite returns what stands within the site of the document's block that has
// this directive.
func documentedSite(t *testing.T, file, directive string) string {
	t.Helper()
	site := regexp.MustCompile("(?ms)^```caddyfile\\nchat\\.example\\.com \\{\\n(.*?)^\\}\\n```")
	for _, m := range site.FindAllStringSubmatch(testcaddy.Read(t, file), -1) {
		if strings.Contains(m[1], directive) {
			return m[1]
		}
	}
	t.Fatalf("%s has no site with %s", file, directive)
	return ""
}

// With the documents' lines, a single-page application gets its paths and the chat its
// own.
func TestDocuments_SinglePageApplication_LeavesTheChatAlone(t *testing.T) {
	app := t.TempDir()
	if err := os.WriteFile(filepath.Join(app, "index.html"), []byte("the application"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../docs/caddyfile.md"} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			lines := documentedSite(t, file, "try_files")
			s := testcaddy.Start(t, strings.ReplaceAll(lines, "/srv/app", app))
			for _, path := range []string{"/", "/a/deep/link"} {
				if code, body := s.Status("http://"+s.Plain+path, nil); code != 200 || body != "the application" {
					t.Errorf("%s: %d %s", path, code, body)
				}
			}
			a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("wss://"+s.TLS+"/chat")
			testcaddy.Say(t, a, "hello")
			testcaddy.Expect(t, b, "hello")
			if code, _ := s.Status("http://"+s.Plain+"/chat/health", nil); code != 200 {
				t.Errorf("health: %d", code)
			}
			if !strings.Contains(lines, "ui on") {
				return
			}
			page := http.Header{"Accept": {"text/html"}}
			for path, want := range map[string]string{"/chat": "ui/chat.js", "/chat/ui/chat.js": "import"} {
				if code, body := s.Status("http://"+s.Plain+path, page); code != 200 || !strings.Contains(body, want) {
					t.Errorf("%s: %d", path, code)
				}
			}
		})
	}
}

// With the documents' lines, an authentication server that speaks WebSocket itself does
// not get the chat's sockets.
func TestDocuments_ForwardAuth_LeavesTheChatItsSockets(t *testing.T) {
	auth := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade") {
			if c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}); err == nil {
				c.CloseNow()
			}
			return
		}
		w.Header().Set("Remote-User", "anna")
		w.Header().Set("Remote-Name", "Anna")
	}))
	defer auth.Close()
	lines := documentedSite(t, "../docs/caddyfile.md", "forward_auth")
	s := testcaddy.Start(t, strings.ReplaceAll(lines, "auth.internal:9091", strings.TrimPrefix(auth.URL, "http://")))
	c := s.V1("ws://"+s.Plain+"/chat", nil, "")
	testcaddy.Hears(t, c, `"welcome"`, `"id":"anna"`, `"name":"Anna"`)
}
