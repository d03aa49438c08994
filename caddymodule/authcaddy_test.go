package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// A text beside a placeholder is no user: whoever has no value is asked for another way in, and
// does not become the user whom all others without a value are, too.
func TestAuth_Caddy_EmptyPlaceholder_IsNoUser(t *testing.T) {
	s := testcaddy.Start(t, `chat /one {
		auth caddy {
			id u-{header.X-User}
		}
		auth guest
	}
	chat /two {
		hub two
		auth caddy {
			id \{{header.X-Org}\}--{header.X-User}@site
		}
		auth guest
	}`)
	one, two := "ws://"+s.Plain+"/one", "ws://"+s.Plain+"/two"
	testcaddy.Hears(t, s.V1(one, http.Header{"X-User": {"ann"}}, ``), `"user":{"id":"u-ann"`)
	testcaddy.Hears(t, s.V1(two, http.Header{"X-Org": {"a"}, "X-User": {"ann"}}, ``), `"user":{"id":"{a}--ann@site"`)
	for _, header := range []http.Header{nil, {"X-User": {""}}, {"X-User": {""}, "X-Org": {"a"}}, {"X-Org": {"a"}}} {
		testcaddy.Hears(t, s.V1(one, header, ``), `"user":{"id":"guest-`)
		testcaddy.Hears(t, s.V1(two, header, ``), `"user":{"id":"guest-`)
	}
	testcaddy.Hears(t, s.V1(two, http.Header{"X-User": {"ann"}}, ``), `"user":{"id":"guest-`)
}

// Two users with different values never have one id.
func TestAuth_Caddy_SeveralPlaceholders_AreTold(t *testing.T) {
	s := testcaddy.Start(t, `chat {
		auth caddy {
			id {header.X-Org}--{header.X-User}
		}
	}`)
	url := "ws://" + s.Plain + "/chat"
	hello := func(org, user string) string {
		return testcaddy.Hears(t, s.V1(url, http.Header{"X-Org": {org}, "X-User": {user}}, ``), `"type":`)
	}
	for _, user := range [][3]string{{"a", "-b", "a---b"}, {"a", "b--c", "a--b--c"}, {"a-b", "c", "a-b--c"}} {
		if frame := hello(user[0], user[1]); !strings.Contains(frame, `"user":{"id":"`+user[2]+`"`) {
			t.Errorf("%q: %s", user, frame)
		}
	}
	for _, user := range [][2]string{{"a-", "b"}, {"a--b", "c"}, {"--", "b"}} {
		if frame := hello(user[0], user[1]); !strings.Contains(frame, `"bad_token"`) || !strings.Contains(frame, "stands between the parts") {
			t.Errorf("%q: %s", user, frame)
		}
	}
}
