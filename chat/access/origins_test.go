package access_test

import (
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
	for _, bad := range []string{"example.com", "https://", "://x", "https://a/b", ""} {
		if err := (access.Origins{bad}).Validate(); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if err := (access.Origins{"https://*.example.com", "*", "http://[::1]:80"}).Validate(); err != nil {
		t.Error(err)
	}
}
