package identity

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// KeySet is a JSON Web Key Set behind a URL. Keys are kept and asked for anew
// now and then, and when a token names one that is not known. Where that fails
// the keys that are known stay good. Its methods may be called concurrently.
type KeySet struct {
	URL string // required
	// Refresh is how long keys are kept without asking. Default 10 minutes.
	Refresh time.Duration
	// Client asks. Default: one that gives up after 10 seconds.
	Client *http.Client
	// Failed is told why the keys could not be had, if not nil.
	Failed func(error)

	mu     sync.Mutex // guards the rest
	keys   []Key      // replaced, never changed
	asked  time.Time  // when last
	asking chan struct{}
}

const (
	defaultRefresh = 10 * time.Minute
	// unknownInterval is how often keys are asked for at most because of a token:
	// who makes tokens up can't make us ask more often.
	unknownInterval = 30 * time.Second
	maxKeySet       = 1 << 20 // bytes
)

var keySetClient = &http.Client{Timeout: 10 * time.Second}

// find returns the keys that a token may have been signed with. It waits for the
// network only where it knows none.
func (s *KeySet) find(ctx context.Context, id, alg string) ([]Key, error) {
	found, done := s.known(id, alg)
	if len(found) > 0 || done == nil {
		return found, nil
	}
	select {
	case <-done:
		found, _ = s.known(id, alg)
		return found, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// known returns the keys that fit. It has them asked for if they are old, or
// there are none that fit; done is closed when that is over, and nil where it
// makes no sense to wait.
func (s *KeySet) known(id, alg string) (found []Key, done chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.fits(id, alg) {
			found = append(found, k)
		}
	}
	refresh := s.Refresh
	if refresh == 0 {
		refresh = defaultRefresh
	}
	age := time.Since(s.asked)
	if s.asking == nil && (age >= refresh || len(found) == 0 && age >= unknownInterval) {
		s.asked, s.asking = time.Now(), make(chan struct{})
		go s.ask(s.asking)
	}
	return found, s.asking
}

// ask brings the keys up to date. It ends by the client's timeout at the latest.
func (s *KeySet) ask(done chan struct{}) {
	defer close(done)
	keys, err := s.fetch()
	s.mu.Lock()
	s.asking = nil
	if err == nil {
		s.keys = keys
	}
	s.mu.Unlock()
	if err != nil && s.Failed != nil {
		s.Failed(fmt.Errorf("get keys from %s: %w", s.URL, err))
	}
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
