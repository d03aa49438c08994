package chat_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// keyOf is the secret of the key of that name.
func keyOf(name string) string { return name + strings.Repeat("-", access.MinSecret) }

// newKey returns a key that may read and write everywhere but for change.
func newKey(t *testing.T, name string, change func(*access.Key)) access.Key {
	t.Helper()
	s, err := access.NewSecret(keyOf(name))
	if err != nil {
		t.Fatal(err)
	}
	k := access.Key{Name: name, Secrets: []access.Secret{s}}
	change(&k)
	if err := (access.Keys{k}).Validate(); err != nil {
		t.Fatal(err)
	}
	return k
}

// A key speaks where its scopes let it, whatever the policies say, and the entry says who
// it was.
func TestKeys_Speak_ByTheirScopes(t *testing.T) {
	every, none := []string{"*"}, access.Policies{{Pattern: "*", Read: subject(t, "users")}}
	set := chat.Settings{Policies: none, Keys: access.Keys{
		newKey(t, "writer", func(k *access.Key) { k.Write = []string{"tea", "@*"} }),
		newKey(t, "reader", func(k *access.Key) { k.Read = every }),
		newKey(t, "both", func(k *access.Key) { k.Read, k.Write, k.As = every, every, []string{"u*"} }),
		newKey(t, "far", func(k *access.Key) { k.Read, k.From = every, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }),
	}}
	url, ws, _ := messagesURL(t, set)
	const hi = `{"body":"hi"}`
	for _, c := range []struct {
		method, room, token, body string
		status                    int
		words                     string
	}{
		{"POST", "tea", keyOf("writer"), hi, 201, ""},
		{"POST", "@ann", keyOf("writer"), hi, 201, ""},
		{"POST", "@", keyOf("writer"), hi, 403, ""},
		{"POST", "@hub-0", keyOf("writer"), hi, 403, ""},
		{"POST", "cup", keyOf("writer"), hi, 403, ""},
		{"GET", "tea", keyOf("writer"), "", 403, ""},
		{"GET", "tea", keyOf("reader"), "", 200, ""},
		{"GET", "%40ann", keyOf("reader"), "", 403, ""},
		{"GET", "%40ann", "ann", "", 200, ""},
		{"POST", "%40ann", "ann", hi, 403, ""},
		{"GET", "%40ann", "ben", "", 403, ""},
		{"POST", "tea", keyOf("reader"), hi, 403, ""},
		{"POST", "tea?as=u7", keyOf("both"), hi, 201, ""},
		{"POST", "tea?as=ann", keyOf("both"), hi, 403, "may not act as this user"},
		{"POST", "tea?as=bot-both", keyOf("both"), hi, 403, "may not act as this user"},
		{"POST", "tea?as=u%00", keyOf("both"), hi, 403, "may not act as this user"},
		{"POST", "tea?as=u7&as=u8", keyOf("both"), hi, 400, "each parameter once"},
		{"POST", "tea?as=u7", "u7", hi, 403, "as is for keys"},
		{"POST", "tea?token=" + keyOf("both"), "", hi, 401, "token is needed"},
		{"POST", "tea?key=" + keyOf("both"), "", hi, 401, "token is needed"},
		{"GET", "tea", keyOf("far"), "", 403, "not be used from your address"},
	} {
		room, query, _ := strings.Cut(c.room, "?")
		status, answer, _ := call(t, c.method, url+room+"/messages?"+query, c.token, c.body)
		if detail, _ := answer["detail"].(string); status != c.status || !strings.Contains(detail, c.words) {
			t.Errorf("%s %s: %d %v, want %d %s", c.method, c.room, status, answer, c.status, c.words)
		}
	}
	c := dialV1(t, ws)
	c.send(`{"type":"hello","token":"ann","rooms":[{"room":"tea"},{"room":"@ann"}]}`)
	c.expect(`{"type":"welcome","rooms":[{"room":"tea","entries":[
		{"type":"message","from":{"id":"bot-writer","name":"writer","bot":true},"body":"hi","…":"…"},
		{"type":"message","from":{"id":"u7","name":""},"via":"both","body":"hi","…":"…"}],"…":"…"},
		{"room":"@ann","write":false,"entries":[{"type":"message","from":{"id":"bot-writer","name":"writer","bot":true},"…":"…"}],"…":"…"}],"…":"…"}`)
	if status, _, _ := call(t, "POST", url+"@ann/messages", keyOf("writer"), `{"body":"live"}`); status != http.StatusCreated {
		t.Error(status)
	}
	c.expect(`{"type":"message","room":"@ann","body":"live","…":"…"}`)
}

// A key is no token: it opens no session.
func TestKeys_OpenNoSession(t *testing.T) {
	set := chat.Settings{Keys: access.Keys{newKey(t, "k", func(k *access.Key) { k.Read, k.Write = []string{"*"}, []string{"*"} })}}
	h := &chat.Handler{Auth: refusing{}}
	ws, _ := serve(t, chat.Config{Settings: set, Journal: journals["memory"](t)}, h)
	if got := answerTo(t, ws+"?token="+keyOf("k")); got != http.StatusUnauthorized {
		t.Errorf("raw: %d", got)
	}
	c := dialV1(t, ws)
	c.send(`{"type":"hello","id":"1","token":"` + keyOf("k") + `"}`)
	c.expect(`{"type":"error","id":"1","code":"bad_token","…":"…"}`)
}

// The rate of a key is its own: other keys and users are not told to wait.
func TestKeys_HaveTheirOwnRate(t *testing.T) {
	every := []string{"*"}
	scopes := func(k *access.Key) { k.Read, k.As = every, every }
	set := chat.Settings{Keys: access.Keys{newKey(t, "a", scopes), newKey(t, "b", scopes)}, KeyRate: access.Rate{PerSecond: 0.001, Burst: 2}}
	url, _, _ := messagesURL(t, set)
	for i, want := range []int{200, 200, 429} {
		query := []string{"", "?as=u1", "?as=u2"}[i] // whoever it acts as
		if got, _, _ := call(t, "GET", url+"tea/messages"+query, keyOf("a"), ""); got != want {
			t.Errorf("%d: %d", i, got)
		}
	}
	for _, token := range []string{keyOf("b"), "u1"} {
		if got, _, _ := call(t, "GET", url+"tea/messages", token, ""); got != 200 {
			t.Errorf("%s: %d", token, got)
		}
	}
}

// refusing is an Authenticator that knows nobody.
type refusing struct{}

func (refusing) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	return nil, wire.BadToken.Error("")
}
