package webhook

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// stranger serves connections in its own way, and returns its URL. nil: it never accepts one.
func stranger(t *testing.T, serve func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for serve != nil {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					serve(c)
				}()
			}
		}()
		break
	}
	return "http://" + l.Addr().String() + "/events?token=hidden"
}

// writes sends a text, and then more of another one until the client has gone.
func writes(text, endless string, pause time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return
		}
		go io.Copy(io.Discard, c)
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
		for endless != "" {
			if _, err := io.WriteString(c, endless); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}
}

// A receiver that speaks unasked, behind its answers and while the connection is idle, writes
// nothing to the log of this process; what comes next arrives, and nothing is lost. For a
// check it is the same.
func TestSender_SpokenToUnasked_LogsNothing(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	defer zap.RedirectStdLog(zap.New(core))()
	journals(t, func(t *testing.T, j journal.Journal) {
		r := newReceiver(t)
		url := stranger(t, func(c net.Conn) {
			in := bufio.NewReader(c)
			for {
				req, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				asked, err := io.ReadAll(req.Body)
				if err != nil {
					return
				}
				said := `{"verdict":"pass"}`
				if strings.HasPrefix(req.Header.Get("Webhook-Id"), "orders") {
					r.take(req.Header, asked)
				}
				said = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(said), said)
				_, _ = io.WriteString(c, said+"a stranger's bytes")
				time.Sleep(time.Millisecond)
				_, _ = io.WriteString(c, said)
			}
		})
		s := begin(t, j, nil, hookTo(t, url))
		defer s.end()
		s.ready(t)
		checker := newChecker(t, url)
		want := map[string][]uint64{}
		for i := range 30 {
			want["tea"] = append(want["tea"], uint64(say(t, j, "tea", "x").Seq))
			v, err := checker.Check(t.Context(), &check.Question{About: check.Send, Room: "r"})
			if err != nil || v.Kind != check.Pass {
				t.Fatalf("check %d: %v %v", i, v, err)
			}
			r.until("the delivery", r.has(want))
		}
		if st := s.Status()[0]; st.Retried > 0 {
			t.Errorf("%+v", st)
		}
	})
	for _, e := range logged.All() {
		t.Errorf("the log has %s", e.Message)
	}
}

// Whatever a receiver does, it delays its own webhook and nothing else: another one gets
// everything, a reload waits for nobody, and the end takes no longer than it does otherwise.
func TestSender_HostileReceivers_HarmNobodyElse(t *testing.T) {
	elsewhere := newReceiver(t)
	var hooks []Hook
	want := map[string]string{}
	hostile := func(name, failing, url string) {
		h := hookTo(t, url)
		h.Name = name
		hooks, want[name] = append(hooks, h), failing
	}
	hostile("silent", "", stranger(t, writes("", " ", time.Hour)))
	hostile("deaf", "", stranger(t, nil))
	hostile("slow", "", stranger(t, writes("H", "T", time.Second)))
	hostile("nonsense", "the answer is no HTTP", stranger(t, writes("BEEP\r\n\r\n", "", 0)))
	hostile("status", "the answer is no HTTP", stranger(t, writes("HTTP/1.1 2OO OK\r\n\r\n", "", 0)))
	hostile("length", "the answer is no HTTP", stranger(t, writes("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "", 0)))
	hostile("head", "the answer is no HTTP, or too long", stranger(t, writes("HTTP/1.1 200 OK\r\n", "X-More: "+strings.Repeat("x", 900)+"\r\n", 0)))
	hostile("closes", "closed", stranger(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }))
	hostile("redirects", "redirects are not followed", stranger(t, writes("HTTP/1.1 307 Go\r\nLocation: "+elsewhere.serve()+"\r\nContent-Length: 0\r\n\r\n", "", 0)))
	hostile("refuses", "refused", "http://127.0.0.1:1/")
	hostile("body", "", stranger(t, writes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "400\r\n"+strings.Repeat("x", 0x400)+"\r\n", time.Millisecond)))
	journals(t, func(t *testing.T, j journal.Journal) {
		good := newReceiver(t)
		all := append([]Hook{hookTo(t, good.serve())}, hooks...)
		s := begin(t, j, nil, all...)
		s.ready(t)
		large := strings.Repeat("x", 200<<10)
		for _, text := range []string{"1", large, "3"} {
			say(t, j, "tea", text)
		}
		good.until("the delivery beside the others", good.has(map[string][]uint64{"tea": {1, 2, 3}}))
		for name, failing := range want {
			good.until(name+": "+failing, func() bool {
				for _, st := range s.Status() {
					if st.Name == name {
						why := strings.NewReplacer("EOF", "closed", "connection reset", "closed").Replace(st.Parts[0].Failing)
						return strings.Contains(why, failing) && st.URL != "" && !strings.Contains(st.URL, "hidden")
					}
				}
				return false
			})
		}
		for _, e := range s.logs.All() {
			if text := e.Message + strings.Join(texts(e.ContextMap()), " "); strings.Contains(text, "hidden") || strings.Contains(text, "BEEP") {
				t.Errorf("the log has what it should not: %s", text)
			}
		}
		before := time.Now()
		s.Configure(all)
		s.end()
		if took := time.Since(before); took > 5*time.Second {
			t.Errorf("the reload and the end took %v", took)
		}
	})
	if got := elsewhere.record(); len(got) > 0 {
		t.Errorf("a redirect was followed: %v", got)
	}
}

func texts(m map[string]any) (list []string) {
	for _, v := range m {
		if s, ok := v.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// Of the head of an answer a few KiB are read, and not the 10 MB that net/http reads by itself: a
// longer one is no answer, although it ends and has the status 200. For a check it is the same.
func TestClient_LongHead_IsNoAnswer(t *testing.T) {
	for size, accepted := range map[int]bool{maxHeaders - 1<<10: true, maxHeaders + 1<<10: false, 1 << 20: false} {
		said := `{"verdict":"pass"}`
		head := "HTTP/1.1 200 OK\r\nContent-Length: " + fmt.Sprint(len(said)) + "\r\n"
		for len(head) < size {
			head += "X-More: " + strings.Repeat("x", 200) + "\r\n"
		}
		url := stranger(t, writes(head+"\r\n"+said, "", 0))
		h := hookTo(t, url)
		c := newClient(&h, newTransport(&h))
		defer c.close()
		got := c.post(t.Context(), "id", nil)
		v, err := newChecker(t, url).Check(t.Context(), &check.Question{About: check.Send, Room: "r"})
		if accepted {
			if !got.accepted() || err != nil || v.Kind != check.Pass {
				t.Errorf("a head of %d bytes: %v; %v %v", len(head), got, v, err)
			}
			continue
		}
		const why = "the answer is no HTTP, or too long"
		if got.err == nil || got.err.Error() != why || err == nil || err.Error() != why {
			t.Errorf("a head of %d bytes: %v; %v %v", len(head), got, v, err)
		}
	}
}

// With private, nothing is sent to another address than a private one, whatever a name in
// the URL stands for.
func TestClient_Private_ConnectsNowhereElse(t *testing.T) {
	for at, refused := range map[string]bool{"192.0.2.1:80": true, "[2001:db8::1]:80": true, "[::ffff:192.0.2.1]:80": true, "127.0.0.1:1": false, "[fe80::1%25lo]:1": false} {
		h := hookTo(t, "http://"+at+"/")
		got := newClient(&h, newTransport(&h)).post(t.Context(), "id", nil)
		if got.err == nil || strings.Contains(got.err.Error(), "not of this machine") != refused {
			t.Errorf("%s: %v", at, got)
		}
	}
}

// A receiver at an address of IPv6 is one like any other.
func TestSender_IPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip(err)
	}
	journals(t, func(t *testing.T, j journal.Journal) {
		r := newReceiver(t)
		if l == nil {
			l, _ = net.Listen("tcp", "[::1]:0")
		}
		server := &httptest.Server{Listener: l, Config: &http.Server{Handler: r}}
		l = nil
		server.Start()
		defer server.Close()
		s := begin(t, j, nil, hookTo(t, server.URL))
		defer s.end()
		s.ready(t)
		say(t, j, "tea", "x")
		r.until("the delivery", func() bool { return slices.Equal(r.record()["tea"], []uint64{1}) })
	})
}
