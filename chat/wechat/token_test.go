package wechat

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A token is kept for nine tenths of its time and for an hour at most, also where a time.Duration
// cannot hold what WeChat says.
func TestTokens_AreKept(t *testing.T) {
	for life, want := range map[string]time.Duration{"1000": 900 * time.Second, "7200": time.Hour, "9223372037": time.Hour, "1e300": time.Hour} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			fmt.Fprintf(w, `{"access_token":"t","expires_in":%s}`, life)
		}))
		ts, began := newTokens(s.URL, "wx01", "Secret"), time.Now()
		for range 2 {
			if text, err := ts.get(t.Context()); err != nil || text != "t" {
				t.Errorf("%s: %q, %v", life, text, err)
			}
		}
		kept := <-ts.newest
		if d := kept.ends.Sub(began); asked != 1 || d < want || d > want+time.Minute {
			t.Errorf("%s: asked %d times, and kept for %v, want %v", life, asked, d, want)
		}
		s.Close()
	}
}
