package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Signer makes and checks this server's own tokens, with keys that it makes
// itself: the newest signs, older ones are believed until the last token that
// they signed has ended. All that share the secrets share the keys. Its methods
// may be called concurrently.
type Signer struct {
	// Secrets keeps the keys. Required.
	Secrets Secrets
	// Name is what the keys are kept under. Required.
	Name string
	// Type is the type of the tokens, and in their headers. Required.
	Type string
	// Life is how long a token is good for. Required.
	Life time.Duration
	// Rotation is how long a key signs before it is replaced. Default 90 days.
	// While the secrets can't be had, it signs on for as long again.
	Rotation time.Duration

	mu      sync.Mutex    // guards the rest
	keys    []signingKey  // the newest first; replaced, never changed
	looked  time.Time     // when a look at the secrets last began
	looking chan struct{} // closed when the look under way is over; nil: there is none
	failed  error         // why the last look that is over has failed, or nil
}

// typeOf returns the type that a token says it is of, or "" where it is no JWT
// or says none. Nothing is checked.
func typeOf(token string) string {
	head, _, ok := strings.Cut(token, ".")
	if !ok || !spelled(token) {
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

// maxToken bounds a token, in bytes. The dearest one of that length takes some 50
// times as much while it is read, because claims are parsed before they are
// believed.
const maxToken = 8 << 10

// spelled reports whether a token is short enough and has the characters of one
// (RFC 7515, section 2). Line breaks, which base64 passes over, would let one
// token be written in many ways.
func spelled(token string) bool {
	return len(token) <= maxToken && !strings.ContainsFunc(token, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
	})
}

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
	if typeOf(token) != s.Type {
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
	case errors.Is(err, jwt.ErrTokenInvalidIssuer), errors.Is(err, jwt.ErrTokenInvalidAudience):
		// A fresh one would not do either.
	case errors.Is(err, jwt.ErrTokenExpired):
		return wire.Expired.Error("")
	}
	return wire.BadToken.Error("")
}
