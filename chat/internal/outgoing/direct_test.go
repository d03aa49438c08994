package outgoing

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// served answers each connection by f, and returns the URL.
func served(t *testing.T, f func(c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c, bufio.NewReader(c))
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// asked reads one request.
func asked(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err == nil {
		_, err = io.Copy(io.Discard, req.Body)
	}
	return err == nil
}

// What servers do, and what becomes of two requests.
func TestDirect_Answers(t *testing.T) {
	always := func(text string) func(net.Conn, *bufio.Reader) {
		return func(c net.Conn, r *bufio.Reader) {
			for asked(r) {
				_, _ = io.WriteString(c, text)
			}
		}
	}
	once := func(text string) func(net.Conn, *bufio.Reader) {
		return func(c net.Conn, r *bufio.Reader) {
			if asked(r) {
				_, _ = io.WriteString(c, text)
			}
		}
	}
	for name, s := range map[string]struct {
		server func(net.Conn, *bufio.Reader)
		want   string // of each answer; empty: an error
	}{
		"chunks":                          {always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"), "ok"},
		"until the end":                   {once("HTTP/1.0 200 OK\r\n\r\nok"), "ok"},
		"one request each":                {once(answer), "ok"}, // the connection ends while it is idle
		"interim answers":                 {always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer), "ok"},
		"interim answers without end":     {always(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100)), ""},
		"another protocol":                {always("HTTP/1.1 101 Switching Protocols\r\n\r\n"), ""},
		"a head that is just small":       {always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: " + strings.Repeat("x", 12<<10) + "\r\n\r\nok"), "ok"},
		"a head that is too long":         {always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: " + strings.Repeat("x", 17<<10) + "\r\n\r\nok"), ""},
		"an end in the middle of a body":  {once("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), ""},
		"an end before anything":          {once(""), ""},
		"an answer before all was read":   {func(c net.Conn, r *bufio.Reader) { _, _ = io.WriteString(c, answer); _, _ = r.WriteTo(io.Discard) }, "ok"},
		"an answer, and nothing was read": {func(c net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(c, answer); time.Sleep(time.Minute) }, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			client := &http.Client{Transport: direct(nil)}
			defer client.CloseIdleConnections()
			url := served(t, s.server)
			for range 2 {
				body := "asked"
				if strings.HasPrefix(name, "an answer") {
					body = strings.Repeat("x", 20<<20) // more than the kernel takes
				}
				got := ""
				res, err := client.Post(url, "text/plain", strings.NewReader(body))
				if err == nil {
					var text []byte
					text, err = io.ReadAll(res.Body)
					got = string(text)
					if res.StatusCode != 200 {
						err = errors.New(res.Status)
					}
				}
				if got != s.want && s.want != "" || (err == nil) != (s.want != "") {
					t.Fatalf("%q, %v", got, err)
				}
			}
		})
	}
}

// Who waits no longer gets the context's error, before the answer and in the middle of it, and the
// connection ends.
func TestDirect_ContextEnds(t *testing.T) {
	for name, part := range map[string]string{"before": "", "in the middle": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"} {
		t.Run(name, func(t *testing.T) {
			begun, over := make(chan struct{}), make(chan error, 1)
			url := served(t, func(c net.Conn, r *bufio.Reader) {
				asked(r)
				_, _ = io.WriteString(c, part)
				close(begun)
				_, err := r.ReadByte()
				over <- err
			})
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-begun; cancel() }()
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("asked"))
			res, err := (&http.Client{Transport: direct(nil)}).Do(req)
			if err == nil {
				_, err = io.ReadAll(res.Body)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("it ends with %v", err)
			}
			if err := <-over; err == nil {
				t.Error("the connection is still open")
			}
		})
	}
}

// Idle connections end after their time, and an answer that is closed early leaves none.
func TestDirect_IdleConnectionsEnd(t *testing.T) {
	ended := make(chan struct{}, 2)
	url := served(t, func(c net.Conn, r *bufio.Reader) {
		for asked(r) {
			_, _ = io.WriteString(c, answer)
		}
		ended <- struct{}{}
	})
	d := direct(nil)
	d.IdleTime = 20 * time.Millisecond
	client := &http.Client{Transport: d}
	if got, err := post(client, url); err != nil || got != "ok" {
		t.Fatalf("%q, %v", got, err)
	}
	<-ended
	res, err := client.Post(url, "text/plain", strings.NewReader("asked"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	<-ended
}

// Many at once each get their own answer.
func TestDirect_ManyAtOnce(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		_, _ = w.Write(text)
	}))
	defer srv.Close()
	client := &http.Client{Transport: direct(nil)}
	defer client.CloseIdleConnections()
	failed := make(chan error, 8)
	for i := range cap(failed) {
		go func() {
			text := strings.Repeat(string(rune('a'+i)), 5000)
			for range 50 {
				res, err := client.Post(srv.URL, "text/plain", strings.NewReader(text))
				if err == nil {
					var got []byte
					if got, err = io.ReadAll(res.Body); string(got) != text {
						err = errors.Join(err, errors.New("another answer"))
					}
				}
				if err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}
