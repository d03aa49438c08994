package identity

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

const (
	maxNameClaim   = 1 << 10   // bytes
	maxPatterns    = 100       // in each list of the claim chat
	maxClaims      = 50        // in Identity.Claims
	maxClaimValues = 100       // of one claim
	maxNumber      = 1<<53 - 1 // above, a float64 no longer tells two integers apart
)

// identityFrom returns the identity that the claims of a verified token describe.
func identityFrom(claims jwt.MapClaims) (*access.Identity, error) {
	r := claimReader{claims: claims}
	id := &access.Identity{
		User: journal.User{
			ID:     r.text("sub", wire.MaxUser),
			Name:   truncateName(r.text("name", maxNameClaim)),
			Avatar: r.text("avatar", wire.MaxAvatar),
		},
		Grants: r.grants(),
		Claims: r.rest(),
	}
	id.Settled = id.User.Name != ""
	if a := id.User.Avatar; a != "" && !strings.HasPrefix(a, "https://") && !strings.HasPrefix(a, "http://") {
		r.fail("avatar", "is not an http or https URL")
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

// truncateName cuts a name after the characters that are shown.
func truncateName(name string) string {
	if r := []rune(name); len(r) > wire.MaxName {
		return string(r[:wire.MaxName])
	}
	return name
}

// claimReader reads claims. err tells the first one that is invalid.
type claimReader struct {
	claims jwt.MapClaims
	err    error
}

// fail sets err, unless an earlier claim has set it.
func (r *claimReader) fail(name, what string) {
	if r.err == nil {
		r.err = badToken(fmt.Sprintf("the token's %s %s", name, what))
	}
}

// text reads a string of at most max bytes; "" if there is no such claim.
func (r *claimReader) text(name string, max int) string {
	value := r.claims[name]
	text, ok := value.(string)
	switch {
	case value == nil:
	case !ok, len(text) > max, !utf8.ValidString(text), strings.ContainsFunc(text, unicode.IsControl):
		r.fail(name, fmt.Sprintf("is not a string of at most %d bytes without control characters", max))
		return ""
	}
	return text
}

// grants reads the claim chat; nil if there is none.
func (r *claimReader) grants() *access.Grants {
	value := r.claims["chat"]
	if value == nil {
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
			if err := access.CheckPattern(p); err != nil {
				r.fail("chat."+name, "has a bad pattern: "+err.Error())
			}
		}
		return list
	}
	return &access.Grants{Read: patterns("read"), Write: patterns("write"), Moderate: patterns("moderate")}
}

// rest reads the claims that policies may refer to. It ignores claims of other
// types than claimValues reads.
func (r *claimReader) rest() map[string][]string {
	rest := map[string][]string{}
	for name, value := range r.claims {
		switch name {
		case "sub", "name", "avatar", "chat", "exp", "nbf", "iat":
			continue
		}
		values := claimValues(value)
		if len(values) == 0 {
			continue
		}
		if len(rest) == maxClaims {
			r.fail("claims", fmt.Sprintf("are more than %d", maxClaims))
			break
		}
		rest[name] = values
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
