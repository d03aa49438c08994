package webhook

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// silent is a receiver that never answers.
type silent struct{}

func (silent) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// A receiver has the time that docs/webhooks.md says, which is less than a lease lasts.
func TestSender_SilentReceiver_HasTenSeconds(t *testing.T) {
	text, err := os.ReadFile("../../docs/webhooks.md")
	if want := fmt.Sprintf("within %d seconds", requestTime/time.Second); err != nil || !strings.Contains(string(text), want) {
		t.Errorf("docs/webhooks.md does not say %q (%v)", want, err)
	}
	if renewTime+requestTime >= leaseTime {
		t.Error("a request may last longer than the lease")
	}
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		s.via = func(*Hook) http.RoundTripper { return silent{} }
		s.Configure([]Hook{hookTo(t, "https://example.com/")})
		synctest.Wait()
		say(t, j, "tea", "1")
		time.Sleep(requestTime - time.Millisecond)
		synctest.Wait()
		if st := s.Status()[0]; st.Parts[0].Failing != "" || st.Requests != 1 {
			t.Errorf("before the time is over: %+v", st)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if st := s.Status()[0]; st.Parts[0].Failing != "no answer within 10s" || st.Retried != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// Of an answer's body next to nothing is read, whatever is said of its length: the status has
// come, and is all that counts.
func TestClient_BodyOfAnAnswer_IsNotWaitedFor(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	chunk := strings.Repeat("x", 64<<10)
	for name, c := range map[string]struct{ head, more string }{
		"none comes":     {head + "Content-Length: 10\r\n\r\n", ""},
		"without end":    {head + "Transfer-Encoding: chunked\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n", len(chunk), chunk)},
		"until the end":  {head + "Connection: close\r\n\r\n", chunk},
		"for a long way": {head + fmt.Sprintf("Content-Length: %d\r\n\r\n", int64(1)<<40), chunk},
	} {
		t.Run(name, func(t *testing.T) {
			var written atomic.Int64
			gone := make(chan struct{})
			url := stranger(t, func(conn net.Conn) {
				defer close(gone)
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				_, err := io.WriteString(conn, c.head)
				for err == nil && c.more != "" {
					var n int
					n, err = io.WriteString(conn, c.more)
					written.Add(int64(n))
				}
				_, _ = io.Copy(io.Discard, conn) // until the client goes
			})
			h := hookTo(t, url)
			client := newClient(&h, newTransport(&h))
			began := time.Now()
			if got := client.post(t.Context(), "id", nil); !got.accepted() {
				t.Errorf("%v", got)
			}
			if took := time.Since(began); took > requestTime/2 {
				t.Errorf("it took %v", took)
			}
			client.close()
			<-gone
			if n := written.Load(); n > 8<<20 { // what the system keeps for the two ends is much less
				t.Errorf("%d MiB were read", n>>20)
			}
		})
	}
}

// A connection that the receiver ends when the next request comes, as one does that has waited
// for long enough, is no failure: the request goes out over another one.
func TestClient_ConnectionThatJustEnds_IsNoFailure(t *testing.T) {
	url := stranger(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		_, _ = http.ReadRequest(in) // of which nothing is answered
	})
	h := hookTo(t, url)
	client := newClient(&h, newTransport(&h))
	defer client.close()
	for i := range 5 {
		if got := client.post(t.Context(), "id", []byte("{}")); !got.accepted() {
			t.Errorf("request %d: %v", i, got)
		}
	}
}
