package conformance

import (
	"net/http"
	"slices"
	"strings"
)

// opening is a handshake of which only the request differs.
type opening struct {
	name   string
	rule   string
	change func(*request, Target)
	status []int // any of them; none means that the upgrade must succeed
	header field // that the refusal must carry, if its name is set
}

func handshakeCases() []Case {
	return slices.Concat(
		[]Case{{"handshake", "the RFC's own key gets the RFC's own answer", "RFC 6455 section 1.3", exampleHandshake}},
		openings(welcome),
		openings(refused),
		openings(origins),
	)
}

func openings(table []opening) []Case {
	var cases []Case
	for _, o := range table {
		cases = append(cases, Case{"handshake", o.name, o.rule, o.run})
	}
	return cases
}

func (o opening) run(t *trial) {
	t.needHTTP1()
	r := newRequest(t.target, t.query())
	o.change(r, t.target)
	if len(o.status) == 0 {
		c := t.upgrade("client", r)
		c.ping("alive")
		c.expectPong("alive")
		return
	}
	t.expectRefused(r, o.header, o.status...)
}

func (t *trial) needHTTP1() {
	t.Helper()
	if t.target.Connect != nil {
		t.Skipf("about HTTP/1.1")
	}
}

func (t *trial) expectRefused(r *request, header field, status ...int) {
	t.Helper()
	re := t.ask(r)
	if !slices.Contains(status, re.StatusCode) {
		t.Fatalf("status is %d, want %d", re.StatusCode, status)
	}
	if header.name != "" && !hasToken(re.Header.Values(header.name), header.value) {
		t.Fatalf("status %d comes with %s %q, want %s", re.StatusCode, header.name, re.Header.Values(header.name), header.value)
	}
}

func exampleHandshake(t *trial) {
	t.needHTTP1()
	r := newRequest(t.target, t.query()).set("Sec-WebSocket-Key", exampleKey)
	re := t.ask(r)
	t.checkUpgraded(r, re)
	if got := re.Header.Get("Sec-WebSocket-Accept"); got != exampleAccept {
		t.Fatalf("Sec-WebSocket-Accept is %q, want %q", got, exampleAccept)
	}
}

// refusal are the status codes for requests that are wrong in a way to which
// nothing gives a number.
var refusal = []int{
	http.StatusBadRequest,
	http.StatusMethodNotAllowed,
	http.StatusUpgradeRequired,
	http.StatusHTTPVersionNotSupported,
}

func setting(name, value string) func(*request, Target) {
	return func(r *request, _ Target) { r.set(name, value) }
}

func adding(name, value string) func(*request, Target) {
	return func(r *request, _ Target) { r.add(name, value) }
}

func dropping(name string) func(*request, Target) {
	return func(r *request, _ Target) { r.drop(name) }
}

var welcome = []opening{
	{
		name:   "Connection holds several tokens",
		rule:   "RFC 6455 section 4.2.1, item 4",
		change: setting("Connection", "keep-alive, Upgrade"), // as Firefox sends it
	},
	{
		name: "Connection and Upgrade in odd case",
		rule: "RFC 6455 section 4.2.1, items 3 and 4",
		change: func(r *request, _ Target) {
			r.set("Connection", "uPGRADE,Keep-Alive").set("Upgrade", "WebSocket")
		},
	},
	{
		name: "Connection in two lines",
		rule: "RFC 9110 section 5.3",
		change: func(r *request, _ Target) {
			r.set("Connection", "keep-alive").add("Connection", "Upgrade")
		},
	},
	{
		name:   "names of header fields in lower case",
		rule:   "RFC 9110 section 5.1",
		change: func(r *request, _ Target) { lowerNames(r) },
	},
	{
		name:   "unknown extensions are declined in silence",
		rule:   "RFC 6455 section 9.1",
		change: adding("Sec-WebSocket-Extensions", "x-unheard-of; level=3, x-other"),
	},
}

func lowerNames(r *request) {
	key := r.key()
	for i := range r.header {
		r.header[i].name = strings.ToLower(r.header[i].name)
	}
	// The request must go on knowing its key under the name it looks for.
	r.drop("sec-websocket-key").add("Sec-WebSocket-Key", key)
}

var refused = []opening{
	{
		name:   "plain GET",
		rule:   "issue 2",
		change: func(r *request, _ Target) { plain(r) },
		status: []int{http.StatusUpgradeRequired},
		header: field{"Upgrade", "websocket"},
	},
	{
		name:   "plain GET is told of the upgrade in Connection too",
		rule:   "RFC 9110 section 7.8",
		change: func(r *request, _ Target) { plain(r) },
		status: []int{http.StatusUpgradeRequired},
		header: field{"Connection", "upgrade"},
	},
	{
		name:   "version 8",
		rule:   "RFC 6455 section 4.4",
		change: setting("Sec-WebSocket-Version", "8"),
		status: []int{http.StatusUpgradeRequired},
		header: field{"Sec-WebSocket-Version", "13"},
	},
	{
		name:   "version is no number",
		rule:   "RFC 6455 section 4.4",
		change: setting("Sec-WebSocket-Version", "thirteen"),
		status: []int{http.StatusUpgradeRequired},
		header: field{"Sec-WebSocket-Version", "13"},
	},
	{
		name:   "no version",
		rule:   "RFC 6455 section 4.2.1, item 6",
		change: dropping("Sec-WebSocket-Version"),
		status: []int{http.StatusUpgradeRequired},
		header: field{"Sec-WebSocket-Version", "13"},
	},
	{
		name:   "no key",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: dropping("Sec-WebSocket-Key"),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "empty key",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: setting("Sec-WebSocket-Key", ""),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "key of 15 bytes",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: setting("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1"),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "key of 17 bytes",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: setting("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1Njc="),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "key that is not base64",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: setting("Sec-WebSocket-Key", "dGhlIHNhbXBs!SBub25jZQ=="),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "two keys",
		rule:   "RFC 6455 section 11.3.1",
		change: adding("Sec-WebSocket-Key", exampleKey),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "Upgrade without Connection",
		rule:   "RFC 6455 section 4.2.1, item 4",
		change: dropping("Connection"),
		status: refusal,
	},
	{
		name:   "no Host",
		rule:   "RFC 6455 section 4.2.1, item 2",
		change: dropping("Host"),
		status: refusal,
	},
	{
		name: "body with a length",
		rule: "issue 2",
		change: func(r *request, _ Target) {
			r.add("Content-Length", "5").body = "hello"
		},
		status: []int{http.StatusBadRequest},
	},
	{
		name: "body in chunks",
		rule: "issue 2",
		change: func(r *request, _ Target) {
			r.add("Transfer-Encoding", "chunked").body = "5\r\nhello\r\n0\r\n\r\n"
		},
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "POST",
		rule:   "RFC 6455 section 4.2.1, item 1",
		change: func(r *request, _ Target) { r.add("Content-Length", "0").method = "POST" },
		status: refusal,
	},
	{
		name:   "HTTP/1.0",
		rule:   "RFC 6455 section 4.2.1, item 1",
		change: func(r *request, _ Target) { r.proto = "HTTP/1.0" },
		status: refusal,
	},
	{
		name:   "only unknown subprotocols",
		rule:   "design: one room, two dialects",
		change: adding("Sec-WebSocket-Protocol", "soap"),
		status: []int{http.StatusBadRequest},
	},
	{
		name: "several unknown subprotocols in two lines",
		rule: "design: one room, two dialects",
		change: func(r *request, _ Target) {
			r.add("Sec-WebSocket-Protocol", "soap, wamp").add("Sec-WebSocket-Protocol", "chat.v999")
		},
		status: []int{http.StatusBadRequest},
	},
}

// plain makes r a request of somebody who has never heard of WebSocket.
func plain(r *request) {
	r.drop("Upgrade").drop("Connection").drop("Sec-WebSocket-Key").drop("Sec-WebSocket-Version")
}

var forbidden = []int{http.StatusForbidden}

var origins = []opening{
	{
		name:   "Origin of the same host",
		rule:   "issue 2",
		change: func(r *request, t Target) { r.add("Origin", t.pageOrigin()) },
	},
	{name: "Origin of WeChat on a PC", rule: "issue 2", change: adding("Origin", "https://servicewechat.com")},
	{name: "Origin of a WeChat game", rule: "issue 2", change: adding("Origin", "weapp://wechat-game-runtime")},
	{name: "Origin of another site", rule: "issue 2", change: adding("Origin", "https://evil.example"), status: forbidden},
	{name: "Origin null", rule: "issue 2", change: adding("Origin", "null"), status: forbidden},
	{name: "Origin that begins like WeChat's", rule: "issue 2",
		change: adding("Origin", "https://servicewechat.com.evil.example"), status: forbidden},
	{name: "Origin that ends like WeChat's", rule: "issue 2",
		change: adding("Origin", "https://evil-servicewechat.com"), status: forbidden},
	{
		name:   "Origin that begins like the same host",
		rule:   "issue 2",
		change: func(r *request, t Target) { r.add("Origin", t.pageOrigin()+".evil.example") },
		status: forbidden,
	},
	{
		name: "two Origins, one of them allowed",
		rule: "issue 2",
		change: func(r *request, t Target) {
			r.add("Origin", t.pageOrigin()).add("Origin", "https://evil.example")
		},
		status: forbidden,
	},
}
