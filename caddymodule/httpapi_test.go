package caddymodule_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// ask sends a request over plain HTTP.
func ask(t *testing.T, s *testcaddy.Site, method, path string, header http.Header, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Plain+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	res, err := s.HTTPClient().Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res.Body = io.NopCloser(strings.NewReader(string(text)))
	return res
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// apiSite is a site with every endpoint. Its pages may be embedded in pages of
// app.example.
func apiSite(t *testing.T) (s *testcaddy.Site, user http.Header) {
	t.Helper()
	weChat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"openid":"o","session_key":"k"}`)
	}))
	t.Cleanup(weChat.Close)
	s = testcaddy.Start(t, `route {
		chat {
		ui on
		origins https://app.example https://*.apps.example
		limits {
			connect_rate 1000 1000 # what is refused counts
		}
		auth jwt {
			secret "`+testcaddy.JWTSecret+`"
		}
		auth wechat {
			app_id a
			app_secret b
			api `+weChat.URL+`
		}
		}
		respond other
	}`)
	return s, http.Header{
		"Authorization": {"Bearer " + testcaddy.SiteToken(t, jwt.MapClaims{"sub": "ann"})},
		"Content-Type":  {"application/json"},
	}
}

const apiBody = `{"code":"the-code"}`

// bodyFor returns what is sent to a path.
func bodyFor(path string) string {
	if strings.Contains(path, "/rooms/") {
		return `{"body":"hello"}`
	}
	return apiBody
}

// PROTOCOL.md lists paths, methods and statuses. What is not listed is refused.
func TestHTTP_Methods_AreThoseOfTheDocument(t *testing.T) {
	s, user := apiSite(t)
	row := regexp.MustCompile("(?m)^\\| (?:`|everything else below `)(\\{base\\}[^`]*)`[^|]* \\| (\\d+) \\| (\\d+) \\| (\\d+) \\| (\\d+) \\|$")
	rows := row.FindAllStringSubmatch(testcaddy.Read(t, "../PROTOCOL.md"), -1)
	if len(rows) != 6 {
		t.Fatalf("%d rows were found", len(rows))
	}
	for _, m := range rows {
		path := strings.NewReplacer("{base}", "/chat", "{room}", "tea").Replace(m[1])
		paths := []string{path, "/" + path, strings.Replace(path, "/chat", "/ch%61t", 1)}
		if strings.HasSuffix(path, "/rooms/") {
			paths = []string{path, path + "tea/message", path + "tea/messages/", path + "a/b/messages", path + "tea/messages/1/x", "/chat/list/a/b", "/chat/messages/1"}
		}
		for _, path := range paths {
			for method, want := range map[string]string{
				"GET": m[2], "HEAD": m[3], "POST": m[4], "OPTIONS": m[5],
				"PUT": m[4], "DELETE": m[4], "PATCH": m[4], "TRACE": m[4], "PROPFIND": m[4], "get": m[4],
			} {
				other := method != "GET" && method != "HEAD" && method != "POST" && method != "OPTIONS"
				if other && want[0] == '2' {
					want = "405"
				}
				res := ask(t, s, method, path, user, bodyFor(path))
				if got := strconv.Itoa(res.StatusCode); got != want {
					t.Errorf("%s %s: %s, want %s: %s", method, path, got, want, text(t, res))
				}
				if allow := res.Header.Get("Allow"); (allow == "") != (res.StatusCode != 405 && res.StatusCode != 204) || strings.Contains(allow, method) != (method == "OPTIONS" && want == "204") {
					t.Errorf("%s %s: %d with Allow: %q", method, path, res.StatusCode, allow)
				}
				if handshake := m[1] == "{base}"; res.StatusCode >= 400 && !handshake && !isProblem(t, res, method) {
					t.Errorf("%s %s: %d is no problem: %v", method, path, res.StatusCode, res.Header)
				}
			}
		}
	}
	for _, path := range []string{"/", "/chatter", "/chat/x", "/chat/roomsx", "/cha", "/chat%2Fhealth", "/chat/healthy"} {
		if res := ask(t, s, "GET", path, user, ""); text(t, res) != "other" {
			t.Errorf("%s is not passed on: %d", path, res.StatusCode)
		}
	}
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "OPTIONS": 405, "DELETE": 405} {
		if res := ask(t, s, method, "/chat/ui/chat.js", nil, ""); res.StatusCode != want || want == 405 && !isProblem(t, res, method) {
			t.Errorf("%s chat.js: %d %v", method, res.StatusCode, res.Header)
		}
	}
	s.NoErrors()
}

// isProblem returns whether an answer has problem details of its status.
func isProblem(t *testing.T, res *http.Response, method string) bool {
	t.Helper()
	if res.Header.Get("Content-Type") != "application/problem+json" {
		return false
	}
	var problem struct {
		Title, Detail, Code string
		Status              int
	}
	return method == "HEAD" || json.Unmarshal([]byte(text(t, res)), &problem) == nil && problem.Status == res.StatusCode &&
		problem.Title == http.StatusText(res.StatusCode) && problem.Detail != "" && problem.Code != ""
}

// Without the option, nobody takes an empty 200 for a login.
func TestHTTP_Login_IsMissedWithoutItsOption(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	res := ask(t, s, "POST", "/chat/login", http.Header{"Content-Type": {"application/json"}}, apiBody)
	if body := text(t, res); res.StatusCode != 404 || !strings.Contains(body, "no method of auth") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// A path with characters that must be escaped is served however a client writes it.
func TestHTTP_Path_MayBeEscaped(t *testing.T) {
	s := testcaddy.Start(t, "route {\nchat /茶\nrespond other\n}")
	for _, path := range []string{"/%E8%8C%B6/health", "/%e8%8c%b6/health", "//%E8%8C%B6//health"} {
		if res := ask(t, s, "GET", path, nil, ""); text(t, res) != "ok\n" {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	a, b := s.Client("ws://"+s.Plain+"/茶"), s.Client("wss://"+s.TLS+"//%E8%8C%B6/")
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
}

// PROTOCOL.md: names are compared byte for byte, so two forms of one name are two rooms, at
// every door, and no name is changed.
func TestHTTP_RoomNames_AreBytes(t *testing.T) {
	s := testcaddy.Start(t, "chat {\nauth jwt {\nsecret \""+testcaddy.JWTSecret+"\"\n}\nauth guest\n}")
	user := http.Header{"Authorization": {"Bearer " + testcaddy.SiteToken(t, jwt.MapClaims{"sub": "ann"})}}
	const nfc, nfd = "caf\u00e9", "cafe\u0301"
	raw := s.Client("ws://" + s.Plain + "/chat?room=" + url.QueryEscape(nfc))
	other := s.Client("ws://" + s.Plain + "/chat?room=" + url.QueryEscape(nfd))
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"`+nfc+`"},{"room":"`+nfd+`"}]`)
	testcaddy.Hears(t, c, `"welcome"`, `"room":"`+nfc+`"`, `"room":"`+nfd+`"`)
	for i, room := range []string{nfc, nfd} {
		testcaddy.Say(t, c, `{"type":"send","id":"`+strconv.Itoa(i)+`","room":"`+room+`","body":"to `+room+`"}`)
		testcaddy.Until(t, c, `"type":"message"`, `"room":"`+room+`"`)
		res := ask(t, s, "GET", "/chat/rooms/"+url.PathEscape(room)+"/messages", user, "")
		if body := text(t, res); !strings.Contains(body, "to "+room) || strings.Count(body, `"body"`) != 1 {
			t.Errorf("%+q: %s", room, body)
		}
	}
	testcaddy.Expect(t, raw, "to "+nfc)
	testcaddy.Expect(t, other, "to "+nfd)
}

// A program that asks without an upgrade is told what is there.
func TestHTTP_Base_NamesThePage(t *testing.T) {
	s, _ := apiSite(t)
	for _, accept := range []string{"*/*", ""} {
		res := ask(t, s, "GET", "/chat", http.Header{"Accept": {accept}}, "")
		if body := text(t, res); res.StatusCode != 426 || !strings.Contains(body, "a browser is shown a page to chat on here") || res.Header.Get("Upgrade") != "websocket" {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	}
	if res := ask(t, s, "HEAD", "/chat", http.Header{"Accept": {"text/html"}}, ""); res.StatusCode != 200 {
		t.Errorf("HEAD of a browser: %d", res.StatusCode)
	}
	s.Load("chat")
	if res := ask(t, s, "GET", "/chat", nil, ""); strings.Contains(text(t, res), "page") {
		t.Error("a page is named that is not there")
	}
}

// Pages of listed origins may use the HTTP interface, pages of others may not read
// anything and send nothing.
func TestHTTP_CORS(t *testing.T) {
	s, user := apiSite(t)
	for origin, listed := range map[string]bool{
		"https://app.example": true, "https://a.apps.example": true, "https://APP.example:443": true,
		"https://evil.example": false, "null": false, "https://app.example.evil.example": false, "http://app.example": false,
	} {
		for _, c := range []struct {
			method, path string
			with, status int
		}{
			{"OPTIONS", "/chat/rooms/tea/messages", 204, 403},
			{"OPTIONS", "/chat/login", 204, 403},
			{"POST", "/chat/rooms/tea/messages", 201, 403},
			{"GET", "/chat/rooms/tea/messages", 200, 403},
			{"GET", "/chat/rooms/tea/messages?limit=x", 400, 403},
			{"DELETE", "/chat/rooms/tea/messages", 405, 405},
			{"POST", "/chat/login", 200, 403},
			{"HEAD", "/chat/rooms/tea/messages", 200, 403},
			{"HEAD", "/chat/login", 405, 405}, {"PUT", "/chat/login", 405, 405},
			{"GET", "/chat", 426, 426},
			{"POST", "/chat", 405, 405},
			{"GET", "/chat/rooms/x/y/z", 404, 404},
			{"POST", "/chat/list/x/y", 404, 404},
			{"OPTIONS", "/chat/rooms/x/y/z", 404, 404},
			{"OPTIONS", "/chat/ui/chat.js", 405, 405},
		} {
			header := user.Clone()
			header.Set("Origin", origin)
			header.Set("Access-Control-Request-Method", "POST")
			res := ask(t, s, c.method, c.path, header, bodyFor(c.path))
			want, allowed := c.status, ""
			if listed {
				want, allowed = c.with, origin
			}
			got := res.Header
			if res.StatusCode != want || got.Get("Access-Control-Allow-Origin") != allowed || got.Get("Vary") != "Origin" || (got.Get("Access-Control-Allow-Credentials") == "true") != listed {
				t.Errorf("%s %s of %s: %d %v", c.method, c.path, origin, res.StatusCode, got)
			}
			if c.method == "OPTIONS" && res.StatusCode == 204 {
				for name, part := range map[string]string{"Methods": "POST", "Headers": "Authorization, Content-Type, Idempotency-Key", "Max-Age": "600"} {
					if prefix := "Access-Control-Allow-"; name == "Max-Age" && got.Get("Access-Control-Max-Age") != part || name != "Max-Age" && !strings.Contains(got.Get(prefix+name), part) {
						t.Errorf("%s: %v", name, got)
					}
				}
			}
		}
	}
	s.Load("chat {\norigins *\nauth jwt {\nsecret \"" + testcaddy.JWTSecret + "\"\n}\n}")
	user.Set("Origin", "https://any.example")
	res := ask(t, s, "GET", "/chat/rooms/tea/messages", user, "")
	if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("with *: %d %v", res.StatusCode, res.Header)
	}
	for method, status := range map[string]int{"OPTIONS": 204, "POST": 404, "GET": 404} { // no auth wechat
		if res := ask(t, s, method, "/chat/login", user, bodyFor("/chat/login")); res.StatusCode != status || res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s /login: %d %v", method, res.StatusCode, res.Header)
		}
	}
	s.NoErrors()
}

// The page of the site is refused if a proxy removes the port from Host; the log says
// why.
func TestHTTP_HostWithoutPort_IsLogged(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	s.Load("route {\nrequest_header Host localhost\nchat\n}") // as such a proxy does
	const line = "the header Host has no port"
	if code, _ := s.Status("http://"+s.Plain+"/chat", with(testcaddy.UpgradeHeader, "Origin", "https://evil.example")); code != 403 {
		t.Errorf("another page: %d", code)
	}
	if strings.Contains(testcaddy.Read(t, s.Log), line) {
		t.Error("a page of another site is taken for one of this site")
	}
	if code, _ := s.Status("http://"+s.Plain+"/chat", with(testcaddy.UpgradeHeader, "Origin", "https://localhost:8443")); code != 403 {
		t.Errorf("the page: %d", code)
	}
	if !strings.Contains(testcaddy.Read(t, s.Log), line) {
		t.Error("nothing is logged")
	}
	if !strings.Contains(testcaddy.Read(t, "../docs/deployment.md"), "proxy_set_header Host $http_host") {
		t.Error("docs/deployment.md does not say how nginx passes the port on")
	}
}

func with(header http.Header, name, value string) http.Header {
	header = header.Clone()
	header.Set(name, value)
	return header
}

// A proxy that took early data says so in a header. What does more than read is
// refused then.
func TestHTTP_EarlyData_OfAProxy_IsRefused(t *testing.T) {
	s, user := apiSite(t)
	early := with(user, "Early-Data", "1")
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"POST", "/chat/rooms/tea/messages", 425},
		{"POST", "/chat/login", 425},
		{"POST", "/chat/health", 425},
		{"GET", "/chat/rooms/tea/messages", 200},
		{"HEAD", "/chat/rooms/tea/messages", 200},
		{"GET", "/chat/health", 200},
		{"GET", "/chat", 426},
		{"OPTIONS", "/chat/login", 204},
	} {
		if res := ask(t, s, c.method, c.path, early, bodyFor(c.path)); res.StatusCode != c.want || c.want == 425 && !isProblem(t, res, c.method) {
			t.Errorf("%s %s: %d %v, want %d", c.method, c.path, res.StatusCode, res.Header, c.want)
		}
	}
	// Several of them, and other values, mean the same as 1: RFC 8470, section 5.1.
	for _, values := range [][]string{{"1"}, {""}, {"0"}, {"", "1"}, {"?0"}} {
		header := testcaddy.UpgradeHeader.Clone()
		header["Early-Data"] = values
		if code, _ := s.Status("http://"+s.Plain+"/chat", header); code != 425 {
			t.Errorf("a handshake with %q: %d", values, code)
		}
		said := user.Clone()
		said["Early-Data"] = values
		if res := ask(t, s, "POST", "/chat/rooms/tea/messages", said, bodyFor("/chat/rooms/tea/messages")); res.StatusCode != 425 {
			t.Errorf("a message with %q: %d", values, res.StatusCode)
		}
	}
	for name, c := range streamCarriers(s) {
		if _, res, err := c(t.Context(), "/chat", http.Header{"Early-Data": {"1"}}); err != nil || res.StatusCode != 425 {
			t.Errorf("a handshake over %s: %v %v", name, res, err)
		}
	}
}

// deafConn receives nothing until it is closed: whoever uses it never completes a
// handshake.
type deafConn struct {
	net.PacketConn
	closing chan struct{}
}

func (c deafConn) ReadFrom(p []byte) (int, net.Addr, error) {
	<-c.closing
	return c.PacketConn.ReadFrom(p)
}

// tickets is a session cache that tells when it has got a ticket.
type tickets struct {
	tls.ClientSessionCache
	got chan struct{}
}

func (c tickets) Put(key string, ticket *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, ticket)
	if ticket == nil {
		return // one was used
	}
	select {
	case c.got <- struct{}{}:
	default:
	}
}

// A request in the first flight of HTTP/3 is answered before the handshake is complete,
// so an attacker who has recorded it can send it again. It is refused if it does more
// than read.
func TestHTTP_EarlyData_OverHTTP3_IsRefused(t *testing.T) {
	s, user := apiSite(t)
	conf := s.Trust()
	cache := tickets{tls.NewLRUClientSessionCache(10), make(chan struct{}, 1)}
	conf.NextProtos, conf.ClientSessionCache = []string{http3.NextProtoH3}, cache
	conf.ServerName, _, _ = net.SplitHostPort(s.TLS)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/chat/health", 200}, // also shows that early data is accepted
		{"POST", "/chat/rooms/tea/messages", 425},
		{"POST", "/chat/login", 425},
		{"CONNECT", "/chat", 425},
	} {
		getTicket(t, s, conf, cache.got) // which can be used once
		inFirstFlight(t, s, conf, c.method, c.path, user, func() {
			line := regexp.MustCompile(`"proto":"(?:HTTP/3.0|websocket)","method":"` + c.method + `",[^\n]*"uri":"` + c.path + `",[^\n]*"status":(\d+)`)
			var answered []string
			testcaddy.Eventually(t, "an answer to "+c.method+" "+c.path, func() bool {
				answered = line.FindStringSubmatch(testcaddy.Read(t, s.Access))
				return answered != nil
			})
			if answered[1] != strconv.Itoa(c.want) {
				t.Errorf("%s %s: %s, want %d", c.method, c.path, answered[1], c.want)
			}
		})
	}
}

// getTicket completes a handshake and waits for a ticket to resume the session.
func getTicket(t *testing.T, s *testcaddy.Site, conf *tls.Config, got <-chan struct{}) {
	t.Helper()
	conn, err := quic.DialAddr(t.Context(), s.TLS, conf, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	<-got
}

// inFirstFlight sends a request as early data, never completes the handshake, and calls
// check.
func inFirstFlight(t *testing.T, s *testcaddy.Site, conf *tls.Config, method, path string, header http.Header, check func()) {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	deaf := deafConn{udp, make(chan struct{})}
	transport := &quic.Transport{Conn: deaf}
	defer transport.Close()
	defer close(deaf.closing)
	addr, err := net.ResolveUDPAddr("udp", s.TLS)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := transport.DialEarly(t.Context(), addr, conf, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	req, err := http.NewRequestWithContext(t.Context(), method, "https://"+s.TLS+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if method == http.MethodConnect {
		req.Proto = "websocket"
		req.Header.Set("Sec-Websocket-Version", "13")
	}
	stream, err := new(http3.Transport).NewClientConn(conn).OpenRequestStream(t.Context())
	if err == nil {
		err = stream.SendRequestHeader(req)
	}
	if err == nil && method != http.MethodConnect {
		_, err = stream.Write([]byte(apiBody))
		err = errors.Join(err, stream.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	check()
}

// A configuration with which the chat works answers each request: what one holds always fits
// into what all may hold.
func TestHTTP_SmallOutboxes_AnswerEveryRequest(t *testing.T) {
	const secret = "of-the-key-that-sends-and-hears-all"
	for _, sizes := range []string{
		"max_message 1KiB\nlimits {\noutboxes 4KiB\n}", "limits {\noutboxes 256KiB\n}", "limits {\noutboxes 1MiB\n}",
		"max_message 5MiB", "max_message 64MiB", "max_message 1MiB\nlimits {\noutboxes 4MiB\n}",
	} {
		s := testcaddy.Start(t, "chat {\njournal memory\n"+sizes+"\nkey k "+secret+" {\nread *\nwrite *\nfeed\n}\n}")
		header := http.Header{"Authorization": {"Bearer " + secret}, "Content-Type": {"application/json"}}
		for _, r := range []struct {
			method, path, body string
			want               int
		}{
			{"POST", "/chat/rooms/tea/messages", `{"body":"a"}`, 201},
			{"POST", "/chat/messages", `{"messages":[{"room":"tea","body":"b"}]}`, 201},
			{"GET", "/chat/rooms/tea/messages", "", 200},
			{"GET", "/chat/feed", "", 200},
		} {
			if res := ask(t, s, r.method, r.path, header, r.body); res.StatusCode != r.want {
				t.Errorf("%q: %s %s: %d %s", sizes, r.method, r.path, res.StatusCode, text(t, res))
			}
		}
	}
}
