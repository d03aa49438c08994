package chat_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// overHTTP makes all requests those for the messages of the room tea, from the address in
// the header From.
func overHTTP(h http.Handler) http.Handler {
	handler := h.(*chat.Handler)
	handler.ClientIP = func(r *http.Request) netip.Addr { return netip.MustParseAddr(r.Header.Get("From")) }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeMessages(w, r, "tea") })
}

// rawRequest opens a connection and sends the beginning of a request, whose body would
// have so many bytes.
func (b *bubble) rawRequest(from, method string, length int, begin string) (net.Conn, *bufio.Reader) {
	b.t.Helper()
	server, client := net.Pipe()
	b.accept <- server
	b.ask(client, from, method, length, begin)
	return client, bufio.NewReader(client)
}

func (b *bubble) ask(on net.Conn, from, method string, length int, begin string) {
	b.t.Helper()
	_, err := fmt.Fprintf(on, "%s / HTTP/1.1\r\nHost: chat\r\nFrom: %s\r\nAuthorization: Bearer bo\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, from, length, begin)
	if err != nil {
		b.t.Fatal(err)
	}
}

// status reads an answer and returns its status; 0 if there is none.
func status(r *bufio.Reader) int {
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0
	}
	return res.StatusCode
}

const aMessage = `{"body":"hi"}`

// A client that does not send its body, or does not take its answer, has ten seconds. One
// that does both may be silent between two requests, and wait for its answer.
func TestHTTP_SlowClients_LoseTheirConnections(t *testing.T) {
	inBubbleWith(t, chat.Settings{MaxText: 1 << 20}, tokens{}, overHTTP, func(t *testing.T, b *bubble) {
		long := `{"body":"` + strings.Repeat("x", 60<<10) + `"}`
		_, r := b.rawRequest("192.0.2.1", "POST", len(long), long)
		if got := status(r); got != 201 {
			t.Fatalf("a message got %d", got)
		}

		began := time.Now()
		for name, begin := range map[string]string{"of a part": aMessage[:3], "of nothing": ""} {
			c, r := b.rawRequest("192.0.2.1", "POST", len(aMessage), begin)
			if got, took := status(r), time.Since(began); got != 400 || took != 10*time.Second {
				t.Errorf("a body %s got %d after %v", name, got, took)
			}
			if _, err := r.ReadByte(); err == nil {
				t.Errorf("a body %s: the connection goes on", name)
			}
			c.Close()
			began = time.Now()
		}

		c, r := b.rawRequest("192.0.2.1", "GET", 0, "")
		time.Sleep(11 * time.Second)
		if got := status(r); got != 0 {
			t.Errorf("a client that has read nothing for 11 s got %d", got)
		}
		c.Close()

		c, r = b.rawRequest("192.0.2.1", "GET", 0, "")
		slow := bufio.NewReader(&slowReader{r, 4 << 10, time.Second})
		for range 3 {
			if got := status(slow); got != 200 {
				t.Errorf("a slow client got %d", got)
			}
			time.Sleep(time.Hour)
			b.ask(c, "192.0.2.1", "GET", 0, "")
		}
		c.Close()
	})
}

// slowReader reads at most n bytes in each interval.
type slowReader struct {
	from     io.Reader
	n        int
	interval time.Duration
}

func (s *slowReader) Read(p []byte) (int, error) {
	time.Sleep(s.interval)
	return s.from.Read(p[:min(len(p), s.n)])
}

// What requests hold is bounded. An address that sends many bodies slowly is refused
// itself, and so are 600 addresses of one network; others are served, and told the truth. When
// their time is over, all of it is free again.
func TestHTTP_ManySlowRequests_LeaveRoomForOthers(t *testing.T) {
	for name, flood := range map[string]struct {
		requests  int
		from      func(i int) string
		neighbour string
		whose     string
		holds     int
	}{
		"one address":           {30, func(int) string { return "192.0.2.1" }, "192.0.2.2", "from this address", 16},
		"addresses of one /48":  {600, func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) }, "", "from this network", 25},
		"addresses of one /24":  {200, func(i int) string { return fmt.Sprintf("192.0.2.%d", 1+i) }, "", "from this network", 25},
		"addresses of many /64": {30, func(i int) string { return fmt.Sprintf("2001:db8:1:1::%x", i) }, "2001:db8:1:2::1", "from this address", 16},
	} {
		t.Run(name, func(t *testing.T) {
			set := chat.Settings{MaxOutboxes: 4 << 20, Keys: []access.Key{newKey(t, "shop", func(k *access.Key) { k.Write = []string{"*"} })}}
			inBubbleWith(t, set, tokens{}, overHTTP, func(t *testing.T, b *bubble) {
				slow := func() (refused, late int) {
					answers := make(chan int, flood.requests)
					for i := range flood.requests {
						c, r := b.rawRequest(flood.from(i), "POST", len(aMessage), "")
						defer c.Close()
						go func() { answers <- status(r) }()
						synctest.Wait()
					}
					for _, other := range []string{"198.51.100.2", "2001:db8:2::1", flood.neighbour} {
						if other == "" {
							continue
						}
						c, r := b.rawRequest(other, "POST", len(aMessage), aMessage)
						if got := status(r); got != 201 && got != 200 {
							t.Errorf("somebody at %s got %d", other, got)
						}
						c.Close()
					}
					w, r := httptest.NewRecorder(), newRequest("POST", keyOf("shop"), aMessage)
					r.Header.Set("From", "203.0.113.5")
					if b.handler.ServeMessages(w, r, "tea"); w.Code != 201 && w.Code != 200 {
						t.Errorf("a key got %d", w.Code)
					}
					c, answer := b.rawRequest(flood.from(0), "POST", len(aMessage), aMessage)
					defer c.Close()
					if says := told(answer); !strings.Contains(says, "too many requests are under way "+flood.whose+`"`) {
						t.Errorf("it is told %s", says)
					}
					for range cap(answers) {
						switch <-answers {
						case 503:
							refused++
						case 400:
							late++
						}
					}
					return refused, late
				}
				for range 2 {
					if refused, late := slow(); refused != flood.requests-flood.holds || late != flood.holds {
						t.Errorf("%d were refused, %d did not arrive in time", refused, late)
					}
				}
			})
		})
	}
}

// told reads an answer and returns its body.
func told(r *bufio.Reader) string {
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
