package chat_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// verifier counts how often it is asked. Tokens that begin with forged are bad.
type verifier struct {
	tokens
	asked *atomic.Int64
}

func (v verifier) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	v.asked.Add(1)
	if strings.HasPrefix(c.Token, "forged") {
		c.Token = "bad"
	}
	return v.tokens.Authenticate(ctx, c)
}

// What a stranger shows over HTTP is not even verified beyond the rate of its address, since a
// signature may take milliseconds of a processor. A user whose token was good before is not
// refused for that, and however many users come costs their address nothing.
func TestVerified_ForgedTokens_AreChargedBefore(t *testing.T) {
	asked := new(atomic.Int64)
	const path = "/rooms/tea/messages"
	inBubble(t, chat.Settings{ConnectRate: few(0.001, 3)}, verifier{asked: asked}, func(t *testing.T, b *bubble) {
		get := func(token string) int {
			code, _ := b.from("192.0.2.1:1", token, "GET", path, "")
			return code
		}
		for i := range 10 {
			if code := get("user-" + strconv.Itoa(i)); code != http.StatusOK {
				t.Fatalf("user %d: %d", i, code)
			}
		}
		asked.Store(0)
		for i := range 100 {
			if code := get("forged-" + strconv.Itoa(i)); (code == tooMany) != (i >= 3) {
				t.Errorf("forged token %d: %d", i, code)
			}
		}
		if n := asked.Load(); n != 3 {
			t.Errorf("%d forged tokens were verified, want 3", n)
		}
		for i := range 10 {
			if code := get("user-" + strconv.Itoa(i)); code != http.StatusOK {
				t.Errorf("user %d, behind the address of forged tokens: %d", i, code)
			}
		}
		if code := get("user-new"); code != tooMany {
			t.Errorf("a new user: %d", code)
		}
		if code, _ := b.from("192.0.2.2:1", "user-new", "GET", path, ""); code != http.StatusOK {
			t.Errorf("a new user elsewhere: %d", code)
		}
	})
}

// The requests of a user that come too fast are not verified beyond the rate of the address
// either.
func TestVerified_RequestsTooFast_AreChargedBefore(t *testing.T) {
	asked := new(atomic.Int64)
	set := chat.Settings{ConnectRate: few(0.001, 3), UserRate: few(0.001, 5)}
	inBubble(t, set, verifier{asked: asked}, func(t *testing.T, b *bubble) {
		for range 100 {
			b.from("192.0.2.1:1", "ann", "GET", "/rooms/tea/messages", "")
		}
		if n := asked.Load(); n != 5+1+3 {
			t.Errorf("%d requests were verified, want 9", n)
		}
	})
}

// A fresh token of a session counts like a handshake of its address.
func TestVerified_Renew_CountsAsAHandshake(t *testing.T) {
	asked := new(atomic.Int64)
	inBubble(t, chat.Settings{ConnectRate: few(0.001, 3)}, verifier{asked: asked}, func(t *testing.T, b *bubble) {
		c := b.connect()
		c.hello(`,"token":"ann"`)
		asked.Store(0)
		for i := range 10 {
			c.send(`{"type":"renew","id":"` + strconv.Itoa(i) + `","token":"ann"}`)
			want := "ok"
			if i >= 2 {
				want = "error"
			}
			if got := c.until(want); want == "error" && !strings.Contains(got, `"too_fast"`) {
				t.Errorf("renewal %d: %s", i, got)
			}
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("%d tokens were verified, want 2", n)
		}
	})
}
