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

	"github.com/caddychat/caddy-chat/chat/wire"
)

// KeySet is a JSON Web Key Set behind a URL. Keys are kept and asked for anew
// now and then, and when a token names one that is not known. Where that fails
// the keys that are known stay good, and a token of any other is not refused for
// good: there is no telling. Its methods may be called concurrently.
type KeySet struct {
	URL string // required
	// Refresh is how long keys are kept without asking. Default 10 minutes.
	Refresh time.Duration
	// Client asks. Default: one that gives up after 10 seconds, and is led to no
	// other server.
	Client *http.Client
	// Failed is told why the keys could not be had, if not nil, once at a time.
	// There is nothing of the URL in it but host and path.
	Failed func(error)

	mu     sync.Mutex    // guards the rest
	keys   []Key         // replaced, never changed
	asking chan struct{} // closed when whoever asks has done so; nil: nobody does
	asked  time.Time     // when that last began or was over
	failed bool          // and whether it failed
}

const (
	defaultRefresh = 10 * time.Minute
	// unknownInterval is how often keys are asked for at most because of a token:
	// who makes tokens up can't make us ask more often.
	unknownInterval = 30 * time.Second
	// failedInterval is the same after the keys could not be had.
	failedInterval = 5 * time.Second
	maxKeySet      = 1 << 20 // bytes
	maxRedirects   = 3
)

// keySetClient follows redirects within one server, and from http to https: the
// header Referer tells where it leads what the URL says.
var keySetClient = &http.Client{
	Timeout: 10 * time.Second,
	CheckRedirect: func(r *http.Request, via []*http.Request) error {
		from := via[0].URL
		if len(via) > maxRedirects || r.URL.Host != from.Host || r.URL.Scheme != from.Scheme && r.URL.Scheme != "https" {
			return http.ErrUseLastResponse
		}
		return nil
	},
}

// validate returns an error that says why the URL can't be meant.
func (s *KeySet) validate() error {
	if u, err := url.Parse(s.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("the URL of the key set must be an http or https URL")
	}
	return nil
}

// find returns the keys that a token may have been signed with. It waits for the
// network only where it knows none. The error is, or holds, a [*wire.Error].
func (s *KeySet) find(ctx context.Context, id, alg string) ([]Key, error) {
	found := s.known(id, alg)
	if len(found) > 0 {
		s.refresh(s.every())
		return found, nil
	}
	pause := unknownInterval
	if s.lost() {
		pause = failedInterval
	}
	if done := s.refresh(pause); done != nil {
		select {
		case <-done:
			found = s.known(id, alg)
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: wait for keys: %w", wire.Unavailable.Error(""), ctx.Err())
		}
	}
	if len(found) == 0 && s.lost() {
		e := wire.Unavailable.Error("")
		e.Retry = failedInterval
		return nil, e
	}
	return found, nil
}

// known returns the keys that fit.
func (s *KeySet) known(id, alg string) (found []Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.fits(id, alg) {
			found = append(found, k)
		}
	}
	return found
}

func (s *KeySet) every() time.Duration {
	if s.Refresh > 0 {
		return s.Refresh
	}
	return defaultRefresh
}

// lost reports whether the keys could not be had the last time.
func (s *KeySet) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// refresh has the keys asked for if the last time is as long ago as this. What it
// returns is closed when that is over, and nil if nobody asks.
func (s *KeySet) refresh(age time.Duration) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asking == nil && time.Since(s.asked) >= age {
		s.asked, s.asking = time.Now(), make(chan struct{})
		go s.ask(s.asking)
	}
	return s.asking
}

// ask brings the keys up to date. It ends by the client's timeout at the latest.
func (s *KeySet) ask(done chan struct{}) {
	keys, err := s.fetch()
	if err != nil && s.Failed != nil {
		s.Failed(fmt.Errorf("get keys from %s: %w", s.place(), err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.asking, s.failed = time.Now(), nil, err != nil
	if err == nil {
		s.keys = keys
	}
	close(done)
}

// place is the URL without what may be secret in it.
func (s *KeySet) place() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "a URL that is none"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func (s *KeySet) fetch() (keys []Key, err error) {
	defer func() { // what is behind the URL must not end the server
		if v := recover(); v != nil {
			keys, err = nil, fmt.Errorf("panic: %v", v)
		}
	}()
	client := s.Client
	if client == nil {
		client = keySetClient
	}
	res, err := client.Get(s.URL)
	if err != nil {
		var of *url.Error // whose text holds the whole URL
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxKeySet+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxKeySet:
		return nil, fmt.Errorf("more than %d bytes", maxKeySet)
	}
	return parseKeySet(text)
}
