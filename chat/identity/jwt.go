package identity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// JWT takes tokens that the site signs (RFC 7519). They must have sub and exp;
// name, avatar and chat, an object with lists of room patterns as read, write
// and moderate, are understood; further texts and lists of texts are there for
// policies to refer to. Its methods may be called concurrently.
type JWT struct {
	// Keys are the site's. There must be one, or KeySet.
	Keys   []Key
	KeySet *KeySet
	// Issuer and Audience are what iss must be and aud must hold, where they are
	// not empty.
	Issuer, Audience string
	// Leeway is how much clocks may differ, at most 5 minutes. Default 30 s.
	Leeway time.Duration
}

const (
	defaultLeeway = 30 * time.Second
	maxLeeway     = 5 * time.Minute

	maxNameClaim   = 1 << 10 // bytes
	maxPatterns    = 100     // of one list of a token
	maxClaims      = 50      // that policies may refer to
	maxClaimValues = 100
	maxNumber      = 1<<53 - 1 // two of those above may be read as one
)

// Validate returns an error that says what is missing or can't be meant.
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

// algorithms are all that any key may be good for.
var algorithms = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// Authenticate implements chat.Authenticator.
func (j *JWT) Authenticate(ctx context.Context, c chat.Credential) (*chat.Identity, error) {
	switch typ := typeOf(c.Token); {
	case c.Token == "", typ == guestType, typ == wechatType:
		return nil, chat.ErrNoCredential
	case len(c.Token) > maxToken:
		return nil, badToken(fmt.Sprintf("the token has more than %d bytes", maxToken))
	case !wellFormed(c.Token):
		return nil, badToken("the token has characters that are of none")
	}
	claims := jwt.MapClaims{}
	if _, err := j.parser().ParseWithClaims(c.Token, claims, func(t *jwt.Token) (any, error) { return j.keys(ctx, t) }); err != nil {
		return nil, tokenError(err)
	}
	return identityOf(claims)
}

func (j *JWT) parser() *jwt.Parser {
	leeway := j.Leeway
	if leeway == 0 {
		leeway = defaultLeeway
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding(),
	}
	if j.Issuer != "" {
		options = append(options, jwt.WithIssuer(j.Issuer))
	}
	if j.Audience != "" {
		options = append(options, jwt.WithAudience(j.Audience))
	}
	return jwt.NewParser(options...)
}

// keys returns those that t may have been signed with.
func (j *JWT) keys(ctx context.Context, t *jwt.Token) (any, error) {
	id, ok := t.Header["kid"].(string)
	if !ok && t.Header["kid"] != nil {
		return nil, badToken("the token's kid is not a text")
	}
	var set jwt.VerificationKeySet
	fitting := slices.DeleteFunc(slices.Clone(j.Keys), func(k Key) bool { return !k.fits(id, t.Method.Alg()) })
	if j.KeySet != nil {
		found, err := j.KeySet.find(ctx, id, t.Method.Alg())
		if err != nil {
			return nil, err
		}
		fitting = append(fitting, found...)
	}
	for _, k := range fitting {
		set.Keys = append(set.Keys, k.key)
	}
	if len(set.Keys) == 0 {
		return nil, badToken("the token is signed with a key, or in a way, that is not accepted here")
	}
	return set, nil
}

// identityOf is what the claims of a token that has been checked say.
func identityOf(claims jwt.MapClaims) (*chat.Identity, error) {
	r := claimReader{claims: claims}
	id := &chat.Identity{
		User: chat.User{
			ID:     r.text("sub", wire.MaxUser),
			Name:   clip(r.text("name", maxNameClaim)),
			Avatar: r.text("avatar", wire.MaxAvatar),
		},
		Grants: r.grants(),
		Claims: r.rest(),
	}
	id.Settled = id.User.Name != ""
	if a := id.User.Avatar; a != "" && !strings.HasPrefix(a, "https://") && !strings.HasPrefix(a, "http://") {
		r.wrong("avatar", "is not an http or https URL")
	}
	expires, err := claims.GetExpirationTime()
	if err != nil {
		return nil, badToken("the token's exp is not a time")
	}
	id.Expires = expires.Time
	if r.err == nil {
		r.err = CheckUser(id.User.ID)
	}
	if r.err != nil {
		return nil, r.err
	}
	return id, nil
}

// clip shortens a name to what is shown.
func clip(name string) string {
	if r := []rune(name); len(r) > wire.MaxName {
		return string(r[:wire.MaxName])
	}
	return name
}

// claimReader takes claims out of a token; once one of them is wrong, err says
// which.
type claimReader struct {
	claims jwt.MapClaims
	err    error
}

func (r *claimReader) wrong(name, what string) {
	if r.err == nil {
		r.err = badToken(fmt.Sprintf("the token's %s %s", name, what))
	}
}

func (r *claimReader) text(name string, max int) string {
	value := r.claims[name]
	text, ok := value.(string)
	switch {
	case value == nil:
	case !ok, len(text) > max, !utf8.ValidString(text), strings.ContainsFunc(text, unicode.IsControl):
		r.wrong(name, fmt.Sprintf("is not a text of at most %d bytes", max))
		return ""
	}
	return text
}

// grants reads the claim chat.
func (r *claimReader) grants() *chat.Grants {
	value := r.claims["chat"]
	if value == nil {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		r.wrong("chat", "is not an object")
		return nil
	}
	patterns := func(name string) []string {
		list, ok := texts(object[name], maxPatterns)
		if !ok {
			r.wrong("chat."+name, fmt.Sprintf("is not a list of at most %d texts", maxPatterns))
		}
		for _, p := range list {
			if err := chat.CheckPattern(p); err != nil {
				r.wrong("chat."+name, "has a bad pattern: "+err.Error())
			}
		}
		return list
	}
	return &chat.Grants{Read: patterns("read"), Write: patterns("write"), Moderate: patterns("moderate")}
}

// rest reads the claims that policies may refer to: texts, numbers, truths and
// lists of texts. Others are no reason to refuse a token.
func (r *claimReader) rest() map[string][]string {
	rest := map[string][]string{}
	for name, value := range r.claims {
		switch name {
		case "sub", "name", "avatar", "chat", "exp", "nbf", "iat":
			continue
		}
		if len(rest) == maxClaims {
			r.wrong("claims", fmt.Sprintf("are more than %d", maxClaims))
			break
		}
		switch value := value.(type) {
		case float64:
			if value == math.Trunc(value) && math.Abs(value) <= maxNumber {
				rest[name] = []string{fmt.Sprintf("%.0f", value)}
			}
		case bool:
			rest[name] = []string{fmt.Sprint(value)}
		default:
			if list, ok := texts(value, maxClaimValues); ok && len(list) > 0 {
				rest[name] = list
			}
		}
	}
	return rest
}

// texts reads a text or a list of texts. Nothing is an empty list.
func texts(value any, max int) ([]string, bool) {
	switch value := value.(type) {
	case nil:
		return nil, true
	case string:
		return []string{value}, true
	case []any:
		if len(value) > max {
			return nil, false
		}
		list := make([]string, len(value))
		for i := range value {
			text, ok := value[i].(string)
			if !ok {
				return nil, false
			}
			list[i] = text
		}
		return list, true
	}
	return nil, false
}
