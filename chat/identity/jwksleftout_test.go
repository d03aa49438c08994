package identity_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/identity"
)

// A key that cannot be used spoils no other, and the operator learns why.
func TestKeySet_KeysThatCannotBeUsed_AreReported(t *testing.T) {
	pairs := keyPairs(t)
	good := webKey(t, pairs["ES256"].public, "sig", "ES256")
	rsa := webKey(t, pairs["RS256"].public, "sig", "RS256")
	for what, c := range map[string]struct{ bad, why string }{
		"an unknown type":        {`{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA","kid":"pq"}`, `key 1, kid "pq": `},
		"n in plain base64":      {strings.Replace(rsa, `"n":"`, `"n":"++//`, 1), `key 1, kid "k1": `},
		"a kid that is a number": {strings.Replace(rsa, `"kid":"k1"`, `"kid":7`, 1), `key 1, kid "": `},
		"x5c that is a string":   {strings.Replace(rsa, `"kid"`, `"x5c":"AAAA","kid"`, 1), `key 1, kid "`},
		"no object":              {`7`, `key 1, kid "": `},
		"a secret":               {`{"kty":"oct","kid":"hs","k":"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"}`, `key 1, kid "hs": is a secret`},
		"a private key":          {webKey(t, mustECDSA(t), "", ""), `key 1, kid "k1": is a private key`},
		"a long kid":             {`{"kty":"AKP","kid":"` + strings.Repeat("x", 1000) + `"}`, `kid "` + strings.Repeat("x", 64) + `": `},
		"encryption":             {webKey(t, &mustECDSA(t).PublicKey, "enc", ""), ""},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				serve := func(keys string) http.HandlerFunc {
					return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"keys":[%s]}`, keys) }
				}
				server := &keyServer{serve: serve(c.bad + "," + good)}
				var reports, failures []error
				j := &identity.JWT{KeySet: &identity.KeySet{
					URL:     "https://ann:hush@keys.example/jwks?key=hush",
					Client:  &http.Client{Transport: server},
					Failed:  func(err error) { failures = append(failures, err) },
					LeftOut: func(err error) { reports = append(reports, err) },
				}}
				visit := func() {
					t.Helper()
					token := signWith(t, pairs["ES256"].method, pairs["ES256"].private, nil, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()})
					if _, err := authenticate(j, token); err != nil {
						t.Errorf("by the good key: %v", err)
					}
					time.Sleep(11 * time.Minute)
					synctest.Wait()
				}
				want := 1
				if c.why == "" {
					want = 0
				}
				for range 3 { // the same set again is no news
					visit()
				}
				if len(reports) != want {
					t.Fatalf("%d reports, want %d: %v", len(reports), want, reports)
				}
				for _, err := range reports {
					if text := err.Error(); !strings.Contains(text, c.why) || !strings.HasPrefix(text, "keys from https://keys.example/jwks: ") || strings.Contains(text, "QUFB") {
						t.Errorf("reported %s, want %s", text, c.why)
					}
				}
				server.answer(serve(good))
				visit()
				visit()
				server.answer(serve(c.bad + "," + good))
				visit()
				visit()
				if len(reports) != 2*want {
					t.Errorf("after a set without it: %d reports, want %d", len(reports), 2*want)
				}
				// Where no key is left, the failure says why.
				server.answer(serve(c.bad))
				visit()
				visit()
				if len(failures) == 0 || !strings.Contains(failures[0].Error(), "contains no usable public key") || !strings.Contains(failures[0].Error(), c.why) {
					t.Errorf("failures %v, want %s", failures, c.why)
				}
			})
		})
	}
}
