package identity

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// signingKey is a key of a Signer as it is kept.
type signingKey struct {
	ID   string `json:"id"`
	Key  []byte `json:"key"`
	Made int64  `json:"made"` // Unix seconds
}

const (
	keySize         = 32 // bytes
	defaultRotation = 90 * 24 * time.Hour
	// lookInterval is how often the secrets are asked at most because of a token
	// whose key is not known, and while they can't be had.
	lookInterval = 10 * time.Second
	// lookTimeout is longer than it takes a lock to come free whose holder died.
	lookTimeout = 30 * time.Second
)

func (s *Signer) rotation() time.Duration {
	if s.Rotation > 0 {
		return s.Rotation
	}
	return defaultRotation
}

func age(k signingKey) time.Duration { return time.Since(time.Unix(k.Made, 0)) }

// due reports whether there should be a newer key than these.
func (s *Signer) due(keys []signingKey) bool {
	return len(keys) == 0 || age(keys[0]) >= s.rotation()
}

// newest returns the key that signs now. One that is due to be replaced signs on
// where somebody sees to that already, or it can't be done.
func (s *Signer) newest(ctx context.Context) (signingKey, error) {
	s.mu.Lock()
	keys := s.keys
	wait := s.looking != nil || s.failed != nil && time.Since(s.looked) < lookInterval
	s.mu.Unlock()
	spare := len(keys) > 0 && age(keys[0]) < 2*s.rotation()
	if !s.due(keys) || spare && wait {
		return keys[0], nil
	}
	fresh, err := s.look(ctx)
	switch {
	case err == nil:
		return fresh[0], nil
	case spare:
		return keys[0], nil
	}
	return signingKey{}, err
}

// key returns the key of that id. One that is not known may have been made by
// another instance.
func (s *Signer) key(ctx context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	keys, failed := s.keys, s.failed
	rest := s.looking == nil && time.Since(s.looked) < lookInterval
	s.mu.Unlock()
	if k := named(keys, id); k != nil {
		return k, nil
	}
	switch {
	case rest && failed != nil:
		return nil, failed
	case rest && !s.due(keys):
		return nil, wire.BadToken.Error("")
	}
	keys, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	if k := named(keys, id); k != nil {
		return k, nil
	}
	return nil, wire.BadToken.Error("")
}

func named(keys []signingKey, id string) []byte {
	for _, k := range keys {
		if k.ID == id {
			return k.Key
		}
	}
	return nil
}

// look reads the keys, after it has made a new one if need be. Those who come
// while one look is under way share it; none of them can end it for the others.
func (s *Signer) look(ctx context.Context) ([]signingKey, error) {
	s.mu.Lock()
	done := s.looking
	if done == nil {
		done = make(chan struct{})
		s.looked, s.looking = time.Now(), done
		go s.update(context.WithoutCancel(ctx), done)
	}
	s.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, s.unavailable(ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, s.failed
}

// update is a look. It ends by lookTimeout at the latest, as far as the secrets
// mind their context.
func (s *Signer) update(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	keys, err := s.read(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looking, s.failed = nil, err; err == nil {
		s.keys = keys
	}
	close(done)
}

func (s *Signer) read(ctx context.Context) (keys []signingKey, err error) {
	defer func() { // what keeps the secrets must not end the server
		if v := recover(); v != nil {
			keys, err = nil, s.unavailable(fmt.Errorf("panic: %v", v))
		}
	}()
	_, err = s.Secrets.Update(ctx, s.Name, func(old []byte) (kept []byte, err error) {
		if keys, err = parseSigningKeys(old); err != nil || !s.due(keys) {
			return old, err
		}
		fresh := signingKey{ID: rand.Text()[:10], Key: make([]byte, keySize), Made: time.Now().Unix()}
		rand.Read(fresh.Key)
		keys = slices.Insert(keys, 0, fresh)
		keys = slices.DeleteFunc(keys, func(k signingKey) bool { return age(k) >= 2*s.rotation()+s.Life })
		return json.Marshal(keys)
	})
	if err != nil {
		return nil, s.unavailable(err)
	}
	return keys, nil
}

// parseSigningKeys reads keys as they are kept; nil is none. They are not
// replaced where they are spoilt: every token would be lost with them.
func parseSigningKeys(kept []byte) ([]signingKey, error) {
	if kept == nil {
		return nil, nil
	}
	var keys []signingKey
	err := json.Unmarshal(kept, &keys)
	if err == nil && slices.ContainsFunc(keys, func(k signingKey) bool { return k.ID == "" || len(k.Key) != keySize }) {
		err = errors.New("a key has no id or is cut off")
	}
	if err != nil {
		return nil, fmt.Errorf("they are not what was written: %w", err)
	}
	return keys, nil
}

// unavailable is what a client is told, and the operator with the cause.
func (s *Signer) unavailable(cause error) error {
	return fmt.Errorf("keys of %s tokens, kept as %q: %w: %w", s.Type, s.Name, wire.Unavailable.Error(""), cause)
}
