package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/golang-jwt/jwt/v5"
)

// JWT accepts JSON Web Tokens (RFC 7519) that the site signs.
//
// A token must have the claims sub, which becomes the user's id, and exp. It may
// have chat: an object whose members read, write and moderate are lists of room
// patterns. If one of these, or nbf, iss or aud, is invalid, the token is refused.
//
// A token may also have name and avatar, which [access.CleanUser] cleans: they are
// only shown and never a reason to refuse it. Whole numbers, strings, booleans and
// lists of strings in other claims become the identity's Claims, which policies may
// refer to: of more than 50, the first 50 in alphabetical order.
//
// The fields must not change after the first use. The methods may be called
// concurrently.
type JWT struct {
	// Keys verify the tokens, and so do the keys of KeySet. Keys or KeySet is
	// required.
	Keys   []Key
	KeySet *KeySet
	// Issuer is what the claim iss must be; Audience is what the claim aud must
	// be or contain. Default: anything.
	Issuer, Audience string
	// Leeway is the tolerated difference between the site's clock and this one,
	// at most 5 minutes. Default 30 seconds.
	Leeway time.Duration
	// Refused, if not nil, is called with why a token was refused. The client is told
	// the same or less. The error contains nothing of the token. Refused may be called
	// concurrently.
	Refused func(error)
}

const (
	defaultLeeway = 30 * time.Second
	maxLeeway     = 5 * time.Minute
)

// Validate returns an error that says which field is missing or invalid.
func (j *JWT) Validate() error {
	switch {
	case len(j.Keys) == 0 && j.KeySet == nil:
		return errors.New("jwt needs a key or the URL of a key set")
	case j.Leeway < 0 || j.Leeway > maxLeeway:
		return fmt.Errorf("leeway must be from 0 to %v", maxLeeway)
	case j.KeySet != nil:
		return j.KeySet.validate()
	}
	return nil
}

// algorithms are those that some key supports (RFC 7518, section 3.1; RFC 8037,
// section 3.1; RFC 9864, section 2.2).
var algorithms = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", algEdDSA, algEd25519}

// Authenticate implements access.Authenticator. It returns access.ErrNoCredential if
// there is no token, and for the tokens of [Guest] and [WeChat].
func (j *JWT) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	return JWTs{j}.Authenticate(ctx, c)
}

// JWTs are several issuers, with keys of their own. A token lets in if one of them accepts
// it, by its own keys, issuer and audience. Otherwise it is refused with the reason of the one
// that it fits best.
type JWTs []*JWT

// Authenticate implements access.Authenticator, like [JWT.Authenticate].
func (list JWTs) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	if typ := typeOf(c.Token); c.Token == "" || typ == guestType || typ == wechatType {
		return nil, access.ErrNoCredential
	}
	best, why := list[0], jwt.ErrTokenInvalidIssuer
	for i, j := range list.of(c.Token) {
		id, err := j.verify(ctx, c.Token)
		if err == nil {
			return id, nil
		}
		if i == 0 || fit(err) > fit(why) {
			best, why = j, err
		}
	}
	if best.Refused != nil {
		best.Refused(nameClaim(why))
	}
	return nil, tokenError(why)
}

// of returns those that could accept a token by its claim iss, which nobody has verified yet:
// nobody waits for the key set of another issuer.
func (list JWTs) of(token string) JWTs {
	claims := jwt.MapClaims{}
	if len(list) < 2 || !wellFormed(token) {
		return list
	}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(j *JWT) bool { return j.Issuer != "" && j.Issuer != claims["iss"] })
}

// fit says how near a refused token was to being accepted.
func fit(err error) int {
	var told *wire.Error
	switch {
	case errors.As(err, &told) && told.Code == wire.Unavailable:
		return 3 // it may have a good signature
	case errors.Is(err, jwt.ErrTokenMalformed), errors.Is(err, jwt.ErrTokenUnverifiable), errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return 0
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return 1
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return 2
	}
	return 4
}

// nameClaim adds the name of the claim to an error of the parser that describes it only.
func nameClaim(err error) error {
	for _, c := range []struct {
		err  error
		name string
	}{
		{jwt.ErrTokenExpired, "exp"}, {jwt.ErrTokenNotValidYet, "nbf"}, {jwt.ErrTokenUsedBeforeIssued, "iat"},
		{jwt.ErrTokenInvalidAudience, "aud"}, {jwt.ErrTokenInvalidIssuer, "iss"},
	} {
		if errors.Is(err, c.err) {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return err
}

// verify returns the identity that a token proves, or an error that says
// everything; [tokenError] makes of it what the client is told.
func (j *JWT) verify(ctx context.Context, token string) (*access.Identity, error) {
	switch {
	case len(token) > maxToken:
		return nil, badToken(fmt.Sprintf("the token has more than %d bytes", maxToken))
	case !wellFormed(token):
		return nil, badToken("the token contains characters that no token may contain")
	}
	claims := siteClaims{}
	var unavailable error
	_, err := j.parser().ParseWithClaims(token, &claims, func(t *jwt.Token) (keys any, err error) {
		keys, unavailable, err = j.keys(ctx, t)
		return keys, err
	})
	if errors.Is(err, jwt.ErrTokenSignatureInvalid) && unavailable != nil {
		return nil, unavailable // a key that was not to be had may have signed it
	}
	if err != nil {
		return nil, err
	}
	id, err := identityFrom(claims)
	if err == nil && !time.Now().Before(id.Expires) {
		// The parser has accepted it within the leeway, and what asks later must agree.
		id.Expires = id.Expires.Add(j.leeway())
	}
	return id, err
}

// leeway returns Leeway or its default.
func (j *JWT) leeway() time.Duration { return cmp.Or(j.Leeway, defaultLeeway) }

func (j *JWT) parser() *jwt.Parser {
	options := []jwt.ParserOption{
		jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(), jwt.WithLeeway(j.leeway()), jwt.WithStrictDecoding(),
	}
	if j.Issuer != "" {
		options = append(options, jwt.WithIssuer(j.Issuer))
	}
	if j.Audience != "" {
		options = append(options, jwt.WithAudience(j.Audience))
	}
	return jwt.NewParser(options...)
}

// keys returns the keys that may have signed t, as a jwt.VerificationKeySet.
// unavailable tells why those of the key set could not be had, if there are others.
func (j *JWT) keys(ctx context.Context, t *jwt.Token) (keys any, unavailable, err error) {
	id, ok := t.Header["kid"].(string)
	if !ok && t.Header["kid"] != nil {
		return nil, nil, badToken("the token's kid is not a string")
	}
	if t.Header["crit"] != nil { // RFC 7515, section 4.1.11
		return nil, nil, badToken("the token's crit asks for what is not known here")
	}
	var set jwt.VerificationKeySet
	fitting := slices.DeleteFunc(slices.Clone(j.Keys), func(k Key) bool { return !k.fits(id, t.Method.Alg()) })
	// A key set has no secrets: a token that fits one of ours need not wait for it.
	_, hmac := t.Method.(*jwt.SigningMethodHMAC)
	if j.KeySet != nil && !(hmac && len(fitting) > 0) {
		found, err := j.KeySet.find(ctx, id, t.Method.Alg())
		if err != nil && len(fitting) == 0 {
			return nil, nil, err
		}
		unavailable = err
		fitting = append(fitting, found...)
	}
	for _, k := range fitting {
		set.Keys = append(set.Keys, k.key)
	}
	if len(set.Keys) == 0 {
		return nil, nil, badToken("the token's kid and alg fit no key that is accepted here")
	}
	return set, unavailable, nil
}
