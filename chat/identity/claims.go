package identity

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

const (
	maxPatterns    = 100       // in each list of the claim chat
	maxClaims      = 50        // in Identity.Claims
	maxClaimValues = 100       // of one claim
	maxNumber      = 1<<53 - 1 // above, a float64 no longer tells two integers apart
)

// siteClaims are the claims of a site's token. Its times are NumericDates (RFC 7519, section 2) that
// can be told in whole milliseconds: those beyond have no time.Time or are no integer for clients,
// and would come out as another time, such as a negative one. The parser asks for them here.
type siteClaims jwt.MapClaims

// unreadable stands for a claim that is no text which could be compared.
type unreadable struct{}

// UnmarshalJSON implements json.Unmarshaler. encoding/json by itself puts U+FFFD in place of bytes
// that are no UTF-8, and of half of a surrogate pair: so it would make one user of several.
func (c *siteClaims) UnmarshalJSON(p []byte) error {
	var texts map[string]json.RawMessage
	if err := json.Unmarshal(p, &texts); err != nil {
		return err
	}
	*c = siteClaims{}
	for name, text := range texts {
		var value any
		err := wire.Unmarshal(text, &value)
		switch {
		case err != nil && (name == "name" || name == "avatar"): // only shown
			_ = json.Unmarshal(text, &value)
		case err != nil:
			value = unreadable{}
		}
		(*c)[name] = value
	}
	return nil
}

// time returns a claim as date does, which is a method of jwt.MapClaims.
func (c siteClaims) time(name string, date func(jwt.MapClaims) (*jwt.NumericDate, error)) (*jwt.NumericDate, error) {
	if seconds, is := c[name].(float64); c[name] != nil && !is || math.Abs(seconds) > maxSeconds {
		return nil, badToken(fmt.Sprintf("the token's %s is not a time", name))
	}
	return date(jwt.MapClaims(c))
}

// GetExpirationTime implements jwt.Claims.
func (c siteClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return c.time("exp", jwt.MapClaims.GetExpirationTime)
}

// GetNotBefore implements jwt.Claims.
func (c siteClaims) GetNotBefore() (*jwt.NumericDate, error) {
	return c.time("nbf", jwt.MapClaims.GetNotBefore)
}

// GetIssuedAt implements jwt.Claims.
func (c siteClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return c.time("iat", jwt.MapClaims.GetIssuedAt)
}

// GetAudience implements jwt.Claims.
func (c siteClaims) GetAudience() (jwt.ClaimStrings, error) {
	list, ok := stringList(c["aud"], maxClaimValues)
	if !ok {
		return nil, badToken("the token's aud is not a list of texts")
	}
	return list, nil
}

// GetIssuer implements jwt.Claims.
func (c siteClaims) GetIssuer() (string, error) {
	issuer, ok := c["iss"].(string)
	if !ok && c["iss"] != nil {
		return "", badToken("the token's iss is not a text")
	}
	return issuer, nil
}

// GetSubject implements jwt.Claims.
func (c siteClaims) GetSubject() (string, error) { return jwt.MapClaims(c).GetSubject() }

// identityFrom returns the identity that the claims of a verified token describe.
// Only claims that decide something can refuse the token: sub, exp, iss, aud and chat. What
// is only shown, and what policies may refer to, is left out if it is unusable.
func identityFrom(claims siteClaims) (*access.Identity, error) {
	r := claimReader{claims: claims}
	id := &access.Identity{
		User: access.CleanUser(journal.User{
			ID:     r.userID(),
			Name:   r.shown("name"),
			Avatar: r.shown("avatar"),
		}),
		Grants: r.grants(),
		Claims: r.rest(),
	}
	id.Settled = id.User.Name != ""
	expires, err := claims.GetExpirationTime()
	if err != nil {
		return nil, badToken("the token's exp is not a time")
	}
	id.Expires = expires.Time
	if _, err := claims.GetAudience(); err != nil {
		return nil, err
	}
	if _, err := claims.GetIssuer(); err != nil {
		return nil, err
	}
	if r.err == nil {
		if err := CheckUser(id.User.ID); err != nil {
			return nil, fmt.Errorf("sub: %w", err)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return id, nil
}

// claimReader reads claims. err tells the first one that is invalid.
type claimReader struct {
	claims siteClaims
	err    error
}

// fail sets err, unless an earlier claim has set it.
func (r *claimReader) fail(name, what string) {
	if r.err == nil {
		r.err = badToken(fmt.Sprintf("the token's %s %s", name, what))
	}
}

// userID reads sub; "" if there is none.
func (r *claimReader) userID() string {
	value := r.claims["sub"]
	text, ok := value.(string)
	switch {
	case value == nil:
	case !ok:
		r.fail("sub", "is not a text, or has half of a surrogate pair or bytes that are no UTF-8")
	}
	return text
}

// shown reads a claim that is only shown; "" if it is not a string.
func (r *claimReader) shown(name string) string {
	text, _ := r.claims[name].(string)
	return text
}

// grants reads the claim chat; nil if there is none. A string, a number or a
// boolean is the claim of another application and counts as none. Anything else is meant
// for this server, such as the null of a program whose object was empty: ignoring one that is
// malformed could permit more than it lists.
func (r *claimReader) grants() *access.Grants {
	value, is := r.claims["chat"]
	switch value.(type) {
	case string, float64, bool:
		is = false
	}
	if !is {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		r.fail("chat", "is not an object")
		return nil
	}
	patterns := func(name string) []string {
		list, ok := stringList(object[name], maxPatterns)
		if !ok {
			r.fail("chat."+name, fmt.Sprintf("is not a list of at most %d strings", maxPatterns))
		}
		for _, p := range list {
			if access.CheckPattern(p) != nil {
				r.fail("chat."+name, "has a pattern that is not valid") // without the token's text
			}
		}
		return list
	}
	return &access.Grants{Read: patterns("read"), Write: patterns("write"), Moderate: patterns("moderate")}
}

// rest reads the claims that policies may refer to. It ignores claims of other
// types than claimValues reads. Of the others it keeps the first maxClaims in
// alphabetical order, so that a token always has the same ones.
func (r *claimReader) rest() map[string][]string {
	rest := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(r.claims)) {
		if name == "sub" || slices.Contains(access.NoClaims, name) {
			continue
		}
		if values := claimValues(r.claims[name]); len(values) > 0 {
			rest[name] = values
		}
		if len(rest) == maxClaims {
			break
		}
	}
	return rest
}

// claimValues returns a string, a whole number, a boolean or a list of strings as
// strings, and nothing for any other value.
func claimValues(value any) []string {
	switch value := value.(type) {
	case float64:
		if value == math.Trunc(value) && math.Abs(value) <= maxNumber {
			return []string{fmt.Sprintf("%.0f", value)}
		}
		return nil
	case bool:
		return []string{fmt.Sprint(value)}
	}
	list, _ := stringList(value, maxClaimValues)
	return list
}

// stringList reads a string, or a list of at most max strings. nil is an empty
// list.
func stringList(value any, max int) ([]string, bool) {
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
