package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

const siteSecret = "a secret of thirty-two bytes or more"

type claims map[string]any

func mustSecret(t *testing.T, secret string) identity.Key {
	t.Helper()
	k, err := identity.Secret([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sign returns a token of the site. It expires in an hour unless c has exp.
func sign(t *testing.T, c claims) string {
	t.Helper()
	return signWith(t, jwt.SigningMethodHS256, []byte(siteSecret), nil, c)
}

func signWith(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, c claims) string {
	t.Helper()
	all := jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, jwt.MapClaims(c))
	token := jwt.NewWithClaims(method, all)
	maps.Copy(token.Header, header)
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func publicPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// keyPair is a key and a way to sign with it.
type keyPair struct {
	method  jwt.SigningMethod
	private any
	public  any
}

// keyPairs returns a pair for every asymmetric algorithm, by its name.
func keyPairs(t *testing.T) map[string]keyPair {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string]keyPair{"EdDSA": {jwt.SigningMethodEdDSA, private, public}}
	for _, m := range []jwt.SigningMethod{
		jwt.SigningMethodRS256, jwt.SigningMethodRS384, jwt.SigningMethodRS512,
		jwt.SigningMethodPS256, jwt.SigningMethodPS384, jwt.SigningMethodPS512,
	} {
		pairs[m.Alg()] = keyPair{m, r, &r.PublicKey}
	}
	for m, curve := range map[jwt.SigningMethod]elliptic.Curve{
		jwt.SigningMethodES256: elliptic.P256(), jwt.SigningMethodES384: elliptic.P384(), jwt.SigningMethodES512: elliptic.P521(),
	} {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		pairs[m.Alg()] = keyPair{m, k, &k.PublicKey}
	}
	return pairs
}

func TestJWT_EveryAlgorithm(t *testing.T) {
	for _, m := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
		j := &identity.JWT{Keys: []identity.Key{mustSecret(t, siteSecret)}}
		if id, err := authenticate(j, signWith(t, m, []byte(siteSecret), nil, claims{"sub": "ann"})); err != nil || id.User.ID != "ann" {
			t.Errorf("%s: %v", m.Alg(), err)
		}
	}
	pairs := keyPairs(t)
	var all []identity.Key
	for alg, p := range pairs {
		keys, err := identity.PublicKeys(publicPEM(t, p.public))
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		if id, err := authenticate(&identity.JWT{Keys: keys}, signWith(t, p.method, p.private, nil, claims{"sub": "ann"})); err != nil || id.User.ID != "ann" {
			t.Errorf("%s: %v", alg, err)
		}
		all = append(all, keys...)
	}
	for alg, p := range pairs { // several keys, as during a rotation
		if _, err := authenticate(&identity.JWT{Keys: all}, signWith(t, p.method, p.private, nil, claims{"sub": "ann"})); err != nil {
			t.Errorf("%s among others: %v", alg, err)
		}
	}
}

// webKey returns a key as a JSON Web Key, private members included.
func webKey(t *testing.T, key any, use jwkset.USE, alg jwkset.ALG) string {
	t.Helper()
	jwk, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{
		Metadata: jwkset.JWKMetadataOptions{KID: "k1", USE: use},
		Marshal:  jwkset.JWKMarshalOptions{Private: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := jwk.Marshal()
	m.ALG = alg
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestJWT_WebKeys(t *testing.T) {
	pairs := keyPairs(t)
	ps, es := pairs["PS256"], pairs["ES256"]
	one := webKey(t, ps.public, "sig", "PS256")
	for _, text := range []string{one, ` {"keys":[` + one + `,` + webKey(t, es.public, "", "") + `]}`} {
		keys, err := identity.PublicKeys([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		j := &identity.JWT{Keys: keys}
		for id, good := range map[string]bool{"k1": true, "": true, "k2": false} {
			_, err := authenticate(j, signWith(t, ps.method, ps.private, map[string]any{"kid": id}, claims{"sub": "ann"}))
			if good && err != nil {
				t.Errorf("kid %q: %v", id, err)
			} else if !good {
				checkRefused(t, "another key's id", err, wire.BadToken)
			}
		}
		// The key decides the algorithm, not the token.
		_, err = authenticate(j, signWith(t, jwt.SigningMethodRS256, ps.private, nil, claims{"sub": "ann"}))
		checkRefused(t, "another alg than the key's", err, wire.BadToken)
	}
}

func TestJWT_Claims(t *testing.T) {
	j := &identity.JWT{Keys: []identity.Key{mustSecret(t, siteSecret)}, Issuer: "https://shop.example", Audience: "chat"}
	id, err := authenticate(j, sign(t, claims{
		"sub": "u7", "name": "Li", "avatar": "https://shop.example/li.png", "iss": "https://shop.example", "aud": []string{"web", "chat"},
		"role": "staff", "teams": []string{"a", "b"}, "level": 3, "vip": true, "tenant": json.Number("9007199254740993"), "address": claims{"city": "x"},
		"chat": claims{"read": []string{"news", "team-*"}, "write": []string{"team-*"}, "moderate": []string{}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if id.User != (journal.User{ID: "u7", Name: "Li", Avatar: "https://shop.example/li.png"}) || !id.Settled || time.Until(id.Expires) < 59*time.Minute {
		t.Errorf("%+v", id)
	}
	if g := id.Grants; g == nil || !reflect.DeepEqual(*g, access.Grants{Read: []string{"news", "team-*"}, Write: []string{"team-*"}, Moderate: []string{}}) {
		t.Errorf("grants %+v", g)
	}
	want := map[string][]string{"iss": {"https://shop.example"}, "aud": {"web", "chat"}, "role": {"staff"}, "teams": {"a", "b"}, "level": {"3"}, "vip": {"true"}}
	if !reflect.DeepEqual(id.Claims, want) {
		t.Errorf("claims %v", id.Claims)
	}
	plain, err := authenticate(&identity.JWT{Keys: j.Keys}, sign(t, claims{"sub": "u7"}))
	if err != nil || plain.Settled || plain.Grants != nil {
		t.Errorf("%+v, %v", plain, err)
	}
}

// Only claims that policies can refer to count.
func TestJWT_Claims_AreBounded(t *testing.T) {
	j := &identity.JWT{Keys: []identity.Key{mustSecret(t, siteSecret)}}
	c := claims{"sub": "u7", "ignored": 1.5, "an object": claims{}}
	for i := range 50 {
		c[fmt.Sprint("claim", i)] = "x"
	}
	token := sign(t, c)
	for range 50 { // claims are read in a random order
		if id, err := authenticate(j, token); err != nil || len(id.Claims) != 50 {
			t.Fatalf("50 claims and two that are ignored: %v", err)
		}
	}
	c["one more"] = true
	token = sign(t, c)
	for range 50 {
		id, err := authenticate(j, token)
		if err != nil || len(id.Claims) != 50 || id.Claims["claim0"] == nil || id.Claims["one more"] != nil {
			t.Fatalf("51 claims: %v, %v", id, err)
		}
	}
}

// Each attack must get exactly its code.
func TestJWT_Attacks(t *testing.T) {
	pairs := keyPairs(t)
	rs, es := pairs["RS256"], pairs["ES256"]
	public := publicPEM(t, rs.public)
	keys, err := identity.PublicKeys(append(public, publicPEM(t, es.public)...))
	if err != nil {
		t.Fatal(err)
	}
	secret := mustSecret(t, siteSecret)
	site := &identity.JWT{Keys: append(keys, secret), Issuer: "me", Audience: "chat", Leeway: time.Minute}
	asymmetric := &identity.JWT{Keys: keys}
	good := func(more claims) claims {
		c := claims{"sub": "ann", "iss": "me", "aud": "chat"}
		maps.Copy(c, more)
		return c
	}
	now := time.Now()
	unix := func(d time.Duration) int64 { return now.Add(d).Unix() }
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	body := encode(`{"sub":"ann","iss":"me","aud":"chat","exp":99999999999}`)
	if _, err := authenticate(site, sign(t, good(nil))); err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil {
		if _, err := identity.PublicKeys(publicPEM(t, &small.PublicKey)); err == nil {
			t.Error("an RSA key of 1024 bits is accepted")
		}
	}
	none := signWith(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, good(nil))
	for name, c := range map[string]struct {
		by    *identity.JWT
		token string
		code  wire.Code
	}{
		"alg none":                 {site, none, wire.BadToken},
		"alg None":                 {site, encode(`{"alg":"None"}`) + "." + body + ".", wire.BadToken},
		"alg left out":             {site, encode(`{}`) + "." + body + ".", wire.BadToken},
		"alg nOnE, signed":         {site, encode(`{"alg":"nOnE"}`) + "." + body + ".AAAA", wire.BadToken},
		"public key as the secret": {asymmetric, signWith(t, jwt.SigningMethodHS256, public, nil, good(nil)), wire.BadToken},
		"secret where keys are":    {asymmetric, sign(t, good(nil)), wire.BadToken},
		"another's key":            {site, signWith(t, pairs["ES256"].method, mustECDSA(t), nil, good(nil)), wire.BadToken},
		"signature cut":            {site, strings.TrimSuffix(sign(t, good(nil)), "A")[:80], wire.BadToken},
		"no signature":             {site, sign(t, good(nil))[:strings.LastIndex(sign(t, good(nil)), ".")+1], wire.BadToken},
		"expired":                  {site, sign(t, good(claims{"exp": unix(-2 * time.Minute)})), wire.Expired},
		"expired, for another":     {site, sign(t, good(claims{"exp": 1, "aud": "mail"})), wire.BadToken},
		"expired, by another":      {site, sign(t, good(claims{"exp": 1, "iss": "you"})), wire.BadToken},
		"exp left out":             {site, sign(t, good(claims{"exp": nil})), wire.BadToken},
		"exp a text":               {site, sign(t, good(claims{"exp": "tomorrow"})), wire.BadToken},
		"not yet":                  {site, sign(t, good(claims{"nbf": unix(2 * time.Minute)})), wire.BadToken},
		"wrong issuer":             {site, sign(t, good(claims{"iss": "you"})), wire.BadToken},
		"no issuer":                {site, sign(t, good(claims{"iss": nil})), wire.BadToken},
		"wrong audience":           {site, sign(t, good(claims{"aud": "mail"})), wire.BadToken},
		"no audience":              {site, sign(t, good(claims{"aud": nil})), wire.BadToken},
		"no sub":                   {site, sign(t, good(claims{"sub": nil})), wire.BadToken},
		"sub a number":             {site, sign(t, good(claims{"sub": 7})), wire.BadToken},
		"sub too long":             {site, sign(t, good(claims{"sub": strings.Repeat("x", 129)})), wire.BadToken},
		"sub with control":         {site, sign(t, good(claims{"sub": "a\nb"})), wire.BadToken},
		"sub of a guest":           {site, sign(t, good(claims{"sub": "guest-abc"})), wire.BadToken},
		"sub of a WeChat user":     {site, sign(t, good(claims{"sub": "wx-abc"})), wire.BadToken},
		"chat a list":              {site, sign(t, good(claims{"chat": []string{"*"}})), wire.BadToken},
		"chat.read a number":       {site, sign(t, good(claims{"chat": claims{"read": 1}})), wire.BadToken},
		"chat.read a bad pattern":  {site, sign(t, good(claims{"chat": claims{"read": []string{"{admin}"}}})), wire.BadToken},
		"chat.write too long":      {site, sign(t, good(claims{"chat": claims{"write": make([]string, 101)}})), wire.BadToken},
		"kid of a path":            {&identity.JWT{Keys: []identity.Key{secret}}, signWith(t, jwt.SigningMethodHS256, []byte{}, map[string]any{"kid": "../../../dev/null"}, good(nil)), wire.BadToken},
		"kid a number":             {site, signWith(t, jwt.SigningMethodHS256, []byte(siteSecret), map[string]any{"kid": 7}, good(nil)), wire.BadToken},
		"jku of the attacker's":    {site, signWith(t, es.method, mustECDSA(t), map[string]any{"jku": "https://evil.example/keys"}, good(nil)), wire.BadToken},
		"jwk of the attacker's":    {site, signWith(t, es.method, mustECDSA(t), map[string]any{"jwk": claims{"kty": "EC"}}, good(nil)), wire.BadToken},
		"nested JWT":               {site, signWith(t, jwt.SigningMethodHS256, []byte(siteSecret), map[string]any{"cty": "JWT"}, claims{"sub": sign(t, good(nil))}), wire.BadToken},
		"giant":                    {site, sign(t, good(claims{"x": strings.Repeat("x", 8<<10)})), wire.BadToken},
		"five parts":               {site, sign(t, good(nil)) + ".x.x", wire.BadToken},
		"not a token":              {site, "x", wire.BadToken},
		"spaces":                   {site, " " + sign(t, good(nil)), wire.BadToken},
		"JSON of junk":             {site, encode(`{"alg":"HS256"`) + "." + body + ".AAAA", wire.BadToken},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := authenticate(c.by, c.token)
			if err == nil {
				t.Fatalf("accepted as %+v", id)
			}
			checkRefused(t, name, err, c.code)
			if strings.Contains(err.Error(), c.token) || strings.Contains(err.Error(), siteSecret) {
				t.Errorf("the error contains the token or the secret: %v", err)
			}
		})
	}
	for name, c := range map[string]claims{
		"expired within the leeway":      good(claims{"exp": unix(-30 * time.Second)}),
		"not yet, but within the leeway": good(claims{"nbf": unix(30 * time.Second)}),
		"a claim that is ignored":        good(claims{"x": []any{1, claims{}}}),
	} {
		if id, err := authenticate(site, sign(t, c)); err != nil || !id.Expires.After(time.Now()) {
			t.Errorf("%s: %v, %+v", name, err, id)
		}
	}
}

func mustECDSA(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestJWT_InvalidSettings_AreErrors(t *testing.T) {
	for want, j := range map[string]*identity.JWT{
		"needs a key":     {},
		"must be an http": {KeySet: &identity.KeySet{URL: "file:///etc/keys"}},
		"leeway must":     {Keys: []identity.Key{mustSecret(t, siteSecret)}, Leeway: time.Hour},
	} {
		if err := j.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := identity.Secret([]byte("short")); err == nil {
		t.Error("a short secret is accepted")
	}
	for want, text := range map[string]string{
		"no PEM block":          "x",
		"neither PEM nor":       "{",
		"no JSON Web Key in it": "{}",
		"is a secret":           `{"kty":"oct","k":"` + strings.Repeat("QUFB", 20) + `"}`,
		"is a private key":      webKey(t, mustECDSA(t), "", ""),
		"not for signatures":    webKey(t, &mustECDSA(t).PublicKey, "enc", ""),
		"not support its alg":   webKey(t, &mustECDSA(t).PublicKey, "", "ES384"),
		"JSON Web Key 1: ":      `{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}`,
		"takes too long to use": string(publicPEM(t, &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 20000), E: 65537})),
		"neither a public key":  string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x")})),
		"not an RSA, ECDSA or ": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})),
	} {
		if _, err := identity.PublicKeys([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Tokens of several issuers each get in by the keys, the issuer and the audience of one of them;
// who is refused hears what is wrong by the one that fits best, whatever the order.
func TestJWTs(t *testing.T) {
	one := strings.Repeat("1", 32)
	two := strings.Repeat("2", 32)
	var refused string
	issuer := func(name, secret, audience string) *identity.JWT {
		return &identity.JWT{
			Issuer: name, Audience: audience, Keys: []identity.Key{mustSecret(t, secret)},
			Refused: func(err error) { refused = name + ": " + err.Error() },
		}
	}
	down := &identity.JWT{Issuer: "down", KeySet: &identity.KeySet{URL: "http://127.0.0.1:1/keys"}}
	down.Refused = func(err error) { refused = "down: " + err.Error() }
	list := identity.JWTs{issuer("a", one, "chat"), issuer("b", two, "chat"), issuer("c", two, ""), down}
	code := func(c wire.Code) *wire.Code { return &c }
	soon, ago := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	for i, c := range []struct {
		secret string
		claims claims
		code   *wire.Code // nil: it lets in
		why    string
	}{
		{one, claims{"iss": "a", "aud": "chat", "exp": soon}, nil, ""},
		{two, claims{"iss": "b", "aud": "chat", "exp": soon}, nil, ""},
		{two, claims{"iss": "c", "exp": soon}, nil, ""},
		{one, claims{"iss": "b", "aud": "chat", "exp": soon}, code(wire.BadToken), "b: token signature is invalid"},
		{two, claims{"iss": "a", "aud": "chat", "exp": soon}, code(wire.BadToken), "a: token signature is invalid"},
		{two, claims{"iss": "b", "aud": "mail", "exp": soon}, code(wire.BadToken), "b: aud: "},
		{two, claims{"iss": "b", "aud": "chat", "exp": ago}, code(wire.Expired), "b: exp: "},
		{one, claims{"iss": "x", "aud": "chat", "exp": soon}, code(wire.BadToken), ": iss: "},
		{two, claims{"iss": []any{"b"}, "aud": "chat", "exp": soon}, code(wire.BadToken), ": iss: "},
		{one, claims{"iss": "down", "exp": soon}, code(wire.Unavailable), ""},
	} {
		c.claims["sub"] = "u7"
		token := signWith(t, jwt.SigningMethodHS256, []byte(c.secret), nil, c.claims)
		for range 2 {
			refused = ""
			id, err := list.Authenticate(t.Context(), access.Credential{Token: token})
			var told *wire.Error
			is := errors.As(err, &told)
			if is != (c.code != nil) || is && told.Code != *c.code || is != (id == nil) || !strings.Contains(refused, c.why) {
				t.Errorf("%d: %v, %v, %q", i, id, err, refused)
			}
			slices.Reverse(list)
		}
	}
	// The claim iss does not choose here: the signature does.
	list = identity.JWTs{issuer("", one, "chat"), issuer("", two, "chat"), issuer("b", two, "mail")}
	token := signWith(t, jwt.SigningMethodHS256, []byte(two), nil, claims{"sub": "u7", "iss": "b", "aud": "chat", "exp": ago})
	for range 2 {
		if _, err := list.Authenticate(t.Context(), access.Credential{Token: token}); err == nil || !strings.Contains(refused, ": exp: ") {
			t.Errorf("an expired token of the second: %v, %q", err, refused)
		}
		slices.Reverse(list)
	}
	if _, err := list.Authenticate(t.Context(), access.Credential{}); err != access.ErrNoCredential {
		t.Errorf("without a token: %v", err)
	}
}
