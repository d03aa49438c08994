package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
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
	many := map[string]any{}
	for i := range 101 {
		many[fmt.Sprint(i)] = key.public
	}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		why   string
	}{
		"a secret":   {published(t, map[string]any{"1": []byte(siteSecret)}), "holds no key that signs tokens"},
		"garbage":    {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }, "is not a JSON Web Key Set"},
		"empty":      {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) }, "holds no key"},
		"an endless": {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2<<20)) }, "more than 1048576 bytes"},
		"too many":   {published(t, many), "more than 100 keys"},
		"too slow":   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var why error
				server := &keyServer{serve: c.serve}
				j := &identity.JWT{KeySet: &identity.KeySet{
					URL:    "https://ann:hush@keys.example/jwks?key=hush",
					Client: &http.Client{Transport: server, Timeout: 10 * time.Second},
					Failed: func(err error) { why = err },
				}}
				token := signWith(t, key.method, key.private, map[string]any{"kid": "1"}, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()})
				_, err := show(j, token)
				checkRefused(t, name, err, wire.Unavailable)
				// The public secret must not be good for anything either.
				_, err = show(j, sign(t, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()}))
				checkRefused(t, name, err, wire.Unavailable)
				synctest.Wait()
				if n := server.count(); n != 1 {
					t.Errorf("asked %d times at once", n)
				}
				if why == nil || !strings.Contains(why.Error(), c.why) || !strings.Contains(why.Error(), "from https://keys.example/jwks: ") || strings.Contains(why.Error(), "hush") {
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

// Nobody is refused for good because the site's keys can't be had.
func TestKeySet_ComesBack(t *testing.T) {
	pairs := keyPairs(t)
	synctest.Test(t, func(t *testing.T) {
		failing := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }
		server := &keyServer{serve: failing}
		j := &identity.JWT{KeySet: &identity.KeySet{URL: "https://keys.example/jwks", Client: &http.Client{Transport: server}}}
		token := func(id string) string {
			p := pairs["ES256"]
			return signWith(t, p.method, p.private, map[string]any{"kid": id}, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()})
		}
		for range 100 {
			_, err := show(j, token("1"))
			checkRefused(t, "while the keys are away", err, wire.Unavailable)
			var e *wire.Error
			if errors.As(err, &e); e.Retry != 5*time.Second {
				t.Fatalf("try again in %v", e.Retry)
			}
		}
		if n := server.count(); n != 1 {
			t.Errorf("100 tokens: the set was asked for %d times", n)
		}
		server.now(published(t, map[string]any{"1": pairs["ES256"].public}))
		time.Sleep(5 * time.Second)
		if _, err := show(j, token("1")); err != nil {
			t.Error(err)
		}
		_, err := show(j, token("2"))
		checkRefused(t, "a key that there is not", err, wire.BadToken)
		server.now(failing)
		time.Sleep(time.Minute)
		_, err = show(j, token("2"))
		checkRefused(t, "a key that there may be", err, wire.Unavailable)
		if _, err := show(j, token("1")); err != nil {
			t.Errorf("a key that is known: %v", err)
		}
	})
}

// What the URL says is for one server only.
func TestKeySet_IsLedToNoOtherServer(t *testing.T) {
	p := keyPairs(t)["ES256"]
	var asked atomic.Int32
	keys := published(t, map[string]any{"1": p.public})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		keys(w, r)
	}))
	defer other.Close()
	mux := http.NewServeMux()
	mux.Handle("/away", http.RedirectHandler(other.URL, http.StatusFound))
	mux.Handle("/moved", http.RedirectHandler("/keys", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	mux.HandleFunc("/keys", keys)
	server := httptest.NewServer(mux)
	defer server.Close()
	for path, want := range map[string]string{"/away": "status 302", "/round": "status 302", "/moved": ""} {
		told := make(chan error, 1)
		j := &identity.JWT{KeySet: &identity.KeySet{URL: server.URL + path, Failed: func(err error) { told <- err }}}
		_, err := show(j, signWith(t, p.method, p.private, nil, claims{"sub": "ann"}))
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		checkRefused(t, path, err, wire.Unavailable)
		if err := <-told; !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("another server was asked")
	}
}
