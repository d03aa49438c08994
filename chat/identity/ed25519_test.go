package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// The two names of its algorithm mean the same to an Ed25519 key.
func TestJWT_Ed25519_ByEitherName(t *testing.T) {
	pair := keyPairs(t)["EdDSA"]
	for _, published := range []string{"", "EdDSA", "Ed25519"} {
		for _, said := range []string{"EdDSA", "Ed25519"} {
			keys, err := identity.PublicKeys([]byte(strings.Replace(webKey(t, pair.public, "sig", "EdDSA"), `"alg":"EdDSA"`, fmt.Sprintf(`"alg":%q`, published), 1)))
			if err != nil {
				t.Errorf("a key of alg %q: %v", published, err)
				continue
			}
			token := signWith(t, jwt.SigningMethodEdDSA, pair.private, map[string]any{"alg": said}, claims{"sub": "ann"})
			if id, err := authenticate(&identity.JWT{Keys: keys}, token); err != nil || id.User.ID != "ann" {
				t.Errorf("a key of alg %q, a token of %q: %v", published, said, err)
			}
		}
	}
	for _, alg := range []string{"ES256", "Ed448", "ed25519"} { // no other key's, no other case
		text := strings.Replace(webKey(t, pair.public, "sig", "EdDSA"), `"alg":"EdDSA"`, fmt.Sprintf(`"alg":%q`, alg), 1)
		if _, err := identity.PublicKeys([]byte(text)); err == nil {
			t.Errorf("an Ed25519 key of alg %s is accepted", alg)
		}
	}
	other := mustECDSA(t)
	keys, err := identity.PublicKeys(publicPEM(t, &other.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	_, err = authenticate(&identity.JWT{Keys: keys}, signWith(t, jwt.SigningMethodEdDSA, pair.private, map[string]any{"alg": "Ed25519"}, claims{"sub": "ann"}))
	checkRefused(t, "Ed25519 where the key is ECDSA", err, wire.BadToken)
}
