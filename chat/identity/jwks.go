package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/caddychat/caddy-chat/chat/internal/outgoing"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// KeySet fetches a JSON Web Key Set (RFC 7517, section 5) from a URL and caches
// its keys. It fetches only because of a token: when the token needs a key that is
// not cached, and when the cached keys are older than Refresh: then the token waits. So a key
// that was taken out of the set lets nobody in any longer. A token that comes when half of Refresh has passed
// causes a fetch, too, and does not wait, so that on a busy site no token ever waits.
//
// If a fetch fails, or takes longer than 2 seconds, the cached keys stay valid until they are
// six times as old as Refresh. A token that needs another key, or any key then,
// is refused as unavailable and not as bad_token, because the set may
// contain that key by now.
//
// The fields must not change after the first use. The methods may be called
// concurrently.
type KeySet struct {
	// URL is an http or https URL. Required.
	URL string
	// Refresh is how old the cached keys may be while the set can be fetched. Default 10 minutes.
	Refresh time.Duration
	// Client fetches the set. It should have a timeout: nothing else bounds a
	// fetch. Default: a client with a timeout of 10 seconds, which follows
	// redirects only within the host of the URL.
	Client *http.Client
	// Failed, if not nil, is called with the error of each fetch that fails, which says how long the
	// cached keys stay valid. It is never called concurrently and must not panic. Of the URL the error
	// contains scheme, host and path only; the rest may be secret.
	Failed func(error)
	// LeftOut, if not nil, is called after a fetch with what is wrong with the keys
	// of the set that cannot be used, unless the last fetch that succeeded found the
	// same. It is not called for public keys that say that they are for another use,
	// such as encryption. The same rules hold as for Failed: like there, a panic ends
	// the process, since nobody waits for a fetch whose callers have gone.
	LeftOut func(error)

	flight singleflight.Group // has one key: all fetches are the same

	mu      sync.Mutex // guards the fields below
	keys    []Key      // replaced, never modified
	asOf    time.Time  // when the fetch began that got them
	fetched time.Time  // when the last fetch began; once it has ended, when it ended
	failed  bool       // whether the last fetch that has ended failed

	leftOut string // what LeftOut was last called with; used by fetches only
}

const (
	defaultRefresh = 10 * time.Minute
	// unknownInterval is the shortest time between two fetches that are caused by
	// tokens with unknown keys. It stops clients with made-up tokens from causing
	// more fetches.
	unknownInterval = 30 * time.Second
	// failedInterval replaces unknownInterval after a failed fetch.
	failedInterval = 5 * time.Second
	// staleWait is how long a token waits for a fetch whose key is cached, and old.
	staleWait = 2 * time.Second
	// staleTimes Refresh is how old the cached keys may be while fetches fail.
	staleTimes   = 6
	maxKeySet    = 1 << 20 // bytes
	maxRedirects = 3
)

// keySetClient follows redirects within one host only, where the scheme may
// change from http to https: the Referer header of a redirected request contains
// the URL, which may be secret.
var keySetClient = &http.Client{
	Transport: outgoing.Usual(),
	Timeout:   10 * time.Second,
	CheckRedirect: func(r *http.Request, via []*http.Request) error {
		from := via[0].URL
		if len(via) > maxRedirects || r.URL.Host != from.Host || r.URL.Scheme != from.Scheme && r.URL.Scheme != "https" {
			return http.ErrUseLastResponse
		}
		return nil
	},
}

// validate returns an error if the URL is not an http or https URL.
func (s *KeySet) validate() error {
	if u, err := url.Parse(s.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("the URL of the key set must be an http or https URL")
	}
	return nil
}

// find returns the keys that may have signed a token with this key id and
// algorithm. It waits for a fetch if no such key is cached, and for staleWait if that key is
// old. When ctx ends, only this wait ends; the fetch goes on. The error is, or wraps, a
// [*wire.Error].
func (s *KeySet) find(ctx context.Context, id, alg string) ([]Key, error) {
	found, age := s.cached(id, alg)
	due := s.mayRetry
	var enough <-chan time.Time
	switch {
	case len(found) == 0:
	case age < s.refresh():
		if s.halfWay() {
			s.fetchIf(s.halfWay)
		}
		return found, nil
	default:
		due = s.halfWay
		timer := time.NewTimer(staleWait)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-s.fetchIf(due):
	case <-enough:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: wait for keys: %w", wire.Unavailable.Error(""), ctx.Err())
	}
	found, _ = s.cached(id, alg)
	if len(found) == 0 && s.lastFailed() {
		e := wire.Unavailable.Error("")
		e.Retry = failedInterval
		return nil, e
	}
	return found, nil
}

// refresh is Refresh or its default.
func (s *KeySet) refresh() time.Duration {
	if s.Refresh <= 0 {
		return defaultRefresh
	}
	return s.Refresh
}

// cached returns the cached keys that fit, and how old they are: none, if they are too old to be used.
func (s *KeySet) cached(id, alg string) (found []Key, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age = time.Since(s.asOf); age >= staleTimes*s.refresh() {
		return nil, age
	}
	for _, k := range s.keys {
		if k.fits(id, alg) {
			found = append(found, k)
		}
	}
	return found, age
}

// halfWay reports whether a token whose key is cached may cause a fetch: half of Refresh has passed
// since the last one, or it has failed.
func (s *KeySet) halfWay() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	interval := s.refresh() / 2
	if s.failed {
		interval = failedInterval
	}
	return time.Since(s.fetched) >= interval
}

// mayRetry reports whether a token with an unknown key may cause a fetch.
func (s *KeySet) mayRetry() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	interval := unknownInterval
	if s.failed {
		interval = failedInterval
	}
	return time.Since(s.fetched) >= interval
}

func (s *KeySet) lastFailed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// fetchIf fetches the keys in another goroutine if due returns true, or joins the
// fetch under way. The channel receives a value when the fetch has ended. due is
// called while no other fetch is under way: a caller that found a fetch due, but
// comes when another caller's fetch has ended, does not cause a second one.
func (s *KeySet) fetchIf(due func() bool) <-chan singleflight.Result {
	return s.flight.DoChan("", func() (any, error) {
		if due() {
			s.update()
		}
		return nil, nil
	})
}

// update fetches the keys and caches them. It ends by the client's timeout at
// the latest.
func (s *KeySet) update() {
	// From here on no fetch is due, so tokens whose keys are cached and not old do not
	// join this one.
	began := time.Now()
	s.mu.Lock()
	s.fetched = began
	s.mu.Unlock()

	keys, left, err := s.fetch()
	if err == nil {
		s.reportLeftOut(left)
	} else if s.Failed != nil {
		s.Failed(fmt.Errorf("get keys from %s: %w; %s", s.redactedURL(), err, s.whatIsLeft()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched, s.failed = time.Now(), err != nil
	if err == nil {
		s.keys, s.asOf = keys, began
	}
}

// whatIsLeft says whether the cached keys are still used.
func (s *KeySet) whatIsLeft() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch left := staleTimes*s.refresh() - time.Since(s.asOf); {
	case s.keys == nil:
		return "there are none yet, so tokens that need them are refused"
	case left > 0:
		return fmt.Sprintf("those of %s ago are used for %s more", time.Since(s.asOf).Round(time.Second), left.Round(time.Second))
	}
	return fmt.Sprintf("those of %s ago are too old: tokens that need them are refused", time.Since(s.asOf).Round(time.Second))
}

// reportLeftOut calls LeftOut if left differs from what the fetch before found.
func (s *KeySet) reportLeftOut(left []error) {
	err := errors.Join(left...)
	text := fmt.Sprint(err)
	if err != nil && text != s.leftOut && s.LeftOut != nil {
		s.LeftOut(fmt.Errorf("keys from %s: %w", s.redactedURL(), err))
	}
	s.leftOut = text
}

// redactedURL returns the URL without user, password and query.
func (s *KeySet) redactedURL() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "an invalid URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// fetch gets the keys from the URL, and what is wrong with those that it leaves
// out. A panic of the client becomes an error: singleflight would end the process
// with it.
func (s *KeySet) fetch() (keys []Key, left []error, err error) {
	defer func() {
		if v := recover(); v != nil {
			keys, left, err = nil, nil, fmt.Errorf("panic: %v", v)
		}
	}()
	client := s.Client
	if client == nil {
		client = keySetClient
	}
	res, err := client.Get(s.URL)
	if err != nil {
		var of *url.Error // its text contains the whole URL
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("status %s", res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxKeySet+1))
	switch {
	case err != nil:
		return nil, nil, err
	case len(text) > maxKeySet:
		return nil, nil, fmt.Errorf("more than %d bytes", maxKeySet)
	}
	return parseKeySet(text)
}
