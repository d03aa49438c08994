package outgoing

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// server is one that speaks unasked.
type server struct {
	url    string
	ended  chan struct{} // a connection has ended
	before string        // sent when a connection comes
	empty  bool          // the answers have no body
	behind string        // sent with an answer
	idle   string        // sent a moment after an answer
	conns  chan struct{}
}

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func (s *server) start(t *testing.T, config *tls.Config) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + l.Addr().String()
	if config != nil {
		l, s.url = tls.NewListener(l, config), "https://"+l.Addr().String()
	}
	s.ended, s.conns = make(chan struct{}, 100), make(chan struct{}, 100)
	var serving sync.WaitGroup
	t.Cleanup(func() { l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conns <- struct{}{}
			serving.Go(func() {
				defer func() { s.ended <- struct{}{} }()
				defer c.Close()
				_, _ = io.WriteString(c, s.before)
				r := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					said := answer
					if s.empty {
						said = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
					}
					_, _ = io.WriteString(c, said+s.behind)
					if s.idle != "" {
						time.Sleep(5 * time.Millisecond) // the answer is read meanwhile
						_, _ = io.WriteString(c, s.idle)
					}
				}
			})
		}
	})
}

// post sends a request as often as a connection that has just ended makes that necessary.
func post(client *http.Client, url string) (string, error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("asked"))
	if err != nil {
		return "", err
	}
	req.Header["Idempotency-Key"] = nil // it may be sent again
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// What a server says unasked is in no log, is no answer to the next request, and ends the
// connection.
func TestTransport_SpokenToUnasked_LogsNothing(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	defer zap.RedirectStdLog(zap.New(core))()
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	roots := certificate.Client().Transport.(*http.Transport).TLSClientConfig
	for _, config := range []*tls.Config{nil, {Certificates: certificate.TLS.Certificates}} {
		for name, s := range map[string]*server{
			"behind an answer": {behind: "stranger"},
			"behind a head":    {behind: "stranger\r\n", empty: true},
			"another answer":   {behind: strings.Replace(answer, "ok", "no", 1)},
			"while idle":       {idle: "stranger"},
			"an answer, idle":  {idle: strings.Replace(answer, "ok", "no", 1)},
		} {
			t.Run(fmt.Sprint(name, config != nil), func(t *testing.T) {
				s.start(t, config)
				client := &http.Client{Transport: New(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots.RootCAs}})}
				defer client.CloseIdleConnections()
				for range 20 {
					got, err := post(client, s.url)
					if want := map[bool]string{false: "ok"}[s.empty]; err != nil || got != want {
						t.Fatalf("%q, %v", got, err)
					}
					if s.idle != "" {
						<-s.ended
					}
				}
				if len(s.conns) != 20 {
					t.Errorf("%d connections for 20 requests", len(s.conns))
				}
			})
		}
		t.Run(fmt.Sprint("before it is asked", config != nil), func(t *testing.T) {
			s := &server{before: "stranger\r\n\r\n"}
			s.start(t, config)
			client := &http.Client{Transport: New(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots.RootCAs}})}
			defer client.CloseIdleConnections()
			for range 100 {
				if got, err := post(client, s.url); err == nil {
					t.Fatalf("%q is an answer", got)
				}
			}
		})
	}
	for _, e := range logged.All() {
		t.Errorf("the log has %s", e.Message)
	}
}

// A server that is well-behaved is asked on one connection.
func TestTransport_UsesConnectionsAgain(t *testing.T) {
	s := &server{}
	s.start(t, nil)
	client := &http.Client{Transport: New(new(http.Transport))}
	defer client.CloseIdleConnections()
	for range 100 {
		if got, err := post(client, s.url); err != nil || got != "ok" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if len(s.conns) != 1 {
		t.Errorf("%d connections", len(s.conns))
	}
}

// BenchmarkTransport compares it with net/http's own.
func BenchmarkTransport(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"verdict":"pass"}`)
	}))
	defer srv.Close()
	for name, via := range map[string]http.RoundTripper{"own": New(new(http.Transport)), "http": new(http.Transport)} {
		b.Run(name, func(b *testing.B) {
			client := &http.Client{Transport: via}
			for b.Loop() {
				if _, err := post(client, srv.URL); err != nil {
					b.Fatal(err)
				}
			}
			client.CloseIdleConnections()
		})
	}
}
