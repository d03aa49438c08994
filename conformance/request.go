package conformance

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// RFC 6455's own example (section 1.3).
const (
	exampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	exampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// request is an HTTP/1 request. newRequest makes a correct one; cases change it.
type request struct {
	method, path, query, proto string
	header                     []field
	body                       string // as it is sent
}

type field struct{ name, value string }

// newRequest returns a correct opening handshake (section 4.1).
func newRequest(target Target, query string) *request {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	return &request{
		method: "GET",
		path:   target.Path,
		query:  query,
		proto:  "HTTP/1.1",
		header: []field{
			{"Host", target.Addr},
			{"Upgrade", "websocket"},
			{"Connection", "Upgrade"},
			{"Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(key)},
			{"Sec-WebSocket-Version", "13"},
		},
	}
}

// drop removes a header field.
func (r *request) drop(name string) *request {
	var kept []field
	for _, f := range r.header {
		if f.name != name {
			kept = append(kept, f)
		}
	}
	r.header = kept
	return r
}

// add adds a header field, even if there is one of that name.
func (r *request) add(name, value string) *request {
	r.header = append(r.header, field{name, value})
	return r
}

// set replaces a header field.
func (r *request) set(name, value string) *request {
	return r.drop(name).add(name, value)
}

func (r *request) key() string {
	for _, f := range r.header {
		if f.name == "Sec-WebSocket-Key" {
			return f.value
		}
	}
	return ""
}

func (r *request) bytes() []byte {
	var b bytes.Buffer
	uri := r.path
	if r.query != "" {
		uri += "?" + r.query
	}
	fmt.Fprintf(&b, "%s %s %s\r\n", r.method, uri, r.proto)
	for _, f := range r.header {
		fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
	}
	b.WriteString("\r\n" + r.body)
	return b.Bytes()
}

// reply is the server's answer, and the connection for what comes after it.
type reply struct {
	*http.Response
	conn net.Conn
	in   *bufio.Reader
}

// ask sends a request, with more bytes in the same segment, and reads the head of
// the answer.
func (t *caseRun) ask(r *request, more ...byte) reply {
	t.Helper()
	conn, err := t.target.dial(t.ctx)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(t.target.Timeout)); err != nil {
		t.Fatalf("set deadline: %v", err)
	}
	if _, err := conn.Write(append(r.bytes(), more...)); err != nil {
		t.Fatalf("send the handshake: %v", err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, &http.Request{Method: r.method})
	if err != nil {
		t.Fatalf("read the answer to the handshake: %v", err)
	}
	return reply{resp, conn, in}
}

// upgrade opens a WebSocket, and sends early in the segment of the handshake.
func (t *caseRun) upgrade(name string, r *request, early ...byte) *client {
	t.Helper()
	re := t.ask(r, early...)
	t.checkUpgraded(r, re)
	if err := re.conn.SetDeadline(time.Time{}); err != nil { // ask has set them
		t.Fatalf("clear deadlines: %v", err)
	}
	return newClient(t, name, re.conn, re.in)
}

// checkUpgraded fails unless the answer is one that a client may accept (the
// second list of section 4.1).
func (t *caseRun) checkUpgraded(r *request, re reply) {
	t.Helper()
	if re.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%s ?%s is answered with status %d, want 101", r.method, r.query, re.StatusCode)
	}
	if got, want := re.Header.Get("Sec-WebSocket-Accept"), acceptFor(r.key()); got != want {
		t.Fatalf("Sec-WebSocket-Accept is %q, want %q", got, want)
	}
	if !strings.EqualFold(re.Header.Get("Upgrade"), "websocket") {
		t.Fatalf("Upgrade is %q, want websocket", re.Header.Get("Upgrade"))
	}
	if !hasToken(re.Header.Values("Connection"), "upgrade") {
		t.Fatalf("Connection is %q, want Upgrade", re.Header.Values("Connection"))
	}
	for _, name := range []string{"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
		if v, ok := re.Header[http.CanonicalHeaderKey(name)]; ok {
			t.Fatalf("%s is %q, which was not offered", name, v)
		}
	}
}

// needHTTP1 skips the case if the target is not reached by HTTP/1.1.
func (t *caseRun) needHTTP1() {
	t.Helper()
	if t.target.Connect != nil {
		t.Skipf("about HTTP/1.1")
	}
}

// expectRefused fails unless the request is answered with one of these statuses,
// and the header, if it has a name.
func (t *caseRun) expectRefused(r *request, header field, status ...int) {
	t.Helper()
	re := t.ask(r)
	if !slices.Contains(status, re.StatusCode) {
		t.Fatalf("status is %d, want %d", re.StatusCode, status)
	}
	if header.name != "" && !hasToken(re.Header.Values(header.name), header.value) {
		t.Fatalf("status %d comes with %s %q, want %s", re.StatusCode, header.name, re.Header.Values(header.name), header.value)
	}
}

func acceptFor(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for one := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(one), token) {
				return true
			}
		}
	}
	return false
}
