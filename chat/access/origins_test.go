package access_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
)

func TestOrigins_Allow(t *testing.T) {
	patterns := access.Origins{"https://*.example.com", "http://[::1]:8080"}
	for _, c := range []struct {
		origins access.Origins
		origin  string // "" sends none
		want    bool
	}{
		{nil, "", true},
		{nil, "https://chat.test", true},
		{nil, "https://chat.test:444", false},
		{nil, "https://evil.test", false},
		{nil, "null", false},
		{nil, "https://servicewechat.com", true},
		{nil, "weapp://wechat-game-runtime", true},
		{patterns, "", true},
		{patterns, "https://a.example.com", true},
		{patterns, "https://A.Example.com", true},
		{patterns, "https://example.com", false},
		{patterns, "https://a.example.com.evil.test", false},
		{patterns, "https://evil.test/.example.com", false},
		{patterns, "http://[::1]:8080", true},
		{patterns, "https://chat.test", true}, // a list adds to those that are always let in
		{patterns, "https://servicewechat.com", true},
		{patterns, "https://chat.test:444", false},
		{patterns, "null", false},
		{nil, "https://chat.test:443", true},
		{nil, "http://chat.test:443", false},
		{access.Origins{"https://x.org:443", "http://y.org:80"}, "https://x.org", true},
		{access.Origins{"https://x.org:443", "http://y.org:80"}, "http://y.org", true},
		{access.Origins{"https://x.org:443", "http://y.org:80"}, "http://x.org", false},
		{access.Origins{"https://x.org"}, "https://x.org:443", true},
		{access.Origins{"https://x.org"}, "https://x.org:8443", false},
		{patterns, "https://a.b.example.com", true},
		{patterns, "https://aexample.com", false},
		{access.Origins{"https://d*.shop.test"}, "https://dx.shop.test", true},
		{access.Origins{"https://d*.shop.test"}, "https://d.shop.test", true},
		{access.Origins{"https://d*.shop.test"}, "https://dx.evil.shop.test", false},
		{access.Origins{"https://d*.shop.test"}, "https://d/.shop.test", false},
		{access.Origins{"https://a.*.shop.test"}, "https://a.b.shop.test", true},
		{access.Origins{"https://a.*.shop.test"}, "https://a.b.c.shop.test", false},
		{access.Origins{"https://*.d*.shop.test"}, "https://a.b.d1.shop.test", true},
		{access.Origins{"https://*.d*.shop.test"}, "https://d1.shop.test", false},
		{access.Origins{"https://*.shop.test:8443"}, "https://a.shop.test:8443", true},
		{access.Origins{"https://*.shop.test:8443"}, "https://a.shop.test", false},
		{access.Origins{"http://localhost:*"}, "http://localhost:3000", true},
		{access.Origins{"http://localhost:*"}, "http://localhost.evil.test:3000", false},
		{access.Origins{"*"}, "https://evil.test", true},
		{access.Origins{"*"}, "https://" + strings.Repeat("x", 1000), true},
		{access.Origins{"*"}, "https://" + strings.Repeat("x", 1<<10), false},
	} {
		r := httptest.NewRequest("GET", "https://chat.test/chat", nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := c.origins.Allow(r); got != c.want {
			t.Errorf("%v, Origin %q: allowed is %v", c.origins, c.origin, got)
		}
	}
}

func TestOrigins_Validate_NamesThePattern(t *testing.T) {
	for _, bad := range []string{"example.com", "https://", "://x", "https://a/b", "", "*://a.example", "h*://a.example", "https://a:8*", "https://[*]"} {
		if err := (access.Origins{bad}).Validate(); err == nil || !strings.Contains(err.Error(), "is not of the form") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := (access.Origins{"https://*.example.com", "*", "http://[::1]:80", "http://*.localhost:*", "https://*.example"}).Validate(); err != nil {
		t.Error(err)
	}
	for _, twice := range []access.Origins{{"*", "*"}, {"https://a.test", "http://b.test", "https://A.test:443"}} {
		if err := twice.Validate(); err == nil || !strings.Contains(err.Error(), "stands twice") {
			t.Errorf("%q: %v", twice, err)
		}
	}
}

// Only the pattern * alone is for every site, and gives none of them the visitors' cookies.
func TestOrigins_Validate_RefusesSitesOfAnybody(t *testing.T) {
	for _, bad := range []string{
		"https://*", "https://*:8443", "https://*:*", "https://*.com", "https://*.COM:443", "https://*.com.", "https://d*.com", "https://a.*.com", "https://*.*.com", "https://*.co.uk",
		"https://*.github.io", "https://a-*.github.io", "https://a*", "https://a.*", "https://*.", "http://192.168.1.*", "chrome-extension://*",
	} {
		if err := (access.Origins{bad}).Validate(); err == nil || !strings.Contains(err.Error(), "would let in sites of anybody") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A page that a pattern lists gets answers to requests with cookies, also if * stands beside it.
func TestOrigins_Share_GivesCookiesToListedPagesOnly(t *testing.T) {
	origins := access.Origins{"*", "https://*.shop.test"}
	for origin, want := range map[string][2]string{
		"https://a.shop.test": {"https://a.shop.test", "true"},
		"https://evil.test":   {"*", ""},
	} {
		r, answer := httptest.NewRequest("GET", "https://chat.test/chat", nil), http.Header{}
		r.Header.Set("Origin", origin)
		origins.Share(answer, r)
		if got := [2]string{answer.Get("Access-Control-Allow-Origin"), answer.Get("Access-Control-Allow-Credentials")}; got != want {
			t.Errorf("%s: %q", origin, got)
		}
	}
}
