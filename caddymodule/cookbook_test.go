package caddymodule_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

const cookbook = "../docs/cookbook.md"

// The course of the cookbook: a student reads it, asks in one room only, and teachers do both.
func TestDocuments_Cookbook_Course(t *testing.T) {
	t.Setenv("CHAT_SECRET", testcaddy.JWTSecret)
	s := testcaddy.Start(t, documentedSite(t, cookbook, "policy course-*"))
	url := "ws://" + s.Plain + "/chat"
	hello := func(claims jwt.MapClaims) string {
		return testcaddy.Hears(t, s.V1(url, nil, `,"token":"`+testcaddy.SiteToken(t, claims)+`","rooms":[{"room":"course-7"},{"room":"ask-7"}]`), `"welcome"`)
	}
	const mayNot = `","code":"forbidden"`
	rooms := func(frame string) string {
		return strings.Join(regexp.MustCompile(`"room":"[^"]*"(?:,"code":"forbidden")?|"write":\w+|"moderate":\w+`).FindAllString(frame, -1), " ")
	}
	student := jwt.MapClaims{"sub": "u-7", "name": "Li", "chat": map[string]any{"read": []string{"course-7", "ask-7"}, "write": []string{"ask-7"}}}
	for want, claims := range map[string]jwt.MapClaims{
		`"room":"course-7" "write":false "moderate":false "room":"ask-7" "write":true "moderate":false`: student,
		`"room":"course-7" "write":true "moderate":true "room":"ask-7" "write":true "moderate":true`:    {"sub": "u-1", "role": "teacher"},
		`"room":"course-7` + mayNot + ` "room":"ask-7` + mayNot:                                         {"sub": "u-8"},
	} {
		if got := rooms(hello(claims)); got != want {
			t.Errorf("%v: %s, want %s", claims, got, want)
		}
	}
	if !strings.Contains(testcaddy.Read(t, cookbook), `"chat": { "read": ["course-7", "ask-7"], "write": ["ask-7"] }`) {
		t.Error("the cookbook has another token")
	}
}

// The live comments of the cookbook: guests read, users write, nobody sees who is there.
func TestDocuments_Cookbook_LiveComments(t *testing.T) {
	t.Setenv("CHAT_SECRET", testcaddy.JWTSecret)
	s := testcaddy.Start(t, documentedSite(t, cookbook, "policy live-*"))
	url := "ws://" + s.Plain + "/chat"
	guest := s.V1(url, nil, `,"name":"Li","rooms":[{"room":"live-1"}]`)
	if welcome := testcaddy.Hears(t, guest, `"write":false`); strings.Contains(welcome, `"members"`) {
		t.Errorf("a guest is told who is there: %s", welcome)
	}
	user := s.V1(url, nil, `,"token":"`+testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u-7"})+`","rooms":[{"room":"live-1"}]`)
	testcaddy.Hears(t, user, `"write":true`)
	testcaddy.Say(t, user, `{"type":"send","room":"live-1","body":{"text":"hello"}}`)
	testcaddy.Hears(t, guest, `"hello"`)
}

// behind returns the global options of a section of the cookbook about what stands before the chat.
func behind(t *testing.T, what string) string {
	_, global, _ := strings.Cut(testcaddy.Read(t, cookbook), "## Behind "+what+"\n")
	_, global, _ = strings.Cut(global, "```caddyfile\n{\n")
	global, _, _ = strings.Cut(global, "\n}\n")
	if !strings.Contains(global, "trusted_proxies_strict") {
		t.Fatalf("%s: there are no trusted proxies: %q", what, global)
	}
	return global
}

// With the options for a CDN and for Tencent CLB, the address of a client is the one that the proxy saw, whatever
// X-Forwarded-For the client has sent. Both are played by a proxy that does what their makers' documents say.
func TestDocuments_Cookbook_BehindProxies(t *testing.T) {
	for what, global := range map[string]string{
		"a CDN":       strings.Replace(behind(t, "a CDN"), "192.0.2.0/24 2001:db8::/32", "127.0.0.0/8", 1),
		"Tencent CLB": behind(t, "Tencent CLB"),
	} {
		t.Run(what, func(t *testing.T) {
			s := testcaddy.StartWith(t, "chat {\nmax_connections_per_ip 1\n}", "admin off\n"+global)
			to := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(&url.URL{Scheme: "http", Host: s.Plain})
				r.Out.Host = r.In.Host
				r.Out.Header.Set("X-Forwarded-For", r.In.Header.Get("X-Forwarded-For")+", "+r.In.Header.Get("Client")) // in place of an address
			}}
			proxy := httptest.NewServer(to)
			t.Cleanup(proxy.Close)
			dial := func(client, forged string) (*websocket.Conn, *http.Response) {
				c, res, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(proxy.URL, "http")+"/chat?room=tea", &websocket.DialOptions{
					HTTPHeader: http.Header{"Client": {client}, "X-Forwarded-For": {forged}},
				})
				if err == nil {
					t.Cleanup(func() { c.CloseNow() })
				}
				return c, res
			}
			a, res := dial("198.51.100.7", "203.0.113.1")
			if a == nil {
				t.Fatal(res)
			}
			if c, res := dial("198.51.100.7", "203.0.113.2"); c != nil || res == nil || res.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("a client that invents addresses got %v", res)
			}
			b, res := dial("198.51.100.8", "203.0.113.1")
			if b == nil {
				t.Fatalf("another client got %v", res)
			}
			testcaddy.Say(t, b, "hello")
			testcaddy.Expect(t, a, "hello")
		})
	}
}

// startNginx starts nginx with what http has, and with one server. It returns the host by which Caddy knows its site.
func startNginx(t *testing.T, s *testcaddy.Site, global, server string) (base string) {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Fatal("nginx is missing: make nginx")
		}
	}
	dir, addr := t.TempDir(), testcaddy.FreeAddr(t)
	port := addr[strings.LastIndex(addr, ":")+1:]
	var temp strings.Builder
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp.WriteString(what + "_temp_path " + filepath.Join(dir, what) + ";\n")
	}
	config := filepath.Join(dir, "nginx.conf")
	text := "daemon off;\nmaster_process off;\npid " + dir + "/pid;\nerror_log " + dir + "/log;\nevents {}\nhttp {\naccess_log off;\n" + temp.String() +
		strings.ReplaceAll(global, "DIR", dir) + "server {\nlisten 127.0.0.1:" + port + ";\n" + strings.ReplaceAll(server, "127.0.0.1:8080", s.Plain) + "}\n}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-p", dir, "-e", dir+"/log", "-c", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	base = s.Plain[:strings.LastIndex(s.Plain, ":")] + ":" + port
	testcaddy.Eventually(t, "nginx answers", func() bool {
		res, err := http.Get("http://" + base + "/chat/health")
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})
	return base
}

// nginx with the lines of the cookbook passes sockets on, and lets pages of its own host in.
func TestDocuments_Cookbook_BehindNginx(t *testing.T) {
	s := testcaddy.StartWith(t, "chat", "admin off\n"+behind(t, "nginx"))
	lines := regexp.MustCompile("(?ms)^```nginx\\n(.*?)^```").FindStringSubmatch(testcaddy.Read(t, cookbook))
	if lines == nil {
		t.Fatal("the cookbook has no nginx")
	}
	base := startNginx(t, s, "", lines[1])
	dial := func(origin string) (*websocket.Conn, error) {
		c, _, err := websocket.Dial(t.Context(), "ws://"+base+"/chat?room=tea", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if err == nil {
			t.Cleanup(func() { c.CloseNow() })
		}
		return c, err
	}
	a, err := dial("http://" + base)
	if err != nil {
		t.Fatal(err)
	}
	b, err := dial("http://" + base)
	if err != nil {
		t.Fatal(err)
	}
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
	if _, err := dial("http://evil.example"); err == nil {
		t.Error("a page of another site may connect")
	}
}

// A CDN that buffers answers, caches whatever it may, and ends what is silent for two seconds, played by nginx: it keeps
// the files of the page and nothing else, and a socket lives if pings come in less time than that, and else does not.
func TestDocuments_Cookbook_BehindACDN(t *testing.T) {
	global := strings.Replace(behind(t, "a CDN"), "192.0.2.0/24 2001:db8::/32", "127.0.0.0/8", 1)
	const chat = "chat {\nui on\nping_interval 1s\nkey app 0123456789abcdef0123456789abcdef {\nread *\nfeed\n}\n}"
	s := testcaddy.StartWith(t, chat, "admin off\n"+global)
	base := startNginx(t, s, "proxy_cache_path DIR/cache keys_zone=cdn:1m;\nmap $http_upgrade $wanted {\n'' close;\ndefault upgrade;\n}\n", `location / {
proxy_pass http://127.0.0.1:8080;
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $wanted;
proxy_set_header Host $http_host;
proxy_buffering on;
proxy_cache cdn;
proxy_cache_valid any 1m;
proxy_read_timeout 2s;
add_header Cached $upstream_cache_status always;
}
`)
	for path, kept := range map[string]bool{
		"/chat/ui/chat.js": true, "/chat": false, "/chat/health": false, "/chat/openapi.json": false, "/chat/rooms/tea/messages": false, "/chat/feed?after=now": false,
	} {
		var got []string
		for range 2 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer 0123456789abcdef0123456789abcdef")
			req.Header.Set("Accept", "text/html")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			got = append(got, fmt.Sprint(res.StatusCode, " ", res.Header.Get("Cached")))
		}
		if want := map[bool]string{true: "200 HIT", false: "200 MISS"}[kept]; got[1] != want {
			t.Errorf("%s: %q, want %s the second time", path, got, want)
		}
	}
	// dial returns a client, a channel that tells of each ping, and one that is closed when the connection has ended.
	dial := func() (c *websocket.Conn, pings chan bool, heard chan string) {
		pings, heard = make(chan bool, 100), make(chan string, 100)
		c, _, err := websocket.Dial(t.Context(), "ws://"+base+"/chat?room=tea", &websocket.DialOptions{
			OnPingReceived: func(context.Context, []byte) bool { pings <- true; return true },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.CloseNow() })
		go func() {
			defer close(heard)
			for {
				_, text, err := c.Read(context.Background())
				if err != nil {
					return
				}
				heard <- string(text)
			}
		}()
		return c, pings, heard
	}
	_, pings, heard := dial()
	for range 3 {
		<-pings
	}
	other, _, _ := dial()
	testcaddy.Say(t, other, "hello")
	if text := <-heard; text != "hello" {
		t.Errorf("it heard %q", text)
	}
	s.Load(strings.Replace(chat, "ping_interval 1s", "ping_interval 5s", 1))
	c, pings, heard := dial()
	testcaddy.Say(t, c, "is anybody there?")
	if text, open := <-heard; open || len(pings) > 0 {
		t.Errorf("what is silent for longer than the CDN waits goes on: %q", text)
	}
}
