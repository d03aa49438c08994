package credentials

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
)

// A credential is known until it is refused, or many others have come since; and no more than
// that are kept.
func TestCredentials_Knows(t *testing.T) {
	var c Credentials
	token := func(s string) access.Credential { return access.Credential{Token: s} }
	cookie := access.Credential{Request: &http.Request{Header: http.Header{"Cookie": {"a=b"}}}}
	nobody := access.Credential{Request: &http.Request{}}
	for _, shown := range []access.Credential{token("a"), cookie, nobody, {}} {
		if c.Knows(shown) {
			t.Errorf("%+v is known before", shown)
		}
		c.Note(shown, true)
	}
	if !c.Knows(token("a")) || !c.Knows(cookie) || c.Knows(token("b")) || c.Knows(nobody) || c.Knows(access.Credential{}) {
		t.Error("not those are known that were shown")
	}
	c.Note(cookie, false)
	if c.Knows(cookie) {
		t.Error("what was refused is known")
	}
	for i := range 3 * maxLately {
		c.Note(token(strconv.Itoa(i)), true)
		if n := len(c.known.lately) + len(c.known.before); n > 2*maxLately {
			t.Fatalf("%d are kept", n)
		}
		if i == maxLately/2 && !c.Knows(token("a")) {
			t.Error("forgotten too soon")
		}
	}
	if c.Knows(token("a")) {
		t.Error("known for ever")
	}
}
