package identity_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// authenticate passes a token to a.
func authenticate(a access.Authenticator, token string) (*access.Identity, error) {
	return a.Authenticate(context.Background(), credential(token))
}

func credential(token string) access.Credential { return access.Credential{Token: token} }

// checkRefused fails unless err tells the client this code.
func checkRefused(t *testing.T, what string, err error, code wire.Code) {
	t.Helper()
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

func TestGuest_WithItsToken_IsTheSameGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := new(identity.MemorySecrets)
		g := identity.NewGuest(secrets, 0)
		first, err := authenticate(g, "")
		if err != nil {
			t.Fatal(err)
		}
		other, err := authenticate(g, "")
		if err != nil {
			t.Fatal(err)
		}
		if !first.User.Guest || first.Settled || !strings.HasPrefix(first.User.ID, "guest-") || first.User.ID == other.User.ID || !first.Expires.IsZero() {
			t.Errorf("%+v and %+v", first, other)
		}
		token := first.Token
		for range 10 { // every visit gives a token for 90 more days, while the key rotates several times
			time.Sleep(60 * 24 * time.Hour)
			elsewhere := identity.NewGuest(secrets, 0) // another instance that shares the secrets
			again, err := authenticate(elsewhere, token)
			if err != nil {
				t.Fatal(err)
			}
			if again.User != first.User || again.Token == token {
				t.Fatalf("%+v came back as %+v", first, again)
			}
			token = again.Token
		}
		time.Sleep(91 * 24 * time.Hour)
		_, err = authenticate(g, token)
		checkRefused(t, "an old token", err, wire.Expired)
	})
}

func TestGuest_RefusesOtherTokens(t *testing.T) {
	g := identity.NewGuest(new(identity.MemorySecrets), 0)
	id, err := authenticate(g, "")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := authenticate(identity.NewGuest(new(identity.MemorySecrets), 0), "")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(id.Token, ".")
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for what, token := range map[string]string{
		"another server's":  foreign.Token,
		"alg none":          header(`{"alg":"none","typ":"chat-guest+jwt"}`) + "." + parts[1] + ".",
		"another signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", 43),
		"another user":      parts[0] + "." + header(`{"sub":"guest-x","exp":99999999999}`) + "." + parts[2],
		"a kid of a path":   header(`{"alg":"HS256","typ":"chat-guest+jwt","kid":"../../dev/null"}`) + "." + parts[1] + "." + parts[2],
	} {
		_, err := authenticate(g, token)
		checkRefused(t, what, err, wire.BadToken)
	}
	for what, token := range map[string]string{
		"no JWT":      "x",
		"another typ": header(`{"alg":"HS256","typ":"JWT"}`) + "." + parts[1] + "." + parts[2],
		"huge":        strings.Repeat("x", 1<<20) + ".x.x",
	} {
		if _, err := authenticate(g, token); !errors.Is(err, access.ErrNoCredential) {
			t.Errorf("%s: %v", what, err)
		}
		_, err := authenticate(identity.First{g}, token)
		checkRefused(t, what+" in a list", err, wire.BadToken) // and not a new guest
	}
}

// brokenSecrets always fail.
type brokenSecrets struct{}

func (brokenSecrets) Update(context.Context, string, func([]byte) ([]byte, error)) ([]byte, error) {
	return nil, errors.New("the storage is offline")
}

func TestGuest_WithoutSecrets_IsUnavailable(t *testing.T) {
	g := identity.NewGuest(brokenSecrets{}, 0)
	if err := g.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "the storage is offline") || !strings.Contains(err.Error(), `"guest"`) {
		t.Errorf("start: %v", err)
	}
	_, err := authenticate(g, "")
	checkRefused(t, "a guest", err, wire.Unavailable)
}

func TestFirst_TheFirstThatHandlesTheTokenDecides(t *testing.T) {
	site := identity.JWT{Keys: []identity.Key{mustSecret(t, siteSecret)}}
	list := identity.First{&site, identity.NewGuest(new(identity.MemorySecrets), 0)}
	guest, err := authenticate(list, "")
	if err != nil || !guest.User.Guest {
		t.Fatalf("%+v, %v", guest, err)
	}
	back, err := authenticate(list, guest.Token)
	if err != nil || back.User != guest.User {
		t.Errorf("%+v, %v", back, err)
	}
	user, err := authenticate(list, sign(t, claims{"sub": "ann"}))
	if err != nil || user.User.ID != "ann" || user.User.Guest {
		t.Errorf("%+v, %v", user, err)
	}
	_, err = authenticate(list, sign(t, claims{"sub": "ann", "exp": 1}))
	checkRefused(t, "an expired token", err, wire.Expired) // and no guest
	_, err = authenticate(identity.First{&site}, "")
	checkRefused(t, "no token", err, wire.BadToken)
}
