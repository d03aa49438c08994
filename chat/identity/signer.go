package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Signer makes and checks this server's own tokens, with keys that it makes
// itself: the newest signs, older ones are believed until the last token that
// they signed has ended. Its methods may be called concurrently.
type Signer struct {
	// Secrets keeps the keys. Required.
	Secrets Secrets
	// Name is what the keys are kept under. Required.
	Name string
	// Type is the type of the tokens, and in their headers. Required.
	Type string
	// Life is how long a token is good for. Required.
	Life time.Duration
	// Rotation is how long a key signs. Default 90 days.
	Rotation time.Duration

	mu     sync.Mutex   // guards the rest
	keys   []signingKey // the newest first; replaced, never changed
	looked time.Time    // when they were last asked for
}

// signingKey is a key as it is kept.
type signingKey struct {
	ID   string `json:"id"`
	Key  []byte `json:"key"`
	Made int64  `json:"made"` // Unix seconds
}

const (
	defaultRotation = 90 * 24 * time.Hour
	// lookInterval is how often the keys are asked for at most, because of a
	// token whose key is not known: another instance may have made it just now.
	lookInterval = 10 * time.Second
)

// typeOf returns the type that a token says it is of, or "" where it is no JWT
// or says none. Nothing is checked.
func typeOf(token string) string {
	head, _, ok := strings.Cut(token, ".")
	if !ok || len(token) > maxToken {
		return ""
	}
	p, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Type string `json:"typ"`
	}
	if err != nil || json.Unmarshal(p, &header) != nil {
		return ""
	}
	return header.Type
}

// maxToken bounds a token, in bytes.
const maxToken = 8 << 10

// Start makes the first key where there is none, so that what stands in the way
// of that is known at once.
func (s *Signer) Start(ctx context.Context) error {
	_, err := s.newest(ctx)
	return err
}

// Sign returns a token for a user and when it ends.
func (s *Signer) Sign(ctx context.Context, user string) (token string, expires time.Time, err error) {
	key, err := s.newest(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	expires = time.Now().Add(s.Life).Truncate(time.Second)
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject:   user,
		IssuedAt:  jwt.NewNumericDate(time.Now()),
		ExpiresAt: jwt.NewNumericDate(expires),
	})
	t.Header["typ"], t.Header["kid"] = s.Type, key.ID
	token, err = t.SignedString(key.Key)
	return token, expires, err
}

// Verify returns the user whom a token of this type is for and when it ends. The
// error is a [*wire.Error].
func (s *Signer) Verify(ctx context.Context, token string) (user string, expires time.Time, err error) {
	var claims jwt.RegisteredClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithStrictDecoding())
	if len(token) > maxToken || typeOf(token) != s.Type {
		return "", time.Time{}, wire.BadToken.Error("")
	}
	_, err = parser.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		return s.key(ctx, id)
	})
	if err != nil {
		return "", time.Time{}, tokenError(err)
	}
	if claims.Subject == "" {
		return "", time.Time{}, wire.BadToken.Error("")
	}
	return claims.Subject, claims.ExpiresAt.Time, nil
}

// tokenError is why a token is refused, as the client is told it.
func tokenError(err error) error {
	var told *wire.Error
	switch {
	case errors.As(err, &told) && told.Code == wire.Unavailable:
		return err // with what the operator must know
	case told != nil:
		return told
	case errors.Is(err, jwt.ErrTokenExpired):
		return wire.Expired.Error("")
	}
	return wire.BadToken.Error("")
}

// newest returns the key that signs now.
func (s *Signer) newest(ctx context.Context) (signingKey, error) {
	s.mu.Lock()
	keys := s.keys
	s.mu.Unlock()
	if len(keys) > 0 && !s.old(keys[0]) {
		return keys[0], nil
	}
	keys, err := s.look(ctx)
	if err != nil {
		return signingKey{}, err
	}
	return keys[0], nil
}

// key returns the key of that id.
func (s *Signer) key(ctx context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	keys, rest := s.keys, time.Since(s.looked) < lookInterval
	if !rest {
		s.looked = time.Now()
	}
	s.mu.Unlock()
	named := func(k signingKey) bool { return k.ID == id }
	i := slices.IndexFunc(keys, named)
	if i < 0 && !rest {
		var err error
		if keys, err = s.look(ctx); err != nil {
			return nil, err
		}
		i = slices.IndexFunc(keys, named)
	}
	if i < 0 {
		return nil, wire.BadToken.Error("")
	}
	return keys[i].Key, nil
}

func (s *Signer) rotation() time.Duration {
	if s.Rotation > 0 {
		return s.Rotation
	}
	return defaultRotation
}

func (s *Signer) old(k signingKey) bool { return time.Since(time.Unix(k.Made, 0)) >= s.rotation() }

// look reads the keys, after it has made a new one if need be.
func (s *Signer) look(ctx context.Context) ([]signingKey, error) {
	var keys []signingKey
	_, err := s.Secrets.Update(ctx, s.Name, func(old []byte) ([]byte, error) {
		keys = nil
		if old != nil {
			if err := json.Unmarshal(old, &keys); err != nil {
				return nil, fmt.Errorf("they are not what was written: %w", err)
			}
		}
		if len(keys) > 0 && !s.old(keys[0]) {
			return old, nil
		}
		fresh := signingKey{ID: rand.Text()[:10], Key: make([]byte, 32), Made: time.Now().Unix()}
		rand.Read(fresh.Key)
		keys = slices.Insert(keys, 0, fresh)
		keys = slices.DeleteFunc(keys, func(k signingKey) bool {
			return time.Since(time.Unix(k.Made, 0)) >= 2*s.rotation()+s.Life
		})
		return json.Marshal(keys)
	})
	if err != nil {
		e := wire.Unavailable.Error("")
		return nil, fmt.Errorf("keys of %s tokens, kept as %q: %w: %w", s.Type, s.Name, e, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
	return keys, nil
}
