package identity_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"

	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// keyServer serves what it is told to, without a socket, so that it can be asked
// on fake time.
type keyServer struct {
	mu    sync.Mutex // guards the rest
	asked int
	serve http.HandlerFunc
}

func (s *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked++
	serve := s.serve
	s.mu.Unlock()
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(w, r)
	}()
	select {
	case <-done:
		return w.Result(), nil
	case <-r.Context().Done():
		<-done
		return nil, r.Context().Err()
	}
}

func (s *keyServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *keyServer) now(serve http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve = serve
}

// published serves keys as a JSON Web Key Set, by their ids.
func published(t *testing.T, keys map[string]any) http.HandlerFunc {
	t.Helper()
	var set jwkset.JWKSMarshal
	for id, key := range keys {
		jwk, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{
			Metadata: jwkset.JWKMetadataOptions{KID: id}, Marshal: jwkset.JWKMarshalOptions{Private: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, jwk.Marshal())
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(text) }
}

func TestKeySet_CachesAndRotates(t *testing.T) {
	pairs := keyPairs(t)
	first, second := pairs["RS256"], pairs["ES256"]
	synctest.Test(t, func(t *testing.T) {
		server := &keyServer{serve: published(t, map[string]any{"1": first.public})}
		var failures []error
		j := &identity.JWT{KeySet: &identity.KeySet{
			URL:    "https://keys.example/jwks",
			Client: &http.Client{Transport: server, Timeout: 10 * time.Second},
			Failed: func(err error) { failures = append(failures, err) },
		}}
		token := func(p keyPair, id string) string {
			return signWith(t, p.method, p.private, map[string]any{"kid": id}, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()})
		}
		for range 100 {
			if _, err := show(j, token(first, "1")); err != nil {
				t.Fatal(err)
			}
		}
		if n := server.count(); n != 1 {
			t.Errorf("100 tokens of one key: the set was asked for %d times", n)
		}
		// A new key is found as soon as a token names it, but who makes names up
		// does not make us ask.
		server.now(published(t, map[string]any{"1": first.public, "2": second.public}))
		time.Sleep(31 * time.Second)
		if _, err := show(j, token(second, "2")); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			_, err := show(j, token(second, "made up"))
			checkRefused(t, "an unknown key", err, wire.BadToken)
		}
		if n := server.count(); n != 2 {
			t.Errorf("100 unknown keys: the set was asked for %d times", n)
		}
		// While the keys can't be had, those that are known stay good.
		server.now(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) })
		time.Sleep(time.Hour)
		if _, err := show(j, token(first, "1")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(failures) != 1 || !strings.Contains(failures[0].Error(), "https://keys.example/jwks") || !strings.Contains(failures[0].Error(), "500") {
			t.Errorf("failures: %v", failures)
		}
		// A key that was withdrawn is good for no longer than a refresh.
		server.now(published(t, map[string]any{"2": second.public}))
		time.Sleep(11 * time.Minute)
		if _, err := show(j, token(second, "2")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_, err := show(j, token(first, "1"))
		checkRefused(t, "a key that was withdrawn", err, wire.BadToken)
	})
}

func TestKeySet_Bad(t *testing.T) {
	pairs := keyPairs(t)
	key := pairs["RS256"]
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		why   string
	}{
		"a secret":   {published(t, map[string]any{"1": []byte(siteSecret)}), "holds no key that signs tokens"},
		"garbage":    {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }, "is not a JSON Web Key Set"},
		"empty":      {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) }, "holds no key"},
		"an endless": {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2<<20)) }, "more than 1048576 bytes"},
		"too slow":   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var why error
				j := &identity.JWT{KeySet: &identity.KeySet{
					URL:    "https://keys.example/jwks",
					Client: &http.Client{Transport: &keyServer{serve: c.serve}, Timeout: 10 * time.Second},
					Failed: func(err error) { why = err },
				}}
				token := signWith(t, key.method, key.private, map[string]any{"kid": "1"}, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()})
				_, err := show(j, token)
				checkRefused(t, name, err, wire.BadToken)
				// The public secret must not be good for anything either.
				_, err = show(j, sign(t, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()}))
				checkRefused(t, name, err, wire.BadToken)
				synctest.Wait()
				if why == nil || !strings.Contains(why.Error(), c.why) {
					t.Errorf("failed for %v, want %s", why, c.why)
				}
			})
		})
	}
}

func TestKeySet_WhoGivesUpWaiting_IsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &keyServer{serve: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
		set := &identity.KeySet{URL: "https://keys.example/jwks", Client: &http.Client{Transport: server, Timeout: 10 * time.Second}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		token := signWith(t, keyPairs(t)["ES256"].method, mustECDSA(t), nil, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()})
		_, err := (&identity.JWT{KeySet: set}).Authenticate(ctx, credential(token))
		checkRefused(t, "who gave up", err, wire.Unavailable)
		time.Sleep(time.Minute) // the set is given up, too
	})
}
