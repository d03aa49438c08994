package chat_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// keyPlace is a room g-1 of u1 and u2, where u1 has said message 2, and a key that may do
// everything there and acts as u1.
type keyPlace struct {
	t          *testing.T
	base       string
	hub        *chat.Hub
	room, text string
	origin     string
}

// keyDoors are the requests by which a key acts: method, path behind the room, body. TEXT
// stands for what is said.
var keyDoors = map[string][3]string{
	"read": {"GET", "/messages?as=u1", ""}, "state": {"GET", "?as=u1", ""}, "members": {"GET", "/members?as=u1", ""},
	"send": {"POST", "/messages?as=u1", `{"body":"TEXT"}`}, "send as the key": {"POST", "/messages", `{"body":"TEXT"}`},
	"edit": {"PATCH", "/messages/2?as=u1", `{"body":"TEXT"}`}, "recall": {"DELETE", "/messages/2?as=u1", ""},
	"tag": {"POST", "/messages/2/tags?as=u1", `{"tag":"x","value":true}`}, "member": {"POST", "/members?as=u1", `{"users":["u3"],"role":"member"}`},
	"info": {"PATCH", "?as=u1", `{"title":"New"}`}, "mute": {"POST", "/mute?as=u1", `{"user":"u2"}`}, "mark": {"POST", "/read?as=u1", `{"seq":1}`},
	"batch": {"POST", "", `{"messages":[{"room":"ROOM","as":"u1","body":"TEXT"}]}`}, "feed": {"GET", "", ""}, "users": {"GET", "", ""},
}

// act makes the request of a door and returns the code that refuses it.
func (p *keyPlace) act(name string) string {
	p.t.Helper()
	d := keyDoors[name]
	at := map[string]string{"batch": "/messages", "feed": "/feed", "users": "/users/u1"}[name]
	if at == "" {
		at = "/rooms/" + url.PathEscape(p.room) + d[1]
	}
	var header []string
	if p.origin != "" {
		header = []string{"Origin", p.origin}
	}
	_, answer, _ := call(p.t, d[0], p.base+at, keyOf("k"), strings.NewReplacer("TEXT", p.text, "ROOM", p.room).Replace(d[2]), header...)
	if results, ok := answer["results"].([]any); ok {
		answer = results[0].(map[string]any)
	}
	code, _ := answer["code"].(string)
	return code
}

// set changes the hub's settings.
func (p *keyPlace) set(change func(*chat.Settings)) {
	set := p.hub.Settings()
	change(&set)
	p.hub.Configure(set)
}

// keyRules are the rules of the hub, and what each door answers a key: nothing for those that
// are not named. What does not bind a key names none.
var keyRules = map[string]struct {
	comes func(*keyPlace)
	want  map[string]string
}{
	"mute":             {func(p *keyPlace) { _ = p.hub.Mute("g-1", "u1", time.Hour) }, nil},
	"mute everywhere":  {func(p *keyPlace) { _ = p.hub.Mute("", "u1", time.Hour) }, nil},
	"ban from the hub": {func(p *keyPlace) { _ = p.hub.Ban("", "u1", time.Hour) }, nil},
	"closed room": {func(p *keyPlace) {
		call(p.t, "PATCH", p.base+"/rooms/g-1", keyOf("k"), `{"closed":true}`)
	}, map[string]string{"member": "forbidden"}}, // nobody is added to a closed room
	"policies that let nobody in": {func(p *keyPlace) {
		p.set(func(s *chat.Settings) {
			s.Policies = slices.Clone(s.Policies) // the hub still reads those in force
			s.Policies[0].Read, s.Policies[0].Write, s.Policies[0].Moderate = nil, nil, nil
		})
	}, nil},
	"rates of users and addresses": {func(p *keyPlace) {
		p.set(func(s *chat.Settings) {
			few := access.Rate{PerSecond: 0.0001, Burst: 1}
			s.SessionRate, s.UserRate, s.SessionBytes, s.UserBytes, s.ConnectRate, s.NewRooms, s.ReadBytes, s.CreateRate, s.ListRate = few, few, few, few, few, few, few, few, few
		})
	}, nil},
	"time to edit and to recall": {func(p *keyPlace) {
		p.set(func(s *chat.Settings) { s.EditWindow, s.RecallWindow = 1, 1 })
	}, nil},
	"rate of the key": {func(p *keyPlace) {
		p.set(func(s *chat.Settings) { s.KeyRate = access.Rate{PerSecond: 0.0001, Burst: 1} })
		p.act("read")
	}, everyKeyDoor("too_fast")},
	"length of a text": {func(p *keyPlace) { p.text = long(3000) },
		map[string]string{"send": "text_too_long", "send as the key": "text_too_long", "edit": "text_too_long", "batch": "text_too_long"}},
	"size of a message": {func(p *keyPlace) { p.text = long(70_000) },
		map[string]string{"send": "too_large", "send as the key": "too_large", "edit": "too_large", "batch": "too_large"}},
	"name of a room":       {func(p *keyPlace) { p.room = long(200) }, everyKeyDoor("bad_room", "feed", "users")},
	"room of the server":   {func(p *keyPlace) { p.room = "@hub-0" }, everyKeyDoor("forbidden", "feed", "users")},
	"page of another site": {func(p *keyPlace) { p.origin = "https://other.example" }, everyKeyDoor("forbidden")},
}

// everyKeyDoor is the same answer for all doors but some.
func everyKeyDoor(code string, but ...string) map[string]string {
	want := map[string]string{}
	for name := range keyDoors {
		want[name] = code
	}
	for _, name := range but {
		delete(want, name)
	}
	return want
}

// Each rule at each door that a key has: its scopes, sizes and its own rate bind it, and
// nothing else does, whoever it acts as.
func TestTable_RuleAndDoor_OfKeys(t *testing.T) {
	every := []string{"*"}
	for name, rule := range keyRules {
		for door := range keyDoors {
			t.Run(name+"/"+door, func(t *testing.T) {
				base, hub := apiHub(t, journals["memory"](t), newKey(t, "k", func(k *access.Key) {
					k.Read, k.Write, k.Moderate, k.Members, k.As, k.Users, k.Feed = every, every, every, every, []string{"u*"}, true, true
				}))
				p := &keyPlace{t: t, base: base, hub: hub, room: "g-1", text: "hi"}
				for _, first := range [][3]string{
					{"POST", "/rooms", `{"room":"g-1","owner":"u1","users":["u2"]}`}, {"POST", "/rooms/g-1/messages?as=u1", `{"body":"first"}`},
					{"PUT", "/users/u1", `{"name":"Uma"}`},
				} {
					if status, answer, _ := call(t, first[0], base+first[1], keyOf("k"), first[2]); status > 201 {
						t.Fatal(status, answer)
					}
				}
				rule.comes(p)
				if got := p.act(door); got != rule.want[door] {
					t.Errorf("%q, want %q", got, rule.want[door])
				}
			})
		}
	}
	if n := len(keyRules) * len(keyDoors); n < 190 {
		t.Error(fmt.Sprint("only ", n, " cells"))
	}
}
