package chat_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// countedBody is a body that counts what is read of it.
type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// endless is a chunk that is sent until the server has had enough.
const endless = "endless"

// Bodies of any size, on each request: one above the limit is refused, and not read beyond it,
// whatever it says of its length; one of that size is read. What has no body reads none.
func TestRoutes_BodiesOfAnySize(t *testing.T) {
	every := []string{"*"}
	for name, open := range journals {
		t.Run(name, func(t *testing.T) {
			h := &chat.Handler{Auth: tokens{}}
			set := chat.Settings{KeyRate: access.Rate{PerSecond: 1e6, Burst: 1e6}, ConnectRate: access.Rate{PerSecond: 1e6, Burst: 1e6},
				Policies: access.Policies{{Pattern: "g-*", Read: subject(t, "members"), Write: subject(t, "members"), Create: subject(t, "users")}},
				Keys: access.Keys{newKey(t, "k", func(k *access.Key) {
					k.Read, k.Write, k.Moderate, k.Members, k.As, k.Users, k.Feed = every, every, every, every, every, true, true
				})}}
			serve(t, chat.Config{Settings: set, Journal: open(t)}, h)
			var read atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r = r.WithContext(r.Context()) // a copy: for a body of a type that it does not know, the server waits
				r.Body = countedBody{r.Body, &read}
				h.ServeRequest(w, r, r.URL.EscapedPath())
			}))
			defer srv.Close()
			ask := func(method, path, length, body string) (int, string) {
				t.Helper()
				read.Store(0)
				c, err := net.Dial("tcp", srv.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", method, path, keyOf("k"), length)
				go func() {
					_, err := io.WriteString(c, strings.TrimPrefix(body, endless))
					for err == nil && strings.HasPrefix(body, endless) {
						_, err = io.WriteString(c, "1000\r\n"+strings.Repeat(" ", 0x1000)+"\r\n")
					}
				}()
				res, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Errorf("%s %s: no answer: %v", method, path, err)
					return 0, ""
				}
				defer res.Body.Close()
				var problem struct{ Code string }
				_ = json.NewDecoder(res.Body).Decode(&problem) // there may be none
				return res.StatusCode, problem.Code
			}
			chunked := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }
			const limit, inChunks = 64 << 10, "Transfer-Encoding: chunked"
			for _, row := range slices.Sorted(maps.Keys(walked)) {
				method, _, _ := strings.Cut(row, " ")
				method = strings.ToUpper(method)
				path, limit := walked[row].path, limit
				if row == "post /messages" {
					limit *= 16
				}
				path, query, _ := strings.Cut(path, "?")
				if path += "?" + query; hasAs(row) {
					path += "&as=u1"
				}
				if method == "GET" || method == "DELETE" {
					for _, body := range []string{"Content-Length: 4\r\n\r\nnull", inChunks + "\r\n\r\n4\r\nnull\r\n0"} {
						if status, code := ask(method, path, body, ""); status == 413 || status >= 500 || read.Load() > 0 {
							t.Errorf("%s with a body: %d %s, %d bytes were read", row, status, code, read.Load())
						}
					}
					continue
				}
				for what, c := range map[string]struct {
					length, body string
					large        bool
					most         int
				}{
					"a terabyte is declared": {"Content-Length: 1099511627776", "", true, 0},
					"one more is declared":   {fmt.Sprint("Content-Length: ", limit+1), strings.Repeat(" ", limit+1), true, 0},
					"without end":            {inChunks, endless, true, limit + 1},
					"one more in chunks":     {inChunks, chunked(walked[row].body + strings.Repeat(" ", limit+1-len(walked[row].body))), true, limit + 1},
					"the limit in chunks":    {inChunks, chunked(walked[row].body + strings.Repeat(" ", limit-len(walked[row].body))), false, limit},
					"the limit":              {fmt.Sprint("Content-Length: ", limit), walked[row].body + strings.Repeat(" ", limit-len(walked[row].body)), false, limit},
				} {
					status, code := ask(method, path, c.length, c.body)
					if (status == 413) != c.large || c.large && code != "too_large" || status >= 500 || status == 429 {
						t.Errorf("%s, %s: %d %s", row, what, status, code)
					}
					if n := read.Load(); n > int64(c.most) {
						t.Errorf("%s, %s: %d bytes were read", row, what, n)
					}
				}
				for _, body := range []string{"Content-Length: 0\r\n\r\n", inChunks + "\r\n\r\n0"} {
					if status, code := ask(method, path, body, ""); (status != 400 || code != "bad_frame") && code != "forbidden" {
						t.Errorf("%s without a body: %d %s", row, status, code)
					}
				}
			}
		})
	}
}
