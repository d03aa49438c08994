package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// handshakeCase is a case of which only the request differs.
type handshakeCase struct {
	name   string
	rule   string
	change func(*request, Target)
	status []int // the refusal has one of these; none: the upgrade must succeed
	header field // what the refusal must carry, if it has a name
}

func handshakeCases() []Case {
	return slices.Concat(
		[]Case{{"handshake", "the RFC's example key gets the RFC's example answer", "RFC 6455 section 1.3", exampleHandshake}},
		toCases(accepted),
		toCases(refused),
		toCases(origins),
	)
}

func toCases(table []handshakeCase) []Case {
	var cases []Case
	for _, o := range table {
		cases = append(cases, Case{"handshake", o.name, o.rule, o.run})
	}
	return cases
}

func (o handshakeCase) run(t *caseRun) {
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

func exampleHandshake(t *caseRun) {
	t.needHTTP1()
	r := newRequest(t.target, t.query()).set("Sec-WebSocket-Key", exampleKey)
	re := t.ask(r)
	t.checkUpgraded(r, re)
	if got := re.Header.Get("Sec-WebSocket-Accept"); got != exampleAccept {
		t.Fatalf("Sec-WebSocket-Accept is %q, want %q", got, exampleAccept)
	}
}

// anyRefusal are the statuses for wrong requests where no document names one.
var anyRefusal = []int{
	http.StatusBadRequest,
	http.StatusMethodNotAllowed,
	http.StatusUpgradeRequired,
	http.StatusHTTPVersionNotSupported,
}

func setHeader(name, value string) func(*request, Target) {
	return func(r *request, _ Target) { r.set(name, value) }
}

func addHeader(name, value string) func(*request, Target) {
	return func(r *request, _ Target) { r.add(name, value) }
}

func dropHeader(name string) func(*request, Target) {
	return func(r *request, _ Target) { r.drop(name) }
}

var accepted = []handshakeCase{
	{
		name:   "Connection holds several tokens",
		rule:   "RFC 6455 section 4.2.1, item 4",
		change: setHeader("Connection", "keep-alive, Upgrade"), // as Firefox sends it
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
		name:   "header field names in lower case",
		rule:   "RFC 9110 section 5.1",
		change: func(r *request, _ Target) { lowerNames(r) },
	},
	{
		name:   "unknown extensions are not accepted",
		rule:   "RFC 6455 section 9.1",
		change: addHeader("Sec-WebSocket-Extensions", "x-unheard-of; level=3, x-other"),
	},
}

func lowerNames(r *request) {
	key := r.key()
	for i := range r.header {
		r.header[i].name = strings.ToLower(r.header[i].name)
	}
	// request.key looks for this spelling.
	r.drop("sec-websocket-key").add("Sec-WebSocket-Key", key)
}

var refused = []handshakeCase{
	{
		name:   "plain GET",
		rule:   "issue 2",
		change: func(r *request, _ Target) { removeUpgrade(r) },
		status: []int{http.StatusUpgradeRequired},
		header: field{"Upgrade", "websocket"},
	},
	{
		name:   "plain GET is answered with Connection: Upgrade too",
		rule:   "RFC 9110 section 7.8",
		change: func(r *request, _ Target) { removeUpgrade(r) },
		status: []int{http.StatusUpgradeRequired},
		header: field{"Connection", "upgrade"},
	},
	{
		name:   "version 8",
		rule:   "RFC 6455 section 4.4",
		change: setHeader("Sec-WebSocket-Version", "8"),
		status: []int{http.StatusUpgradeRequired},
		header: field{"Sec-WebSocket-Version", "13"},
	},
	{
		name:   "version that is not a number",
		rule:   "RFC 6455 section 4.4",
		change: setHeader("Sec-WebSocket-Version", "thirteen"),
		status: []int{http.StatusUpgradeRequired},
		header: field{"Sec-WebSocket-Version", "13"},
	},
	{
		name:   "no version",
		rule:   "RFC 6455 section 4.2.1, item 6",
		change: dropHeader("Sec-WebSocket-Version"),
		status: []int{http.StatusUpgradeRequired},
		header: field{"Sec-WebSocket-Version", "13"},
	},
	{
		name:   "no key",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: dropHeader("Sec-WebSocket-Key"),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "empty key",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: setHeader("Sec-WebSocket-Key", ""),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "key of 15 bytes",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: setHeader("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1"),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "key of 17 bytes",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: setHeader("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1Njc="),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "key that is not base64",
		rule:   "RFC 6455 section 4.2.1, item 5",
		change: setHeader("Sec-WebSocket-Key", "dGhlIHNhbXBs!SBub25jZQ=="),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "two keys",
		rule:   "RFC 6455 section 11.3.1",
		change: addHeader("Sec-WebSocket-Key", exampleKey),
		status: []int{http.StatusBadRequest},
	},
	{
		name:   "Upgrade without Connection",
		rule:   "RFC 6455 section 4.2.1, item 4",
		change: dropHeader("Connection"),
		status: anyRefusal,
	},
	{
		name:   "no Host",
		rule:   "RFC 6455 section 4.2.1, item 2",
		change: dropHeader("Host"),
		status: anyRefusal,
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
		status: anyRefusal,
	},
	{
		name:   "HTTP/1.0",
		rule:   "RFC 6455 section 4.2.1, item 1",
		change: func(r *request, _ Target) { r.proto = "HTTP/1.0" },
		status: anyRefusal,
	},
	{
		name:   "only unknown subprotocols",
		rule:   "design: one room, two dialects",
		change: addHeader("Sec-WebSocket-Protocol", "soap"),
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

// removeUpgrade removes everything about WebSocket.
func removeUpgrade(r *request) {
	r.drop("Upgrade").drop("Connection").drop("Sec-WebSocket-Key").drop("Sec-WebSocket-Version")
}

var forbidden = []int{http.StatusForbidden}

var origins = []handshakeCase{
	{
		name:   "Origin of the same host",
		rule:   "issue 2",
		change: func(r *request, t Target) { r.add("Origin", t.pageOrigin()) },
	},
	{name: "Origin of WeChat on a PC", rule: "issue 2", change: addHeader("Origin", "https://servicewechat.com")},
	{name: "Origin of a WeChat game", rule: "issue 2", change: addHeader("Origin", "weapp://wechat-game-runtime")},
	{name: "Origin of another site", rule: "issue 2", change: addHeader("Origin", "https://evil.example"), status: forbidden},
	{name: "Origin null", rule: "issue 2", change: addHeader("Origin", "null"), status: forbidden},
	{name: "Origin that begins like WeChat's", rule: "issue 2",
		change: addHeader("Origin", "https://servicewechat.com.evil.example"), status: forbidden},
	{name: "Origin that ends like WeChat's", rule: "issue 2",
		change: addHeader("Origin", "https://evil-servicewechat.com"), status: forbidden},
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

func earlyCases() []Case {
	const rule = "issue 2: early bytes are fed first"
	return []Case{
		{"early", "a frame right after the handshake", "RFC 6455 section 4.1", frameAtOnce},
		{"early", "a frame in the segment of the handshake", rule, earlyFrame},
		{"early", "half a frame in the segment of the handshake", rule, earlyHalf},
		{"early", "more frames in the segment of the handshake than a buffer holds", rule, earlyMany},
		{"early", "a violation in the segment of the handshake", rule, earlyViolation},
	}
}

// frameAtOnce sends a frame without a sign that the server is ready for it.
func frameAtOnce(t *caseRun) {
	ann := t.join("ann")
	ben := t.connect("ben", t.query())
	ben.sendText("at once")
	ann.expectText("at once")
	expectRelay(ann, ben)
}

// upgradeWithEarly connects ben and sends b in the segment of the handshake.
func (t *caseRun) upgradeWithEarly(b []byte) *client {
	t.Helper()
	t.needHTTP1()
	return t.upgrade("ben", newRequest(t.target, t.query()), b...)
}

func earlyFrame(t *caseRun) {
	ann := t.join("ann")
	ben := t.upgradeWithEarly(appendFrames(nil, text("early")))
	ann.expectText("early")
	expectRelay(ann, ben)
}

func earlyHalf(t *caseRun) {
	ann := t.join("ann")
	b := appendFrames(nil, text("cut by the end of a segment"))
	ben := t.upgradeWithEarly(b[:9])
	if err := ben.write(b[9:]); err != nil {
		t.Fatalf("ben sends the other half: %v", err)
	}
	ann.expectText("cut by the end of a segment")
	expectRelay(ann, ben)
}

// earlyMany sends more than the 4 KiB of net/http's buffer. The server finds
// some of it in that buffer and the rest in the socket.
func earlyMany(t *caseRun) {
	ann := t.join("ann")
	var b []byte
	var texts []string
	for i := range 100 {
		texts = append(texts, fmt.Sprintf("%3d ", i)+strings.Repeat("early ", 20))
		b = text(texts[i]).append(b)
	}
	ben := t.upgradeWithEarly(b)
	ann.expectText(texts...)
	expectRelay(ann, ben)
}

func earlyViolation(t *caseRun) {
	ben := t.upgradeWithEarly(appendFrames(nil, text("no mask").withoutMask()))
	ben.expectCloseAndEnd(codeProtocolError)
}
