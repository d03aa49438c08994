package identity_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// What is only shown, and what another application signs, keeps nobody out.
func TestJWT_OptionalClaims_RefuseNobody(t *testing.T) {
	many := claims{}
	for i := range 60 {
		many[fmt.Sprint("claim", i)] = "x"
	}
	type user = journal.User
	for what, c := range map[string]struct {
		claims claims
		want   journal.User
	}{
		"none":                       {claims{}, user{}},
		"name null":                  {claims{"name": nil}, user{}},
		"name a number":              {claims{"name": 42}, user{}},
		"name an object":             {claims{"name": claims{"first": "A"}}, user{}},
		"name a list":                {claims{"name": []string{"A"}}, user{}},
		"name with a tab":            {claims{"name": "Anna\tB."}, user{Name: "Anna B."}},
		"name of 400 characters":     {claims{"name": strings.Repeat("李", 400)}, user{Name: strings.Repeat("李", 64)}},
		"name of control signs":      {claims{"name": "\x00\x14"}, user{}},
		"avatar a path":              {claims{"avatar": "/a.png"}, user{}},
		"avatar without scheme":      {claims{"avatar": "//cdn.example/a.png"}, user{}},
		"avatar data":                {claims{"avatar": "data:image/png;base64,iVBORw"}, user{}},
		"avatar a script":            {claims{"avatar": "javascript:alert(1)"}, user{}},
		"avatar in capitals":         {claims{"avatar": "HTTPS://x.example/A"}, user{Avatar: "https://x.example/A"}},
		"avatar of 1100 bytes":       {claims{"avatar": "https://" + strings.Repeat("x", 1100)}, user{}},
		"avatar a number":            {claims{"avatar": 7}, user{}},
		"avatar bad, name good":      {claims{"name": "Li", "avatar": "x"}, user{Name: "Li"}},
		"chat a string":              {claims{"chat": "enabled"}, user{}},
		"chat true":                  {claims{"chat": true}, user{}},
		"chat a number":              {claims{"chat": 1}, user{}},
		"60 claims":                  {many, user{}},
		"a claim of 101 values":      {claims{"teams": make([]string, 101)}, user{}},
		"a claim of several types":   {claims{"teams": []any{"a", 1}}, user{}},
		"jti, azp, scope, auth_time": {claims{"jti": "x", "azp": 1, "scope": nil, "auth_time": 1.5}, user{}},
	} {
		c.claims["sub"], c.want.ID = "u7", "u7"
		id, err := authenticate(&identity.JWT{Keys: []identity.Key{mustSecret(t, siteSecret)}}, sign(t, c.claims))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if id.User != c.want || id.Settled != (c.want.Name != "") || id.Grants != nil {
			t.Errorf("%s: %+v", what, id)
		}
	}
}

// The latest time that can be told is one.
func TestJWT_LatestTime(t *testing.T) {
	id, err := authenticate(&identity.JWT{Keys: []identity.Key{mustSecret(t, siteSecret)}}, sign(t, claims{"sub": "u7", "exp": int64(9007199254740)}))
	if err != nil || id.Expires.UnixMilli() != 9007199254740_000 {
		t.Errorf("%+v, %v", id, err)
	}
}

// Refused names the claim for the operator.
func TestJWT_Refused_NamesTheClaim(t *testing.T) {
	past := time.Now().Add(-time.Hour).Unix()
	future := time.Now().Add(time.Hour).Unix()
	for what, c := range map[string]struct {
		claims claims
		want   string
		code   wire.Code
	}{
		"sub a number":  {claims{"sub": 42}, "sub", wire.BadToken},
		"exp past":      {claims{"exp": past}, "expired", wire.Expired},
		"exp a text":    {claims{"exp": "tomorrow"}, "exp is not a time", wire.BadToken},
		"exp an object": {claims{"exp": claims{}}, "exp is not a time", wire.BadToken},
		"exp too late":  {claims{"exp": int64(9007199254741)}, "exp is not a time", wire.BadToken},
		"exp 1e18":      {claims{"exp": int64(1e18)}, "exp is not a time", wire.BadToken},
		"exp 1e300":     {claims{"exp": 1e300}, "exp is not a time", wire.BadToken},
		"exp -1e300":    {claims{"exp": -1e300}, "exp is not a time", wire.BadToken},
		"nbf a text":    {claims{"nbf": "tomorrow"}, "nbf is not a time", wire.BadToken},
		"nbf 1e300":     {claims{"nbf": 1e300}, "nbf is not a time", wire.BadToken},
		"nbf 1e19":      {claims{"nbf": 1e19}, "nbf is not a time", wire.BadToken},
		"nbf to come":   {claims{"nbf": future}, "not valid yet", wire.BadToken},
		"iss another's": {claims{"iss": "you"}, "issuer", wire.BadToken},
		"aud another's": {claims{"aud": "mail"}, "audience", wire.BadToken},
		"iss a number":  {claims{"iss": 5}, "iss is not", wire.BadToken},
		"aud a number":  {claims{"aud": 5}, "aud is not", wire.BadToken},
		"chat null":     {claims{"chat": nil}, "chat is not", wire.BadToken},
		"chat a list":   {claims{"chat": []string{"*"}}, "chat", wire.BadToken},
		"chat.read":     {claims{"chat": claims{"read": 1}}, "chat.read", wire.BadToken},
	} {
		all := claims{"sub": "u7", "iss": "me", "aud": "chat"}
		for name, value := range c.claims {
			all[name] = value
		}
		var why error
		j := &identity.JWT{
			Keys: []identity.Key{mustSecret(t, siteSecret)}, Issuer: "me", Audience: "chat",
			Refused: func(err error) { why = err },
		}
		token := sign(t, all)
		_, err := authenticate(j, token)
		checkRefused(t, what, err, c.code)
		if why == nil || !strings.Contains(why.Error(), c.want) || strings.Contains(why.Error(), token) {
			t.Errorf("%s: refused for %v, want %s", what, why, c.want)
		}
	}
}

// JSON of which more than one thing could be made decides nothing: two ids would become one user. A name
// or a picture like that keeps nobody out.
func TestJWT_UnreadableText(t *testing.T) {
	for name, bad := range map[string]string{
		"half a surrogate pair": `"M\ud800ller"`, "the other half": `"M\udc00ller"`, "ISO 8859-1": "\"M\xfcller\"", "in an object": `{"read":["\ud800"]}`,
	} {
		for _, claim := range []string{"sub", "chat", "iss", "aud", "exp", "name", "avatar", "role"} {
			t.Run(claim+"/"+name, func(t *testing.T) {
				texts := map[string]string{"sub": `"u7"`, "exp": "9007199254740", claim: bad}
				var list []string
				for claim, text := range texts {
					list = append(list, `"`+claim+`":`+text)
				}
				id, err := authenticate(&identity.JWT{Keys: []identity.Key{mustSecret(t, siteSecret)}}, signText(t, `{"alg":"HS256"}`, "{"+strings.Join(list, ",")+"}"))
				switch claim {
				case "name", "avatar", "role":
					if err != nil || id.User.ID != "u7" || len(id.Claims["role"]) > 0 {
						t.Errorf("%+v, %v", id, err)
					}
				default:
					checkRefused(t, name, err, wire.BadToken)
				}
			})
		}
	}
}

// A token that asks for an extension (RFC 7515, section 4.1.11) is refused: there is none that is
// known here.
func TestJWT_Crit_IsRefused(t *testing.T) {
	j := &identity.JWT{Keys: []identity.Key{mustSecret(t, siteSecret)}}
	const claims = `{"sub":"u7","exp":9007199254740}`
	if _, err := authenticate(j, signText(t, `{"alg":"HS256"}`, claims)); err != nil {
		t.Error(err)
	}
	for _, crit := range []string{`["b64"],"b64":false`, `["exp"]`, `[]`, `"exp"`} {
		_, err := authenticate(j, signText(t, `{"alg":"HS256","crit":`+crit+`}`, claims))
		checkRefused(t, crit, err, wire.BadToken)
	}
}

// signText returns a token of the site with this header and these claims, byte for byte.
func signText(t *testing.T, header, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(siteSecret))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}
