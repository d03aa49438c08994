package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Signer signs and verifies this server's own tokens (JWT, RFC 7519, with HS256)
// with keys that it generates. The newest key signs; an older one verifies until
// the last token that it signed has expired. All instances that share the
// secrets share the keys.
//
// The fields must not change after the first use. The methods may be called
// concurrently.
type Signer struct {
	// Secrets stores the keys. Required.
	Secrets Secrets
	// Name is the name that the keys are stored under. Required.
	Name string
	// Type is the type of the tokens, in their header typ. Required.
	Type string
	// Life is how long a token is valid. Required.
	Life time.Duration
	// Rotation is how long a key signs before it is replaced. If it cannot be
	// replaced because Secrets fails, it signs for one more Rotation at most.
	// Default 90 days.
	Rotation time.Duration

	flight singleflight.Group // has one key: all loads are the same

	mu      sync.Mutex   // guards the fields below
	keys    []signingKey // the newest first; replaced, never modified
	began   time.Time    // when the last load began
	loading bool         // whether a load is under way
	err     error        // why the last load that has ended failed, or nil
}

const (
	defaultRotation = 90 * 24 * time.Hour
	// loadInterval is the shortest time between two loads that are caused by
	// tokens with unknown keys, and between two attempts to replace a key that
	// may still sign.
	loadInterval = 10 * time.Second
	// loadTimeout must be longer than it takes until a lock is free whose holder
	// has died.
	loadTimeout = 30 * time.Second
)

// Start loads the keys and generates the first one if there is none. It is not
// required: it reports early what would make the other methods fail. The error
// wraps a [*wire.Error] with code unavailable.
func (s *Signer) Start(ctx context.Context) error {
	_, err := s.newest(ctx)
	return err
}

// Sign returns a token for a user, and when it expires, in whole seconds. It may
// wait for Secrets as long as ctx allows, and for at most 30 seconds if Secrets obeys
// its context. The error
// wraps a [*wire.Error] with code unavailable.
func (s *Signer) Sign(ctx context.Context, user string) (token string, expires time.Time, err error) {
	return s.SignFor(ctx, user, s.Life)
}

// claims are those of a token. Issued has more digits than iat, which counts seconds.
type claims struct {
	jwt.RegisteredClaims
	Issued int64 `json:"issued,omitempty"` // Unix milliseconds; older versions had none
}

// SignFor is Sign for a token that is valid for a shorter time than Life.
func (s *Signer) SignFor(ctx context.Context, user string, life time.Duration) (token string, expires time.Time, err error) {
	key, err := s.newest(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	now := time.Now()
	expires = now.Add(min(life, s.Life)).Truncate(time.Second)
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{jwt.RegisteredClaims{
		Subject:   user,
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(expires),
	}, now.UnixMilli()})
	t.Header["typ"], t.Header["kid"] = s.Type, key.ID
	token, err = t.SignedString(key.Key)
	return token, expires, err
}

// Verified is what a token says.
type Verified struct {
	User            string
	Issued, Expires time.Time
}

// Verify returns what a token says that Sign made, here or on an instance that
// shares the secrets. It may wait as Sign does. The error is,
// or wraps, a [*wire.Error] with code bad_token, expired or unavailable.
func (s *Signer) Verify(ctx context.Context, token string) (v Verified, err error) {
	if typeOf(token) != s.Type {
		return v, wire.BadToken.Error("")
	}
	var said claims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithStrictDecoding())
	_, err = parser.ParseWithClaims(token, &said, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		return s.key(ctx, id)
	})
	if err != nil {
		return v, tokenError(err)
	}
	if said.Subject == "" {
		return v, wire.BadToken.Error("")
	}
	v = Verified{User: said.Subject, Expires: said.ExpiresAt.Time}
	switch {
	case said.Issued > 0:
		v.Issued = time.UnixMilli(said.Issued)
	case said.IssuedAt != nil:
		v.Issued = said.IssuedAt.Time
	}
	return v, nil
}

// identify returns whose token it is, for one that ends.
func (s *Signer) identify(ctx context.Context, token string) (*access.Identity, error) {
	v, err := s.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	return &access.Identity{User: journal.User{ID: v.User}, Issued: v.Issued, Expires: v.Expires}, nil
}

func (s *Signer) rotation() time.Duration {
	if s.Rotation > 0 {
		return s.Rotation
	}
	return defaultRotation
}

// newest returns the key that signs now. A key that should be replaced, but may
// still sign, is returned at once while a load is under way or has just failed.
func (s *Signer) newest(ctx context.Context) (signingKey, error) {
	s.mu.Lock()
	keys := s.keys
	busy := s.loading || s.err != nil && time.Since(s.began) < loadInterval
	s.mu.Unlock()
	usable := maySign(keys, s.rotation())
	if !rotationDue(keys, s.rotation()) || usable && busy {
		return keys[0], nil
	}
	fresh, err := s.load(ctx)
	switch {
	case err == nil:
		return fresh[0], nil
	case usable:
		return keys[0], nil
	}
	return signingKey{}, err
}

// key returns the key with that id. It loads the keys if the id is unknown,
// because another instance may have generated that key.
func (s *Signer) key(ctx context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	keys, err := s.keys, s.err
	recent := !s.loading && time.Since(s.began) < loadInterval
	s.mu.Unlock()
	if k := findKey(keys, id); k != nil {
		return k, nil
	}
	switch {
	case recent && err != nil:
		return nil, err
	case recent && !rotationDue(keys, s.rotation()):
		return nil, wire.BadToken.Error("")
	}
	if keys, err = s.load(ctx); err != nil {
		return nil, err
	}
	if k := findKey(keys, id); k != nil {
		return k, nil
	}
	return nil, wire.BadToken.Error("")
}

// load reads the keys and rotates them if that is due. Concurrent callers share
// one load; when ctx ends, only this caller's wait ends.
func (s *Signer) load(ctx context.Context) ([]signingKey, error) {
	done := s.flight.DoChan("", func() (any, error) { return s.update(context.WithoutCancel(ctx)) })
	select {
	case r := <-done:
		keys, _ := r.Val.([]signingKey)
		return keys, r.Err
	case <-ctx.Done():
		return nil, s.unavailable(ctx.Err())
	}
}

// update is one load. It ends after loadTimeout at the latest, if Secrets obeys
// its context.
func (s *Signer) update(ctx context.Context) ([]signingKey, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	s.mu.Lock()
	s.began, s.loading = time.Now(), true
	s.mu.Unlock()

	keys, err := s.read(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loading, s.err = false, err; err == nil {
		s.keys = keys
	}
	return keys, err
}

// read returns the stored keys, rotated if that is due. A panic of Secrets
// becomes an error: singleflight would end the process with it.
func (s *Signer) read(ctx context.Context) (keys []signingKey, err error) {
	defer func() {
		if v := recover(); v != nil {
			keys, err = nil, s.unavailable(fmt.Errorf("panic: %v", v))
		}
	}()
	_, err = s.Secrets.Update(ctx, s.Name, func(old []byte) (value []byte, err error) {
		if keys, err = parseSigningKeys(old); err != nil || !rotationDue(keys, s.rotation()) {
			return old, err
		}
		keys = rotate(keys, s.rotation(), s.Life)
		return json.Marshal(keys)
	})
	if err != nil {
		return nil, s.unavailable(err)
	}
	return keys, nil
}

// unavailable wraps what the client is told, and the cause for the operator.
func (s *Signer) unavailable(cause error) error {
	return fmt.Errorf("keys of %s tokens, stored as %q: %w: %w", s.Type, s.Name, wire.Unavailable.Error(""), cause)
}
