package identity_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// target is a site with every authenticator, and one valid token of each kind.
type target struct {
	list                    identity.First
	weChat                  *identity.WeChat
	site, user, guest       string
	siteID, userID, guestID string
}

func newTarget(t *testing.T) *target {
	t.Helper()
	// All share one storage, as in a server: their keys must not mix.
	secrets := new(identity.MemorySecrets)
	h := &target{weChat: newFakeWeChat(t).weChat(t, func(o *identity.WeChatOptions) { o.Secrets = secrets })}
	site := &identity.JWT{Keys: []identity.Key{mustSecret(t, siteSecret)}, Issuer: "me", Audience: "chat"}
	h.list = identity.First{site, h.weChat, identity.NewGuest(secrets, 0)}
	h.site, h.siteID = sign(t, claims{"sub": "ann", "iss": "me", "aud": "chat"}), "ann"
	li, err := login(t, h.weChat, "li-1", "")
	if err != nil {
		t.Fatal(err)
	}
	h.user, h.userID = li.Token, li.User.ID
	guest, err := authenticate(h.list, "")
	if err != nil {
		t.Fatal(err)
	}
	h.guest, h.guestID = guest.Token, guest.User.ID
	return h
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(t *testing.T, text string) string {
	t.Helper()
	p, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// forge replaces a text in the header (part 0) or the claims (part 1) of a token
// and keeps the signature.
func forge(t *testing.T, token string, part int, from, to string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	was := decode(t, parts[part])
	now := strings.Replace(was, from, to, 1)
	if now == was {
		t.Fatalf("%s has no %s", was, from)
	}
	parts[part] = encode(now)
	return strings.Join(parts, ".")
}

// Every attack must be refused with exactly its code, and must not allocate much.
func TestAttacks_OnAllAuthenticators(t *testing.T) {
	h := newTarget(t)
	for want, token := range map[string]string{h.siteID: h.site, h.userID: h.user, h.guestID: h.guest} {
		if id, err := authenticate(h.list, token); err != nil || id.User.ID != want || id.User.Guest != (want == h.guestID) {
			t.Fatalf("%+v, %v, want %s", id, err, want)
		}
	}
	const guestType, weChatType = "chat-guest+jwt", "chat-wechat+jwt"
	typed := func(typ string, c claims) string {
		return signWith(t, jwt.SigningMethodHS256, []byte(siteSecret), map[string]any{"typ": typ}, c)
	}
	valid := `{"sub":"ann","iss":"me","aud":"chat","exp":99999999999}`
	for name, token := range map[string]string{
		"a guest's as the site's":        forge(t, h.guest, 0, guestType, "JWT"),
		"a guest's as WeChat's":          forge(t, h.guest, 0, guestType, weChatType),
		"a guest's, of no type":          forge(t, h.guest, 0, guestType, ""),
		"WeChat's as a guest's":          forge(t, h.user, 0, weChatType, guestType),
		"the site's as a guest's":        forge(t, h.site, 0, `"JWT"`, `"`+guestType+`"`),
		"a guest's by the site's key":    typed(guestType, claims{"sub": h.guestID}),
		"WeChat's by the site's key":     typed(weChatType, claims{"sub": h.userID}),
		"the site's for a guest's id":    typed("JWT", claims{"sub": h.guestID, "iss": "me", "aud": "chat"}),
		"the site's for a WeChat id":     typed("JWT", claims{"sub": h.userID, "iss": "me", "aud": "chat"}),
		"two types":                      forge(t, h.guest, 0, `"typ"`, `"TYP":"JWT","typ"`),
		"two types, the other way":       forge(t, h.site, 0, `"typ"`, `"TYP":"`+guestType+`","typ"`),
		"another guest":                  forge(t, h.guest, 1, h.guestID, "guest-a"),
		"another WeChat user":            forge(t, h.user, 1, h.userID, "wx-a"),
		"another user":                   forge(t, h.site, 1, `"ann"`, `"ben"`),
		"a longer life":                  forge(t, h.guest, 1, `"exp":`, `"exp":9`),
		"a guest's by alg none":          forge(t, h.guest, 0, "HS256", "none"),
		"WeChat's by alg none":           forge(t, h.user, 0, "HS256", "none"),
		"a guest's by HS512":             forge(t, h.guest, 0, "HS256", "HS512"),
		"a guest's, kid of a path":       forge(t, h.guest, 0, `"kid":"`, `"kid":"../../../../dev/null`),
		"a guest's, kid left out":        forge(t, h.guest, 0, `"kid"`, `"no"`),
		"a guest's, kid a number":        encode(`{"alg":"HS256","kid":7,"typ":"`+guestType+`"}`) + "." + encode(valid) + ".AAAA",
		"a guest's, signed with nothing": signWith(t, jwt.SigningMethodHS256, []byte{}, map[string]any{"typ": guestType, "kid": ""}, claims{"sub": h.guestID}),
		"a signature cut":                h.user[:len(h.user)-1],
		"a signature of trailing bits":   h.user[:len(h.user)-1] + nextBase64(h.user[len(h.user)-1]),
		"a signature with a line break":  h.user[:len(h.user)-4] + "\n" + h.user[len(h.user)-4:],
		"the site's with a line break":   h.site[:len(h.site)-4] + "\r\n" + h.site[len(h.site)-4:],
		"parts too few":                  strings.Join(strings.Split(h.site, ".")[:2], "."),
		"parts too many":                 h.site + ".",
		"five parts":                     strings.Repeat(encode("{}")+".", 4) + encode("x"),
		"dots":                           "..",
		"a megabyte":                     strings.Repeat("x", 1<<20),
		"a megabyte of dots":             strings.Repeat(".", 1<<20),
		"a megabyte for a guest":         forge(t, h.guest, 0, guestType, guestType+`","x":"`+strings.Repeat("x", 1<<20)),
		"deep JSON":                      encode(`{"alg":"HS256","x":`+strings.Repeat("[", 4000)) + "." + encode("{}") + ".AAAA",
		"deep claims":                    encode(`{"alg":"HS256"}`) + "." + encode(strings.Repeat(`{"a":`, 1000)+"1"+strings.Repeat("}", 1000)) + ".AAAA",
		"500 headers":                    encode(manyMembers(500)) + "." + encode(valid) + ".AAAA",
		"JSON null":                      encode("null") + "." + encode("null") + ".",
		"not UTF-8":                      "\xff\xfe." + encode(valid) + ".x",
		"a space":                        " ",
	} {
		t.Run(name, func(t *testing.T) {
			id, err := authenticate(h.list, token)
			if err == nil {
				t.Fatalf("accepted as %+v", id)
			}
			checkRefused(t, name, err, wire.BadToken)
			if strings.Contains(err.Error(), token) && len(token) > 2 {
				t.Errorf("the error repeats the token: %v", err)
			}
			const bound = 64 * (8 << 10) // 64 times the longest token
			if cost := allocated(func() { authenticate(h.list, token) }); cost > bound {
				t.Errorf("allocates %d bytes, want %d at most", cost, bound)
			}
		})
	}
	expired := sign(t, claims{"sub": "ann", "iss": "me", "aud": "chat", "exp": time.Now().Add(-time.Minute).Unix()})
	_, err := authenticate(h.list, expired)
	checkRefused(t, "expired", err, wire.Expired)
	_, err = login(t, h.weChat, "li-1", "")
	checkRefused(t, "a code replayed", err, wire.BadCode)
}

// nextBase64 returns the character that differs in the last bit, which a lenient
// decoder ignores at the end of 32 bytes.
func nextBase64(c byte) string {
	const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(all[strings.IndexByte(all, c)^1])
}

// manyMembers returns a header with n unknown members.
func manyMembers(n int) string {
	var b strings.Builder
	b.WriteString(`{"alg":"HS256"`)
	for i := range n {
		fmt.Fprintf(&b, `,"a%d":1`, i)
	}
	return b.String() + "}"
}

// allocated returns how many bytes f allocates, averaged over some runs.
func allocated(f func()) uint64 {
	const runs = 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

// No memory stays allocated, however many tokens are made up and guests created.
func TestAttacks_AFlood_LeavesNoMemory(t *testing.T) {
	h := newTarget(t)
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	flood := func(n int) {
		for i := range n {
			for _, token := range []string{
				signWith(t, jwt.SigningMethodHS256, []byte("x"), map[string]any{"typ": "chat-guest+jwt", "kid": fmt.Sprint(i)}, claims{"sub": fmt.Sprint("guest-", i)}),
				signWith(t, jwt.SigningMethodHS256, []byte("x"), map[string]any{"kid": fmt.Sprint(i)}, claims{"sub": fmt.Sprint(i)}),
			} {
				var e *wire.Error
				if _, err := authenticate(h.list, token); !errors.As(err, &e) || e.Code != wire.BadToken {
					t.Fatal(err)
				}
			}
			if _, err := authenticate(h.list, ""); err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/chat/login", nil)
			if _, err := h.weChat.Login(r, strings.Repeat("x", 129)); err == nil {
				t.Fatal("an overlong code is accepted")
			}
		}
	}
	flood(500) // allocates what is allocated once
	before := held()
	flood(3000)
	const bound = 128 << 10
	after := held()
	if after > before+bound {
		t.Errorf("%d bytes stay allocated, want %d at most", after-before, bound)
	}
	runtime.KeepAlive(h)
}
