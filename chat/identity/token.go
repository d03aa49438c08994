package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// The types of this server's own tokens, as in the header typ (RFC 7519, section
// 5.1). They are part of what is signed.
const (
	guestType  = "chat-guest+jwt"
	wechatType = "chat-wechat+jwt"
	issuedType = "chat-user+jwt"
)

// maxSeconds is the latest time, in seconds since 1970: that of the largest number of milliseconds
// which every client reads as an integer.
const maxSeconds = wire.MaxSeq / 1000

// maxToken bounds a token, in bytes. To refuse the most expensive token of that
// length allocates some 50 times its length, because claims are decoded before
// the signature is verified.
const maxToken = 8 << 10

// wellFormed reports whether a token is short enough and has no characters but
// those of a JWS in compact form (RFC 7515, section 3.1). The base64 decoder
// ignores line breaks: with them one token could be written in many ways.
func wellFormed(token string) bool {
	return len(token) <= maxToken && !strings.ContainsFunc(token, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
	})
}

// typeOf returns the header typ of a token, or "" if it is not a JWT or has none.
// It verifies nothing.
func typeOf(token string) string {
	head, _, ok := strings.Cut(token, ".")
	if !ok || !wellFormed(token) {
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

// badToken refuses a token. The client is told the reason, so it must not contain
// a secret or any part of the token.
func badToken(reason string) *wire.Error {
	e := wire.BadToken.Error("")
	e.Message = reason
	return e
}

// tokenError turns an error of the JWT parser into what the client is told.
func tokenError(err error) error {
	var told *wire.Error
	switch {
	case errors.As(err, &told) && told.Code == wire.Unavailable:
		return err // with the cause, for the operator
	case told != nil:
		return told
	case errors.Is(err, jwt.ErrTokenInvalidIssuer), errors.Is(err, jwt.ErrTokenInvalidAudience):
		// Also if it has expired: a fresh one would not be accepted either.
	case errors.Is(err, jwt.ErrTokenExpired):
		return wire.Expired.Error("")
	}
	return wire.BadToken.Error("")
}
