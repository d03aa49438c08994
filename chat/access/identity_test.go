package access

import (
	"net/http"
	"testing"
)

// What a client shows is a token, or nothing. A header that is neither does not count as
// nothing: its client would become a guest.
func TestHandshakeToken(t *testing.T) {
	for _, c := range []struct {
		headers     []string
		query, want string
	}{
		{nil, "", ""},
		{nil, "token=q", "q"},
		{nil, "token=", "Bearer"},
		{nil, "token", "Bearer"},
		{[]string{"Basic Zm9v"}, "", ""},
		{[]string{"Basic Zm9v"}, "token=q", "q"},
		{[]string{"Bearer t"}, "token=q", "t"},
		{[]string{"bEARER   t "}, "", "t"},
		{[]string{"Bearer\tt"}, "", "t"},
		{[]string{"Bearer"}, "token=q", "Bearer"},
		{[]string{"Bearer "}, "", "Bearer"},
		{[]string{"Bearer, t"}, "", "Bearer, t"},
		{[]string{"BearerX"}, "", "BearerX"},
		{[]string{"Basic Zm9v", "Bearer t"}, "", "Basic Zm9v, Bearer t"},
		{[]string{"Bearer t", "Bearer u"}, "", "Bearer t, Bearer u"},
	} {
		r, err := http.NewRequest(http.MethodGet, "/chat?"+c.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Authorization"] = c.headers
		if got := HandshakeToken(r); got != c.want {
			t.Errorf("%q, %s: %q, want %q", c.headers, c.query, got, c.want)
		}
	}
}
