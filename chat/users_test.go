package chat_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// usersSite is a hub with a key for users, one for everything in rooms, and one for conversations.
type usersSite struct {
	t        *testing.T
	base, ws string
}

func newUsersSite(t *testing.T, j journal.Journal, secrets identity.Secrets) *usersSite {
	every := []string{"*"}
	set := chat.Settings{Policies: chatApp(t), Keys: access.Keys{
		newKey(t, "k", func(k *access.Key) { k.Users = true }),
		newKey(t, "rooms", func(k *access.Key) {
			k.Read, k.Write, k.Members, k.As = []string{"*", "@*"}, []string{"*", "@*"}, every, every
			k.Moderate = []string{"*", "@*"}
		}),
		newKey(t, "founder", func(k *access.Key) { k.Members = every }),
	}}
	issuer := identity.NewIssuer(secrets, "default")
	h := &chat.Handler{Auth: identity.First{issuer, identity.NewGuest(secrets, 0), tokens{}}, Tokens: issuer}
	ws, _ := serve(t, chat.Config{Settings: set, Journal: j}, h)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeRequest(w, r, r.URL.EscapedPath())
	}))
	t.Cleanup(srv.Close)
	return &usersSite{t, srv.URL, ws}
}

// ok makes a request of a key, which must have this status.
func (s *usersSite) ok(want int, key, method, path, body string) map[string]any {
	s.t.Helper()
	status, answer, _ := call(s.t, method, s.base+path, keyOf(key), body)
	if status != want {
		s.t.Errorf("%s %s: %d %v, want %d", method, path, status, answer, want)
	}
	return answer
}

// token asks for a token.
func (s *usersSite) token(user, body string) string {
	s.t.Helper()
	token, _ := s.ok(200, "k", "POST", "/users/"+user+"/token", body)["token"].(string)
	return token
}

// hello says hello with a token, or as a guest, and returns the client and its first frame.
func (s *usersSite) hello(token, more string) (*client, string) {
	s.t.Helper()
	c := dialV1(s.t, s.ws)
	if token != "" {
		more += fmt.Sprintf(`,"token":%q`, token)
	}
	c.send(`{"type":"hello"` + more + `}`)
	return c, c.next()
}

// eventually waits until ok returns true: for what is noted without anybody being told.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it never happened: %s", what)
}

// A user is known by what they have shown or what the site has said of them, and by when they
// were here.
func TestUsers_AreKnown(t *testing.T) {
	s := newUsersSite(t, journals["pebble"](t), new(identity.MemorySecrets))
	s.ok(404, "k", "GET", "/users/u1", "")
	began := float64(time.Now().UnixMilli())
	c, welcome := s.hello("u1", `,"name":"Uma"`)
	if !strings.Contains(welcome, "welcome") {
		t.Fatal(welcome)
	}
	eventually(t, "u1 is known", func() bool { return s.ok(200, "k", "GET", "/users/u1", "")["seen"] != nil })
	if u := s.ok(200, "k", "GET", "/users/u1", ""); u["online"] != true || u["id"] != "u1" {
		t.Errorf("%v", u)
	}
	came := s.ok(200, "k", "GET", "/users/u1", "")["seen"].(float64)
	if came < began {
		t.Errorf("seen at %v, before %v", came, began)
	}
	c.closeNow()
	eventually(t, "u1 has left", func() bool {
		u := s.ok(200, "k", "GET", "/users/u1", "")
		return u["online"] == false && u["seen"].(float64) > came
	})
	s.ok(200, "k", "PUT", "/users/u2", `{"name":" Ben\u0000 ","avatar":"javascript:x"}`)
	if u := s.ok(200, "k", "GET", "/users/u2", ""); !maps.Equal(u, map[string]any{"id": "u2", "name": "Ben", "online": false}) {
		t.Errorf("%v", u)
	}
	s.ok(201, "rooms", "POST", "/rooms?as=u2", `{"room":"g-1","owner":"u2","users":["u1"]}`)
	members := s.ok(200, "rooms", "GET", "/rooms/g-1/members", "")["users"].([]any)
	if got := fmt.Sprint(members); !strings.Contains(got, "Ben") {
		t.Errorf("others do not see the name: %v", got)
	}
	rows := s.ok(200, "k", "POST", "/presence", `{"users":["u2","nobody","u1"]}`)["users"].([]any)
	if len(rows) != 3 || rows[0].(map[string]any)["id"] != "u2" || rows[1].(map[string]any)["online"] != false || rows[2].(map[string]any)["seen"] == nil {
		t.Errorf("%v", rows)
	}
}

// What is no request about users is refused in words.
func TestUsers_BadRequests(t *testing.T) {
	s := newUsersSite(t, journals["memory"](t), new(identity.MemorySecrets))
	many := `{"users":["u1"` + strings.Repeat(`,"u1"`, 500) + `]}`
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		words              string
	}{
		"too many":             {"POST", "/presence", many, 400, "1 to 500"},
		"none":                 {"POST", "/presence", `{"users":[]}`, 400, "1 to 500"},
		"no id":                {"POST", "/presence", `{"users":["u1",""]}`, 400, "users[1]"},
		"a long id":            {"GET", "/users/" + long(129), "", 400, "1 to 128 bytes"},
		"a control character":  {"GET", "/users/u%00", "", 400, "control characters"},
		"no choice":            {"DELETE", "/users/u1", "", 400, "erase or keep"},
		"another choice":       {"DELETE", "/users/u1?messages=all", "", 400, "erase or keep"},
		"a token for too long": {"POST", "/users/u1/token", `{"for":2592000001}`, 400, "1000 to 2592000000"},
		"for no time":          {"POST", "/users/u1/token", `{"for":999}`, 400, "1000 to 2592000000"},
		"for a text":           {"POST", "/users/u1/token", `{"for":"24h"}`, 400, "for must be no string for"},
		"for a bot":            {"POST", "/users/bot-k/token", `{}`, 403, "bot-"},
		"for a guest":          {"POST", "/users/guest-x/token", `{}`, 403, "guest-"},
		"a name of a bot":      {"PUT", "/users/bot-k", `{"name":"x"}`, 403, "bot-"},
		"nothing":              {"PUT", "/users/u1", `{}`, 400, "name: is missing"},
		"null for a name":      {"PUT", "/users/u1", `{"name":null}`, 400, "name: is missing"},
		"no name":              {"PUT", "/users/u1", `{"nam":"x"}`, 400, "nam is not known here"},
	} {
		answer := s.ok(c.status, "k", c.method, c.path, c.body)
		if got := fmt.Sprint(answer["detail"], " ", answer["field"]); !strings.Contains(got, c.words) {
			t.Errorf("%s: %v, want %s", name, answer, c.words)
		}
	}
}

// A key may give a token to a user of WeChat, who is then the same user as in the mini program:
// docs/caddyfile.md says so. Whoever the key becomes by it, guests and the server's own are
// not among them.
func TestUsers_Tokens_OfWeChat(t *testing.T) {
	s := newUsersSite(t, journals["memory"](t), new(identity.MemorySecrets))
	if _, first := s.hello(s.token("wx-0a1b", `{}`), ""); !strings.Contains(first, `"user":{"id":"wx-0a1b","name":""}`) {
		t.Error(first)
	}
	for _, id := range []string{"guest-0a", "bot-k", "hub-operator"} {
		if answer := s.ok(403, "k", "POST", "/users/"+id+"/token", `{}`); answer["field"] != "id" {
			t.Errorf("%s: %v", id, answer)
		}
	}
}

// A token that a key has asked for lets its user in, also after a restart, until it ends or
// the user is signed out; then all that this server has given before are refused, and no
// others.
func TestUsers_Tokens_LetIn(t *testing.T) {
	secrets, dir := new(identity.MemorySecrets), t.TempDir()
	var old, guest string
	t.Run("first", func(t *testing.T) {
		s := newUsersSite(t, pebbleIn(t, dir), secrets)
		old = s.token("u1", `{"for":86400000}`)
		if _, first := s.hello(old, ""); !strings.Contains(first, `"user":{"id":"u1"`) {
			t.Error(first)
		}
		_, first := s.hello("", "")
		guest = first[strings.Index(first, `"token":"`)+len(`"token":"`):]
		guest = guest[:strings.Index(guest, `"`)]
	})
	s := newUsersSite(t, pebbleIn(t, dir), secrets)
	c, first := s.hello(old, "")
	if !strings.Contains(first, "welcome") {
		t.Fatal(first)
	}
	if status, answer, _ := call(t, "GET", s.base+"/list", old, ""); status != 200 {
		t.Errorf("over HTTP: %d %v", status, answer)
	}
	if got := s.ok(200, "k", "DELETE", "/users/u1/sessions", ""); got["sessions"] != 1.0 {
		t.Errorf("%v", got)
	}
	c.expect(`{"type":"bye","code":"kicked","…":"…"}`)
	for name, token := range map[string]string{"given before": old, "of nobody": old + "x"} {
		if _, first := s.hello(token, ""); !strings.Contains(first, "bad_token") {
			t.Errorf("a token %s: %s", name, first)
		}
	}
	if status, _, _ := call(t, "GET", s.base+"/list", old, ""); status != 401 {
		t.Errorf("over HTTP: %d", status)
	}
	for name, token := range map[string]string{"given afterwards": s.token("u1", `{}`), "of the site": "u1", "of a guest": guest, "of another user": s.token("u2", `{}`)} {
		if _, first := s.hello(token, ""); !strings.Contains(first, "welcome") {
			t.Errorf("a token %s: %s", name, first)
		}
	}
	user := "guest-" + guestOf(t, s, guest)
	s.ok(200, "k", "DELETE", "/users/"+user+"/sessions", "")
	if _, first := s.hello(guest, ""); !strings.Contains(first, "bad_token") {
		t.Errorf("a guest who was signed out: %s", first)
	}
}

// A token that is given right after its user was signed out is good: both may happen within
// a millisecond.
func TestUsers_Tokens_RightAfterSignOut(t *testing.T) {
	s := newUsersSite(t, journals["memory"](t), new(identity.MemorySecrets))
	for i := range 100 {
		s.ok(200, "k", "DELETE", "/users/u1/sessions", "")
		if status, answer, _ := call(t, "GET", s.base+"/rooms/tea/messages", s.token("u1", `{}`), ""); status == 401 {
			t.Fatalf("%d: %v", i, answer)
		}
	}
}

// guestOf returns what follows guest- in the id of the guest with this token.
func guestOf(t *testing.T, s *usersSite, token string) string {
	t.Helper()
	_, first := s.hello(token, "")
	_, rest, _ := strings.Cut(first, `"user":{"id":"guest-`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// Who is erased loses sessions, tokens, memberships and what is known of them; their messages
// only if the site says so. Others keep what they have.
func TestUsers_Erase(t *testing.T) {
	for _, messages := range []string{"erase", "keep"} {
		t.Run(messages, func(t *testing.T) {
			j := journals["pebble"](t)
			s := newUsersSite(t, j, new(identity.MemorySecrets))
			token := s.token("u1", `{}`)
			c, _ := s.hello(token, `,"name":"Uma"`)
			s.ok(201, "rooms", "POST", "/rooms", `{"room":"g-1","owner":"u2","users":["u1"]}`)
			s.ok(201, "rooms", "POST", "/rooms/g-1/messages?as=u1", `{"body":"my secret"}`)
			s.ok(201, "rooms", "POST", "/rooms/g-1/messages?as=u2", `{"body":"other words"}`)
			s.ok(201, "rooms", "POST", "/rooms/@u1/messages", `{"body":"for them alone"}`)
			got := s.ok(200, "k", "DELETE", "/users/u1?messages="+messages, "")
			want := map[string]float64{"sessions": 1, "left": 1, "messages": 1}
			if messages == "keep" {
				want["messages"] = 0
			}
			for field, n := range want {
				if got[field] != n {
					t.Errorf("%s: %v, want %v", field, got[field], n)
				}
			}
			c.expect(`{"type":"bye","code":"kicked","…":"…"}`)
			if _, first := s.hello(token, ""); !strings.Contains(first, "bad_token") {
				t.Errorf("the token: %s", first)
			}
			eventually(t, "404", func() bool { // the session may still be on its way out
				status, _, _ := call(t, "GET", s.base+"/users/u1", keyOf("k"), "")
				return status == 404
			})
			if own := fmt.Sprint(s.ok(200, "rooms", "GET", "/rooms/@u1/messages", "")); strings.Contains(own, "alone") {
				t.Errorf("the own room: %s", own)
			}
			if keys := keysOf(t, j, "u1"); len(keys) > 0 {
				t.Errorf("records are left: %q", keys)
			}
			page := fmt.Sprint(s.ok(200, "rooms", "GET", "/rooms/g-1/messages", ""))
			if strings.Contains(page, "my secret") != (messages == "keep") || !strings.Contains(page, "other words") {
				t.Errorf("%s", page)
			}
		})
	}
}

// Who may not close or erase a room gets the same answer whether it is there or not, be it a
// conversation or not.
func TestUsers_DeleteRoom_TellsNobodyWhatIsThere(t *testing.T) {
	s := newUsersSite(t, journals["memory"](t), new(identity.MemorySecrets))
	s.ok(201, "rooms", "POST", "/rooms", `{"room":"g-1","owner":"u2","users":["u1"]}`)
	s.ok(201, "rooms", "POST", "/rooms/tea/messages", `{"body":"x"}`)
	for _, query := range []string{"", "?erase=false", "?erase=true"} {
		want := s.ok(403, "k", "DELETE", "/rooms/g-none"+query, "")
		for _, room := range []string{"g-1", "tea", "none"} {
			if got := s.ok(403, "k", "DELETE", "/rooms/"+room+query, ""); !reflect.DeepEqual(got, want) {
				t.Errorf("%s%s: %v, and for a room that is not there %v", room, query, got, want)
			}
		}
	}
	s.ok(404, "rooms", "DELETE", "/rooms/g-none?erase=true", "")
	s.ok(404, "rooms", "DELETE", "/rooms/none?erase=true", "")
	s.ok(403, "rooms", "DELETE", "/rooms/g-none", "")
	s.ok(403, "rooms", "DELETE", "/rooms/none", "")
}

// A key that may change a room's members closes it, or erases it with all that it holds.
func TestUsers_DeleteRoom(t *testing.T) {
	s := newUsersSite(t, journals["pebble"](t), new(identity.MemorySecrets))
	s.ok(201, "rooms", "POST", "/rooms", `{"room":"g-1","owner":"u2","users":["u1"]}`)
	s.ok(201, "rooms", "POST", "/rooms/g-1/messages", `{"body":"x"}`)
	s.ok(400, "rooms", "DELETE", "/rooms/g-1?erase=yes", "")
	s.ok(400, "rooms", "DELETE", "/rooms/g-1?erase=", "")
	s.ok(403, "k", "DELETE", "/rooms/g-1", "")
	s.ok(403, "k", "DELETE", "/rooms/g-1?erase=true", "")
	s.ok(403, "rooms", "DELETE", "/rooms/@hub-0?erase=true", "")
	s.ok(201, "rooms", "DELETE", "/rooms/g-1", "")
	if room := s.ok(200, "rooms", "GET", "/rooms/g-1", ""); room["closed"] != true {
		t.Errorf("%v", room)
	}
	s.ok(200, "rooms", "DELETE", "/rooms/g-1?erase=false", "") // it is closed
	got := s.ok(200, "rooms", "DELETE", "/rooms/g-1?erase=true", "")
	if got["members"] != 2.0 || got["entries"].(float64) < 3 {
		t.Errorf("%v", got)
	}
	s.ok(403, "rooms", "GET", "/rooms/g-1/members", "")
	s.ok(404, "rooms", "DELETE", "/rooms/g-1?erase=true", "")
	if rows, _ := s.ok(200, "rooms", "GET", "/list?as=u1", "")["rows"].([]any); slices.ContainsFunc(rows, func(r any) bool { return r.(map[string]any)["gone"] == nil }) {
		t.Errorf("%v", rows)
	}
}

// A key that may not even recall a message in a room erases none that is no conversation, be it there
// or not, nor one of two; what it may found and close it may erase.
func TestUsers_EraseRoom_ThatIsNoConversation(t *testing.T) {
	s := newUsersSite(t, journals["memory"](t), new(identity.MemorySecrets))
	s.ok(201, "rooms", "POST", "/rooms/tea/messages", `{"body":"x"}`)
	two, _ := s.ok(201, "rooms", "POST", "/rooms?as=u1", `{"direct":"u2"}`)["room"].(string)
	for _, room := range []string{"tea", "none", two} {
		if got := s.ok(403, "founder", "DELETE", "/rooms/"+room+"?erase=true", ""); !strings.Contains(fmt.Sprint(got["detail"]), "moderate") {
			t.Errorf("%s: %v", room, got)
		}
	}
	s.ok(201, "founder", "POST", "/rooms", `{"room":"g-1","owner":"u2","users":["u1"]}`)
	s.ok(200, "founder", "DELETE", "/rooms/g-1?erase=true", "")
	if got := s.ok(200, "rooms", "DELETE", "/rooms/tea?erase=true", ""); got["entries"] != 1.0 {
		t.Errorf("%v", got)
	}
}

// In a user's own room a key may recall messages, and there is nobody to be muted or removed.
func TestUsers_OwnRoom_HasNobodyToModerate(t *testing.T) {
	s := newUsersSite(t, journals["memory"](t), new(identity.MemorySecrets))
	s.ok(201, "rooms", "POST", "/rooms/@u1/messages", `{"body":"hello"}`)
	s.ok(201, "rooms", "POST", "/rooms/tea/messages", `{"body":"hello"}`)
	for room, want := range map[string]int{"@u1": 403, "tea": 200} {
		s.ok(want, "rooms", "POST", "/rooms/"+room+"/mute", `{"user":"u1"}`)
		s.ok(want, "rooms", "POST", "/rooms/"+room+"/ban", `{"user":"u1"}`)
	}
	s.ok(403, "rooms", "POST", "/rooms/@u1/kick", `{"user":"u1"}`)
	s.ok(201, "rooms", "DELETE", "/rooms/@u1/messages/1", "")
}
