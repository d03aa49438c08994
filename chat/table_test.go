package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// The table of rule and door: each rule is tried at each door, or the table says in a
// few words why it cannot hold there. Before a rule comes into force, ann has said
// something in tea and is in it; then she comes by the door.
//
// Handshakes over HTTP/2 and HTTP/3 are no doors of their own: they end in
// Handler.ServeHTTP like those of HTTP/1.1, and their sessions are read by the same
// dialects. TestStreams_Handshake_Refused and TestStreams_ProtocolExamples of
// caddymodule show both.

// place is where a cell is tried.
type place struct {
	*bubble
	room, body string
	in, out    *client // sessions of ann: in tea, and in no room
	raw        *client // a raw session of ann in tea
	bo         *client // somebody else's
	origin     string  // of the page that the door is used by
	before     string  // rooms that a hello names first, with a comma
	seq        int     // of what is recalled
	other      string  // who is muted, kicked and banned
}

// A door carries out an act and returns how it was refused: a code, a status or the code
// of a close frame. It returns "nothing" for a page without entries or a list without
// users, and no text if all is as usual.
type door func(*place) string

var ways = map[string]door{
	"raw handshake": func(p *place) string {
		p.query = "token=ann&history=10&room=" + p.room
		c, res := p.shake()
		if c == nil {
			return strconv.Itoa(res)
		}
		defer c.closeNow()
		synctest.Wait()
		select {
		case _, ok := <-c.frames:
			if !ok {
				return c.ending()
			}
			return ""
		default:
			return "nothing"
		}
	},
	"raw say": func(p *place) string {
		if err := p.raw.conn.Write(p.t.Context(), websocket.MessageText, []byte(p.body)); err != nil {
			return p.raw.ending()
		}
		synctest.Wait()
		select {
		case frame, ok := <-p.raw.frames:
			if ok {
				p.t.Errorf("the raw client got %q", frame)
			}
			return p.raw.ending()
		default:
			return ""
		}
	},
	"hello": func(p *place) string {
		p.query = ""
		c, res := p.shake(chat.Subprotocol)
		if c == nil {
			return strconv.Itoa(res)
		}
		defer c.closeNow()
		return c.ask(fmt.Sprintf(`{"type":"hello","id":"?","token":"ann","rooms":[%s{"room":%q}]}`, p.before, p.room))
	},
	"join":    func(p *place) string { return p.out.ask(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, p.room)) },
	"history": func(p *place) string { return p.out.ask(fmt.Sprintf(`{"type":"history","id":"?","room":%q}`, p.room)) },
	"send": func(p *place) string {
		return p.in.ask(fmt.Sprintf(`{"type":"send","id":"?","room":%q,"body":%q}`, p.room, p.body))
	},
	"typing": func(p *place) string { return p.in.ask(fmt.Sprintf(`{"type":"typing","id":"?","room":%q}`, p.room)) },
	"read": func(p *place) string {
		return p.in.ask(fmt.Sprintf(`{"type":"read","id":"?","room":%q,"seq":1}`, p.room))
	},
	"who": func(p *place) string { return p.in.ask(fmt.Sprintf(`{"type":"who","id":"?","room":%q}`, p.room)) },
	"recall": func(p *place) string {
		return p.in.ask(fmt.Sprintf(`{"type":"recall","id":"?","room":%q,"seq":%d}`, p.room, p.seq))
	},
	"edit": func(p *place) string {
		return p.in.ask(fmt.Sprintf(`{"type":"edit","id":"?","room":%q,"seq":%d,"body":%q}`, p.room, p.seq, p.body))
	},
	"tag": func(p *place) string {
		return p.in.ask(fmt.Sprintf(`{"type":"tag","id":"?","room":%q,"seq":%d,"tag":"x","value":true}`, p.room, p.seq))
	},
	"pin": func(p *place) string {
		return p.in.ask(fmt.Sprintf(`{"type":"tag","id":"?","room":%q,"seq":%d,"tag":"pin","value":true,"shared":true}`, p.room, p.seq))
	},
	"mute": func(p *place) string {
		return p.in.ask(fmt.Sprintf(`{"type":"mute","id":"?","room":%q,"user":%q,"for":1000}`, p.room, p.other))
	},
	"kick": func(p *place) string {
		return p.in.ask(fmt.Sprintf(`{"type":"kick","id":"?","room":%q,"user":%q}`, p.room, p.other))
	},
	"ban": func(p *place) string {
		return p.in.ask(fmt.Sprintf(`{"type":"ban","id":"?","room":%q,"user":%q,"for":1000}`, p.room, p.other))
	},
	"GET":   func(p *place) string { return p.request("GET", "") },
	"POST":  func(p *place) string { return p.request("POST", fmt.Sprintf(`{"body":%q}`, p.body)) },
	"login": (*place).logIn,
	"renew": func(p *place) string { return p.out.ask(`{"type":"renew","id":"?","token":"ann"}`) },
	"operator announces": func(p *place) string {
		_, err := p.hub.Announce(p.t.Context(), p.room, []byte(strconv.Quote(p.body)))
		return errorCode(err)
	},
	"operator recalls": func(p *place) string {
		_, err := p.hub.Recall(p.t.Context(), p.room, journal.Seq(p.seq))
		return errorCode(err)
	},
	"operator erases": func(p *place) string {
		_, err := p.hub.EraseRoom(p.t.Context(), p.room)
		return errorCode(err)
	},
	"operator mutes": func(p *place) string { return errorCode(p.hub.Mute(p.room, "bo", time.Second)) },
}

// Groups of doors, for the reasons.
var (
	moderation = []string{"mute", "kick", "ban"}
	operators  = []string{"operator announces", "operator recalls", "operator erases", "operator mutes"}
	reading    = []string{"raw handshake", "hello", "join", "history", "GET"}
	writing    = []string{"raw say", "send", "typing", "recall", "edit", "tag", "pin", "POST"}
	requests   = []string{"GET", "POST", "login"}
	inSession  = []string{"join", "history", "send", "typing", "read", "who", "recall", "edit", "tag", "pin", "renew"}
)

// rule is one of the rules that a door might forget.
type rule struct {
	comes func(*testing.T, *place) // into force
	// want has what a door answers by then; several are separated by |. A text with a
	// space says why the rule cannot hold at this door.
	want map[string]string
}

// at returns answers of several doors.
func at(answer string, lists ...[]string) map[string]string {
	m := map[string]string{}
	for _, d := range slices.Concat(lists...) {
		m[d] = answer
	}
	return m
}

func one(names ...string) []string { return names }

// all joins answers. The last one counts.
func all(parts ...map[string]string) map[string]string {
	m := map[string]string{}
	for _, p := range parts {
		maps.Copy(m, p)
	}
	return m
}

const (
	passes = "an operator passes"
	noRoom = "a login is about no room"
	others = "it is about other acts"
)

// policy puts a policy for tea into force that is as usual but for change.
func policy(change func(t *testing.T, p *access.Policy)) func(*testing.T, *place) {
	return func(t *testing.T, p *place) {
		set := p.hub.Settings()
		set.Policies = usual(t)
		change(t, &set.Policies[0])
		p.hub.Configure(set)
		synctest.Wait()
	}
}

func usual(t *testing.T) access.Policies {
	users := subject(t, "users")
	return access.Policies{{Pattern: "*", Read: users, Write: users, Moderate: users}}
}

var rules = map[string]rule{
	"policy read": {policy(func(t *testing.T, p *access.Policy) { p.Read = nil }), all(
		at("forbidden", reading, one("read", "POST"), moderation), at("not_joined", one("send", "typing", "who", "recall", "edit", "tag", "pin")),
		map[string]string{"raw handshake": "403", "raw say": "4500", "login": noRoom, "renew": noRoom}, at(passes, operators))},
	"policy write": {policy(func(t *testing.T, p *access.Policy) { p.Write, p.Moderate = nil, nil }), all(
		at("forbidden", writing), at(others, reading, one("read", "who"), moderation),
		map[string]string{"raw say": "4500", "login": noRoom, "renew": noRoom}, at(passes, operators))},
	"policy moderate": {policy(func(t *testing.T, p *access.Policy) { p.Moderate = nil }), all(
		at(others, reading, writing, one("read", "who", "login", "renew")), at("forbidden", moderation, one("pin")), at(passes, operators))},
	"policy history": {policy(func(t *testing.T, p *access.Policy) { p.History.Entries = -1 }), all(
		at("nothing", reading), at(others, writing, moderation, one("read", "who", "login", "renew")), at(passes, operators))},
	"policy presence": {policy(func(t *testing.T, p *access.Policy) { p.NoPresence = true }), all(
		at("forbidden", one("who")), at(others, reading, writing, moderation, one("read", "login", "renew")), at(passes, operators))},
	"policy raw": {policy(func(t *testing.T, p *access.Policy) { p.NoRaw = true }), all(
		at("it is about raw clients", reading, writing, moderation, one("read", "who", "login", "renew")), at(passes, operators),
		map[string]string{"raw handshake": "403", "raw say": "4500"})},
	"max_members": {func(t *testing.T, p *place) {
		policy(func(t *testing.T, p *access.Policy) { p.MaxMembers = 1 })(t, p)
		p.in.send(`{"type":"leave","room":"tea"}`)
		synctest.Wait()
	}, all(at("room_full", one("hello", "join")), at("who posts or reads is no member", one("history", "GET", "POST", "login")),
		at("who is in stays in", one("raw say", "send", "typing", "read", "who", "recall", "edit", "tag", "pin", "renew"), moderation), at(passes, operators),
		map[string]string{"raw handshake": "503"})},
	"mute": {func(t *testing.T, p *place) { p.must(p.hub.Mute("tea", "ann", time.Hour)) }, all(
		at("muted", writing), at(others, reading, moderation, one("read", "who")),
		map[string]string{"raw say": "4506", "login": noRoom, "renew": noRoom}, at(passes, operators))},
	"ban": {func(t *testing.T, p *place) { p.must(p.hub.Ban("tea", "ann", time.Hour)) }, all(
		at("banned", reading, one("read", "POST"), moderation), at("not_joined", one("send", "typing", "who", "recall", "edit", "tag", "pin")),
		map[string]string{"raw handshake": "403", "raw say": "4505", "login": noRoom, "renew": noRoom}, at(passes, operators))},
	"ban from the hub": {func(t *testing.T, p *place) { p.must(p.hub.Ban("", "ann", time.Hour)) }, all(
		at("4505", one("raw say"), inSession, moderation),
		at("banned", one("hello", "GET", "POST")), map[string]string{"raw handshake": "403", "login": "the login gives a token, and the token is refused"}, at(passes, operators))},
	"kick": {func(t *testing.T, p *place) { p.hub.Kick("tea", "ann") }, all(
		at("not_joined", one("send", "typing", "who", "recall", "edit", "tag", "pin")), at("who was kicked may come back", reading, one("read", "POST"), moderation),
		map[string]string{"raw say": "4504", "login": noRoom, "renew": noRoom}, at(passes, operators))},
	"token expires": {func(t *testing.T, p *place) { time.Sleep(2 * time.Hour) }, all(
		at("4502", one("raw say"), inSession, moderation),
		at("expired", one("hello", "GET", "POST")), map[string]string{"raw handshake": "401", "login": "a login needs no token"}, at(passes, operators))},
	"origin": {func(t *testing.T, p *place) {
		p.origin = "https://other.example"
		p.hub.ReviewOrigins(access.Origins{})
		synctest.Wait()
	}, all(at("403", one("raw handshake", "hello")), at("forbidden", requests), at(passes, operators),
		at("the session's page was let in: TestOrigins", one("raw say"), inSession, moderation))},
	"rate of frames": {func(t *testing.T, p *place) {
		set := p.hub.Settings()
		set.SessionRate, set.UserRate = access.Rate{PerSecond: 0.0001, Burst: 1}, access.Rate{PerSecond: 0.0001, Burst: 1}
		p.hub.Configure(set)
		time.Sleep(time.Minute) // what was said before is forgotten
		p.in.ask(`{"type":"ping","id":"?"}`)
		p.out.ask(`{"type":"ping","id":"?"}`)
	}, all(at("too_fast", inSession, one("GET", "POST"), moderation), at(passes, operators),
		map[string]string{"raw say": "4003", "raw handshake": "attempts have a rate of their own", "hello": "the first frame is the session's first", "login": "attempts have a rate of their own"})},
	"rate of attempts": {func(t *testing.T, p *place) {
		set := p.hub.Settings()
		set.ConnectRate = access.Rate{PerSecond: 0.0001, Burst: 1}
		p.hub.Configure(set)
		p.logIn()
	}, all(at("429", one("raw handshake", "hello")), at("too_fast", one("login")), at(passes, operators),
		at("frames and requests with a token have a rate of their own", one("raw say", "GET", "POST"), inSession, moderation))},
	"length of a text": {func(t *testing.T, p *place) { p.body = strings.Repeat("x", 3000) }, all(
		at("text_too_long", one("send", "edit", "POST")), at("there is no text", reading, moderation, one("typing", "read", "who", "recall", "tag", "pin", "login", "renew")),
		map[string]string{"raw say": "raw text is bounded by max_message"}, at(passes, operators))},
	"size of a message": {func(t *testing.T, p *place) { p.body = strings.Repeat("x", 70_000) }, all(
		at("1009", one("raw say", "send", "edit")), at("too_large", one("POST")), at("there is no text", reading, moderation, one("typing", "read", "who", "recall", "tag", "pin", "login", "renew")), at(passes, operators))},
	"name of a room": {func(t *testing.T, p *place) { p.room = strings.Repeat("x", 200) }, all(
		at("bad_room", one("hello", "join", "history", "send", "typing", "read", "who", "recall", "edit", "tag", "pin", "GET", "POST"), moderation, operators),
		map[string]string{"raw handshake": "400", "raw say": "its room is fixed", "login": noRoom, "renew": noRoom})},
	"room of the server": {func(t *testing.T, p *place) { p.room = "@x" }, all(
		at("forbidden", reading, one("read", "POST"), moderation, operators), at("not_joined", one("send", "typing", "who", "recall", "edit", "tag", "pin")),
		map[string]string{"raw handshake": "403", "raw say": "its room is fixed", "login": noRoom, "renew": noRoom})},
	"shutdown": {func(t *testing.T, p *place) { p.hub.Leave(); synctest.Wait() }, all(
		at("1001", one("raw say"), inSession, moderation), at("503", one("raw handshake", "hello")),
		at("requests are the web server's to end", requests), at(passes, operators), at("closed", operators[:3]))},
}

// Each rule holds at each door.
func TestTable_RuleAndDoor(t *testing.T) {
	all := maps.Clone(rules)
	maps.Copy(all, bounds)
	for name, rule := range all {
		for way, act := range ways {
			want, ok := rule.want[way]
			if !ok {
				t.Errorf("%s: nothing is said of %s", name, way)
			}
			if strings.Contains(want, " ") || want == "" {
				continue // why it cannot be
			}
			t.Run(name+"/"+way, func(t *testing.T) { try(t, usual(t), inTea, rule, act, want) })
		}
	}
}

// try tries a cell, where enter has brought ann and others in.
func try(t *testing.T, policies access.Policies, enter func(*place), rule rule, act door, want string) {
	var b *bubble
	var p *place
	around := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = b.query
			if p != nil && p.origin != "" {
				r.Header.Set("Origin", p.origin)
			}
			h.ServeHTTP(w, r)
		})
	}
	set := chat.Settings{Policies: policies}
	inBubbleWith(t, set, expiring{time.Now().Add(-time.Second)}, around, func(t *testing.T, it *bubble) {
		b = it
		b.handler.Auth = expiring{time.Now().Add(time.Hour)}
		p = &place{bubble: it, body: "hi", seq: 1, other: "bo"}
		enter(p)
		rule.comes(t, p)
		if got := act(p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		for _, c := range []*client{p.in, p.out, p.raw, p.bo} {
			c.closeNow()
		}
	})
}

func inTea(p *place) {
	p.room = "tea"
	p.in = p.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
	p.in.send(`{"type":"send","room":"tea","body":"first"}`)
	p.in.expect(`{"type":"message","seq":1,"…":"…"}`)
	p.enter()
	p.bo.send(`{"type":"join","room":"tea"}`)
	p.bo.expect(`{"type":"joined","…":"…"}`)
}

// enter lets ann's other sessions in, and bo.
func (p *place) enter() {
	p.out, p.bo = p.connect().hello(`,"token":"ann"`), p.connect().hello(`,"token":"bo"`)
	p.query = "token=ann&room=tea"
	p.raw = p.connectRaw()
	synctest.Wait() // the server knows it
}

// expiring is tokens whose credentials end at a time.
type expiring struct{ end time.Time }

func (e expiring) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	id, err := tokens{}.Authenticate(ctx, c)
	if err == nil {
		id.Expires = e.end
	}
	return id, err
}

type logins struct{}

func (logins) Login(*http.Request, string) (*wire.Login, error) { return &wire.Login{Token: "t"}, nil }

func (p *place) must(err error) {
	if err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
}

// shake opens a connection, or returns the status that refuses it.
func (p *place) shake(protocols ...string) (*client, int) {
	conn, res, err := p.tryDial(protocols...)
	if err == nil {
		return newClient(p.t, conn, nil), 101
	}
	if res == nil {
		p.t.Fatal(err)
	}
	return nil, res.StatusCode
}

// ask sends a command, whose id is ?, and returns the code of its answer or of the end.
func (c *client) ask(frame string) string {
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		return c.ending()
	}
	for text := range c.frames {
		var f struct {
			Type, ID, Code string
			Rows           []struct{ Gone bool }
			Entries        *[]any
			Rooms          []struct {
				Code    string
				Entries []any
			}
		}
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			c.t.Fatal(err)
		}
		switch {
		case f.ID != "?":
			continue
		case f.Code == "" && len(f.Rooms) > 0:
			last := &f.Rooms[len(f.Rooms)-1]
			f.Code, f.Entries = last.Code, &last.Entries
		}
		if f.Code == "" && (f.Entries != nil && len(*f.Entries) == 0 || len(f.Rows) == 1 && f.Rows[0].Gone) {
			return "nothing"
		}
		return f.Code
	}
	return c.ending()
}

// ending waits for the end of a connection and returns its code.
func (c *client) ending() string {
	for range c.frames {
	}
	return strconv.Itoa(int(websocket.CloseStatus(c.end)))
}

func (p *place) httpRequest(method, body string) *http.Request {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer ann")
	if p.origin != "" {
		r.Header.Set("Origin", p.origin)
	}
	return r
}

func (p *place) logIn() string {
	rec := httptest.NewRecorder()
	p.handler.ServeLogin(rec, p.httpRequest("POST", `{"code":"ann"}`), logins{})
	return codeOf(rec)
}

func (p *place) request(method, body string) string {
	rec := httptest.NewRecorder()
	p.handler.ServeMessages(rec, p.httpRequest(method, body), p.room)
	return codeOf(rec)
}

func codeOf(rec *httptest.ResponseRecorder) string {
	var answer struct {
		Code    string
		Entries *[]any
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		return err.Error()
	}
	if answer.Entries != nil && len(*answer.Entries) == 0 {
		return "nothing"
	}
	return answer.Code
}

func errorCode(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, chat.ErrHubClosed) {
		return "closed"
	}
	code, _, _ := strings.Cut(err.Error(), ":")
	return code
}
