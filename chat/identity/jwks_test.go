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

// keyServer is a transport that answers without a socket, so that it works in
// fake time.
type keyServer struct {
	mu    sync.Mutex // guards the fields below
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

func (s *keyServer) answer(serve http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve = serve
}

// published returns a handler that serves keys, given by key id, as a JSON Web
// Key Set.
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
			if _, err := authenticate(j, token(first, "1")); err != nil {
				t.Fatal(err)
			}
		}
		if n := server.count(); n != 1 {
			t.Errorf("100 tokens of one key: the set was fetched %d times", n)
		}
		// A new key is fetched as soon as a token names it, but made-up key ids do
		// not cause more fetches.
		server.answer(published(t, map[string]any{"1": first.public, "2": second.public}))
		time.Sleep(31 * time.Second)
		if _, err := authenticate(j, token(second, "2")); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			_, err := authenticate(j, token(second, "made up"))
			checkRefused(t, "an unknown key", err, wire.BadToken)
		}
		if n := server.count(); n != 2 {
			t.Errorf("100 unknown keys: the set was fetched %d times", n)
		}
		// While fetches fail, the cached keys stay valid.
		server.answer(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) })
		time.Sleep(50 * time.Minute)
		if _, err := authenticate(j, token(first, "1")); err != nil {
			t.Fatal(err)
		}
		if len(failures) != 1 || !strings.Contains(failures[0].Error(), "; those of 50m0s ago are used for 10m0s more") || !strings.Contains(failures[0].Error(), "https://keys.example/jwks") || !strings.Contains(failures[0].Error(), "500") {
			t.Errorf("failures: %v", failures)
		}
		// A key that was withdrawn lets nobody in, though nothing was fetched since.
		server.answer(published(t, map[string]any{"2": second.public}))
		time.Sleep(9 * time.Minute)
		_, err := authenticate(j, token(first, "1"))
		checkRefused(t, "a withdrawn key", err, wire.BadToken)
	})
}

// Old keys are waited for, and used for an hour while they cannot be fetched.
func TestKeySet_Old_IsFetchedBeforeItIsUsed(t *testing.T) {
	pair := keyPairs(t)["ES256"]
	failing := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }
	hanging := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	slowly := func(wait time.Duration, serve http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(wait)
			serve(w, r)
		}
	}
	const in = wire.Code(0) // not refused
	withdrawn := published(t, map[string]any{"2": keyPairs(t)["RS256"].public})
	for name, c := range map[string]struct {
		after  time.Duration // since the set was fetched
		answer http.HandlerFunc
		waits  time.Duration // each of 20 tokens
		code   wire.Code
		then   wire.Code // a second later
		asked  int
	}{
		"fresh":                     {4 * time.Minute, withdrawn, 0, in, in, 0},
		"half way":                  {6 * time.Minute, slowly(time.Second/2, withdrawn), 0, in, wire.BadToken, 1},
		"half way, hanging":         {6 * time.Minute, hanging, 0, in, in, 1},
		"half way, failing":         {6 * time.Minute, failing, 0, in, in, 1},
		"old":                       {10 * time.Minute, withdrawn, 0, wire.BadToken, wire.BadToken, 1},
		"old, a second":             {10 * time.Minute, slowly(time.Second, withdrawn), time.Second, wire.BadToken, wire.BadToken, 1},
		"old, three seconds":        {10 * time.Minute, slowly(3*time.Second, withdrawn), staleWait, in, wire.BadToken, 1},
		"old, failing":              {59 * time.Minute, failing, 0, in, in, 1},
		"old, hanging":              {59 * time.Minute, hanging, staleWait, in, in, 1},
		"too old":                   {time.Hour, withdrawn, 0, wire.BadToken, wire.BadToken, 1},
		"too old, failing":          {time.Hour, failing, 0, wire.Unavailable, wire.Unavailable, 1},
		"too old, hanging":          {time.Hour, hanging, 10 * time.Second, wire.Unavailable, wire.Unavailable, 1},
		"after a week":              {168 * time.Hour, slowly(3*time.Second, withdrawn), 3 * time.Second, wire.BadToken, wire.BadToken, 1},
		"after a week, still there": {168 * time.Hour, published(t, map[string]any{"1": pair.public}), 0, in, in, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &keyServer{serve: published(t, map[string]any{"1": pair.public})}
				j := &identity.JWT{KeySet: &identity.KeySet{URL: "https://keys.example/jwks", Client: &http.Client{Transport: server, Timeout: 10 * time.Second}}}
				token := signWith(t, pair.method, pair.private, map[string]any{"kid": "1"}, claims{"sub": "ann", "exp": time.Now().Add(1000 * time.Hour).Unix()})
				check := func(when string, code wire.Code) {
					t.Helper()
					if _, err := authenticate(j, token); code != in {
						checkRefused(t, when, err, code)
					} else if err != nil {
						t.Errorf("%s: %v", when, err)
					}
				}
				check("first", in)
				time.Sleep(c.after)
				server.answer(c.answer)
				start := time.Now()
				var all sync.WaitGroup
				for range 20 {
					all.Go(func() {
						check("now", c.code)
						if waited := time.Since(start); waited != c.waits {
							t.Errorf("a token waits %v, want %v", waited, c.waits)
						}
					})
				}
				all.Wait()
				time.Sleep(time.Second)
				check("a second later", c.then)
				if n := server.count() - 1; n != c.asked {
					t.Errorf("fetched %d times, want %d", n, c.asked)
				}
				time.Sleep(time.Minute) // what goes on ends
			})
		})
	}
}

// staleWait is how long a token waits for a key that is cached, and old.
const staleWait = 2 * time.Second

func TestKeySet_Unusable_IsUnavailable(t *testing.T) {
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
		"a secret": {published(t, map[string]any{"1": []byte(siteSecret)}), "contains no usable public key"},
		"garbage":  {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }, "is not a JSON Web Key Set"},
		"empty":    {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) }, "contains no usable public key"},
		"endless":  {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2<<20)) }, "more than 1048576 bytes"},
		"too many": {published(t, many), "more than 100 keys"},
		"too slow": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "exceeded"},
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
				_, err := authenticate(j, token)
				checkRefused(t, name, err, wire.Unavailable)
				// Nor may a token be signed with the secret that the set contains.
				_, err = authenticate(j, sign(t, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()}))
				checkRefused(t, name, err, wire.Unavailable)
				synctest.Wait()
				if n := server.count(); n != 1 {
					t.Errorf("fetched %d times", n)
				}
				if why == nil || !strings.Contains(why.Error(), c.why) || !strings.Contains(why.Error(), "from https://keys.example/jwks: ") || strings.Contains(why.Error(), "hush") {
					t.Errorf("failed for %v, want %s", why, c.why)
				}
			})
		})
	}
}

// A caller's context ends its own wait and neither the fetch nor other waits.
func TestKeySet_AllWhoWait_ShareOneFetch(t *testing.T) {
	pair := keyPairs(t)["ES256"]
	synctest.Test(t, func(t *testing.T) {
		keys := published(t, map[string]any{"1": pair.public})
		server := &keyServer{serve: func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(5 * time.Second)
			keys(w, r)
		}}
		j := &identity.JWT{KeySet: &identity.KeySet{URL: "https://keys.example/jwks", Client: &http.Client{Transport: server}}}
		token := signWith(t, pair.method, pair.private, map[string]any{"kid": "1"}, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()})
		start := time.Now()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		for i := range 20 { // the first of them starts the fetch
			all.Go(func() {
				if i%2 == 1 {
					time.Sleep(time.Duration(i) * 10 * time.Millisecond)
					if _, err := authenticate(j, token); err != nil || time.Since(start) != 5*time.Second {
						t.Errorf("after %v: %v", time.Since(start), err)
					}
					return
				}
				_, err := j.Authenticate(impatient, credential(token))
				checkRefused(t, "who gave up", err, wire.Unavailable)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
					t.Errorf("after %v: %v", time.Since(start), err)
				}
			})
		}
		all.Wait()
		if n := server.count(); n != 1 {
			t.Errorf("fetched %d times", n)
		}
	})
}

// panickingTransport panics at the first request only.
type panickingTransport struct {
	panicked atomic.Bool
	next     http.RoundTripper
}

func (p *panickingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.panicked.CompareAndSwap(false, true) {
		panic("a mistake")
	}
	return p.next.RoundTrip(r)
}

func TestKeySet_APanicOfTheClient_IsAnError(t *testing.T) {
	pair := keyPairs(t)["ES256"]
	synctest.Test(t, func(t *testing.T) {
		var failure error
		j := &identity.JWT{KeySet: &identity.KeySet{
			URL:    "https://keys.example/jwks",
			Client: &http.Client{Transport: &panickingTransport{next: &keyServer{serve: published(t, map[string]any{"1": pair.public})}}},
			Failed: func(err error) { failure = err },
		}}
		token := signWith(t, pair.method, pair.private, map[string]any{"kid": "1"}, claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()})
		_, err := authenticate(j, token)
		checkRefused(t, "a panic", err, wire.Unavailable)
		if failure == nil || !strings.Contains(failure.Error(), "a mistake") {
			t.Errorf("failed with %v", failure)
		}
		time.Sleep(5 * time.Second)
		if _, err := authenticate(j, token); err != nil {
			t.Errorf("after the panic: %v", err)
		}
	})
}

// A failed fetch refuses nobody for good.
func TestKeySet_AfterAFailedFetch_FetchesAgain(t *testing.T) {
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
			_, err := authenticate(j, token("1"))
			checkRefused(t, "while fetches fail", err, wire.Unavailable)
			var e *wire.Error
			if errors.As(err, &e); e.Retry != 5*time.Second {
				t.Fatalf("retry in %v", e.Retry)
			}
		}
		if n := server.count(); n != 1 {
			t.Errorf("100 tokens: the set was fetched %d times", n)
		}
		server.answer(published(t, map[string]any{"1": pairs["ES256"].public}))
		time.Sleep(5 * time.Second)
		if _, err := authenticate(j, token("1")); err != nil {
			t.Error(err)
		}
		_, err := authenticate(j, token("2"))
		checkRefused(t, "a key that the set does not contain", err, wire.BadToken)
		server.answer(failing)
		time.Sleep(time.Minute)
		_, err = authenticate(j, token("2"))
		checkRefused(t, "a key that the set may contain by now", err, wire.Unavailable)
		if _, err := authenticate(j, token("1")); err != nil {
			t.Errorf("a cached key: %v", err)
		}
	})
}

// The URL may be secret: no other server may see it.
func TestKeySet_DoesNotFollowARedirectToAnotherHost(t *testing.T) {
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
		_, err := authenticate(j, signWith(t, p.method, p.private, nil, claims{"sub": "ann"}))
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
		t.Error("another server got a request")
	}
}

// A key of ours verifies its tokens although the key set cannot be had. A token that
// a key of the set may have signed waits for the set.
func TestJWT_OwnKeys_DoNotNeedTheKeySet(t *testing.T) {
	pairs := keyPairs(t)
	ours, theirs := pairs["RS256"], pairs["ES256"]
	synctest.Test(t, func(t *testing.T) {
		secret, err := identity.Secret([]byte(siteSecret))
		if err != nil {
			t.Fatal(err)
		}
		public, err := identity.PublicKeys(publicPEM(t, ours.public))
		if err != nil {
			t.Fatal(err)
		}
		server := &keyServer{serve: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }}
		j := &identity.JWT{
			Keys:   append(public, secret),
			KeySet: &identity.KeySet{URL: "https://keys.example/jwks", Client: &http.Client{Transport: server}},
		}
		body := claims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()}
		if _, err := authenticate(j, sign(t, body)); err != nil {
			t.Errorf("a token of the secret: %v", err)
		}
		if n := server.count(); n != 0 {
			t.Errorf("fetched %d times for a token of the secret", n)
		}
		if _, err := authenticate(j, signWith(t, ours.method, ours.private, nil, body)); err != nil {
			t.Errorf("a token of the public key: %v", err)
		}
		_, err = authenticate(j, signWith(t, theirs.method, theirs.private, nil, body))
		checkRefused(t, "a token of the set", err, wire.Unavailable)
		other := keyPairs(t)["RS256"]
		_, err = authenticate(j, signWith(t, other.method, other.private, nil, body))
		checkRefused(t, "a token that another key of this kind signed", err, wire.Unavailable)
	})
}
