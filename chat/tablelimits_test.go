package chat_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// The table of limit and door: what is just within each limit passes at each door, and the
// next is refused with its code. Raw clients say text and nothing else: the tables of
// table_test.go have what bounds that.

// limitPlace is the group g-1 of ann, its owner, and ben, in which ann, who has joined it, has
// said the messages 2 and 3.
type limitPlace struct {
	*bubble
	ann *client
}

// asRequest says how a command is sent over HTTP: its method, and its path, in which fields of
// the command stand.
var asRequest = map[string][2]string{
	"create": {"POST", "/rooms"}, "info": {"PATCH", "/rooms/{room}"}, "member": {"POST", "/rooms/{room}/members"},
	"list": {"GET", "/list"}, "send": {"POST", "/rooms/{room}/messages"}, "edit": {"PATCH", "/rooms/{room}/messages/{seq}"},
	"recall": {"DELETE", "/rooms/{room}/messages/{seq}"}, "tag": {"POST", "/rooms/{room}/messages/{seq}/tags"}, "mute": {"POST", "/rooms/{room}/mute"},
	"ban": {"POST", "/rooms/{room}/ban"}, "read": {"POST", "/rooms/{room}/read"}, "set": {"PATCH", "/list/{room}"},
	"members": {"GET", "/rooms/{room}/members"}, "history": {"GET", "/rooms/{room}/messages"},
	// These are requests only.
	"batch": {"POST", "/messages"}, "presence": {"POST", "/presence"}, "token": {"POST", "/users/{user}/token"}, "feed": {"GET", "/feed"},
}

// limitDoors carry out a command of ann's and return its answer.
var limitDoors = map[string]func(p *limitPlace, frame string) string{
	"chat.v1": func(p *limitPlace, frame string) string { return p.ann.answered(`{"id":"?",` + frame[1:]) },
	"HTTP":    func(p *limitPlace, frame string) string { return p.send("ann", "", frame) },
	"key":     func(p *limitPlace, frame string) string { return p.send(keyOf("k"), "ann", frame) },
}

// send sends a command over HTTP.
func (p *limitPlace) send(token, as, frame string) string {
	p.t.Helper()
	var fields map[string]json.RawMessage
	p.must(json.Unmarshal([]byte(frame), &fields))
	take := func(name string) (text string) {
		if json.Unmarshal(fields[name], &text) != nil {
			text = string(fields[name])
		}
		delete(fields, name)
		return text
	}
	route, path := asRequest[take("type")], ""
	method := route[0]
	for _, part := range strings.Split(route[1], "/")[1:] {
		if name := strings.Trim(part, "{}"); name != part {
			part = url.PathEscape(take(name))
		}
		path += "/" + part
	}
	key, query, body := take("key"), url.Values{}, ""
	if as != "" && route[1] != "/presence" && route[1] != "/feed" {
		query.Set("as", as)
	}
	switch method {
	case "GET":
		for name := range fields {
			var several []string
			if json.Unmarshal(fields[name], &several) != nil {
				several = []string{take(name)}
			}
			query[name] = several
		}
	case "POST", "PATCH":
		text, err := json.Marshal(fields)
		p.must(err)
		body = string(text)
	}
	w, r := httptest.NewRecorder(), newRequest(method, token, body)
	r.URL.RawQuery = query.Encode()
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	p.handler.ServeRequest(w, r, path)
	return w.Body.String()
}

// refusal returns the code of an answer, and the field that it names; empty if all is well.
func refusal(t *testing.T, answer string) string {
	t.Helper()
	var f struct{ Code, Field string }
	if err := json.Unmarshal([]byte(answer), &f); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	return strings.TrimSpace(f.Code + " " + f.Field)
}

// limitRow is one limit.
type limitRow struct {
	set    func(*chat.Settings) // nil: the defaults
	before []string             // what a key without limits does first, as ann or as who is named before a space
	after  time.Duration        // how long after that fits comes; over comes a millisecond later
	fits   []string             // all of this passes
	over   string               // and this does not
	want   string               // the code, and the field
	not    map[string]string    // doors at which it cannot be, or does not hold, and why
}

// sized is the limit of a field: %s in a frame stands for it.
func sized(frame, fits, over, want string) limitRow {
	return limitRow{fits: []string{strings.Replace(frame, "%s", fits, 1)}, over: strings.Replace(frame, "%s", over, 1), want: want}
}

// eachOf returns a frame for each number, which stands for %d.
func eachOf(from, to int, frame string) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, strings.ReplaceAll(frame, "%d", strconv.Itoa(i)))
	}
	return list
}

// characters is a JSON string of n characters, of two bytes each; letters one of n bytes.
func characters(n int) string { return `"` + strings.Repeat("é", n) + `"` }
func letters(n int) string    { return `"` + long(n) + `"` }
func address(n int) string    { return `"https://` + long(n-8) + `"` }

// ids is a JSON array of n different ids or names.
func ids(n int) string { return "[" + strings.Join(eachOf(1, n, `"x%d"`), ",") + "]" }

const (
	ownRateOfKeys = "a key has a rate of its own"
	noTimeForKeys = "no time binds a key"
	byRequest     = "it is a request only"
	keysOnly      = "only keys send it"
)

var (
	usersOnly   = map[string]string{"key": ownRateOfKeys}
	requestOnly = map[string]string{"chat.v1": byRequest, "HTTP": keysOnly}
)

// rate is a limit on how often something is done: so many times at once.
func rate(times int, frame string, set func(*chat.Settings), not map[string]string) limitRow {
	all := eachOf(1, times+1, frame)
	return limitRow{set: set, fits: all[:times], over: all[times], want: "too_fast", not: not}
}

const (
	sayOne    = `{"type":"send","room":"g-1","body":1}`
	createOne = `{"type":"create","key":"n","pattern":"g-*",`
	infoOne   = `{"type":"info","room":"g-1",`
)

var limitRows = map[string]limitRow{
	"title of create":  sized(createOne+`"title":%s}`, characters(64), characters(65), "bad_frame title"),
	"title of info":    sized(infoOne+`"title":%s}`, characters(64), characters(65), "bad_frame title"),
	"about of create":  sized(createOne+`"about":%s}`, characters(500), characters(501), "bad_frame about"),
	"about of info":    sized(infoOne+`"about":%s}`, characters(500), characters(501), "bad_frame about"),
	"avatar of create": sized(createOne+`"avatar":%s}`, address(512), address(513), "bad_frame avatar"),
	"avatar of info":   sized(infoOne+`"avatar":%s}`, address(512), address(513), "bad_frame avatar"),
	"users of create":  sized(createOne+`"users":%s}`, ids(100), ids(101), "bad_frame users"),
	"users of member":  sized(`{"type":"member","room":"g-1","role":"member","users":%s}`, ids(100), ids(101), "bad_frame users"),
	"users of none":    sized(`{"type":"member","room":"g-1","role":"member","users":%s}`, ids(1), ids(0), "bad_frame users"),
	"rooms of list":    sized(`{"type":"list","rooms":%s}`, ids(100), ids(101), "bad_frame rooms"),
	"key of create":    sized(`{"type":"create","pattern":"g-*","key":%s}`, letters(64), letters(65), "bad_frame key"),
	"key of send":      sized(`{"type":"send","room":"g-1","body":1,"key":%s}`, letters(64), letters(65), "bad_frame key"),
	"key of edit":      sized(`{"type":"edit","room":"g-1","seq":2,"body":1,"key":%s}`, letters(64), letters(65), "bad_frame key"),
	"mentions":         sized(`{"type":"send","room":"g-1","body":1,"mentions":%s}`, ids(50), ids(51), "bad_frame mentions"),
	"reply":            sized(`{"type":"send","room":"g-1","body":1,"reply":%s}`, "3", "5", "not_found"), // the one that fits is 4
	"text of send":     sized(`{"type":"send","room":"g-1","body":%s}`, characters(2500), characters(2501), "text_too_long"),
	"text of edit":     sized(`{"type":"edit","room":"g-1","seq":2,"body":{"text":%s}}`, characters(2500), characters(2501), "text_too_long"),
	"tag":              sized(`{"type":"tag","room":"g-1","seq":2,"value":true,"tag":%s}`, characters(32), characters(33), "bad_frame tag"),
	"shared value":     sized(`{"type":"tag","room":"g-1","seq":2,"tag":"x","shared":true,"value":%s}`, letters(1022), letters(1023), "bad_frame value"),
	"for of mute":      sized(`{"type":"mute","room":"g-1","user":"ben","for":%s}`, "315360000000", "315360000001", "bad_frame for"),

	"tags of a message": {fits: eachOf(1, 20, `{"type":"tag","room":"g-1","seq":2,"tag":"t%d","value":true}`),
		over: `{"type":"tag","room":"g-1","seq":2,"tag":"t21","value":true}`, want: "too_many tag"},
	"users of a tag": {before: append(eachOf(1, 99, `u%d {"type":"tag","room":"g-1","seq":2,"tag":"x","value":true}`),
		eachOf(1, 100, `u%d {"type":"tag","room":"g-1","seq":3,"tag":"x","value":true}`)...),
		fits: []string{`{"type":"tag","room":"g-1","seq":2,"tag":"x","value":true}`},
		over: `{"type":"tag","room":"g-1","seq":3,"tag":"x","value":true}`, want: "too_many tag"},
	"pins of a room": {before: eachOf(1, 49, sayOne), fits: eachOf(2, 51, `{"type":"tag","room":"g-1","seq":%d,"tag":"pin","shared":true,"value":true}`),
		over: `{"type":"tag","room":"g-1","seq":52,"tag":"pin","shared":true,"value":true}`, want: "too_many tag"},

	"members": {before: seats(2, 499), fits: []string{`{"type":"member","room":"g-1","role":"member","users":["last"]}`},
		over: `{"type":"member","room":"g-1","role":"member","users":["more"]}`, want: "room_full"},
	"members at once": {before: seats(2, 498), fits: []string{`{"type":"member","room":"g-1","role":"member","users":["last","ben"]}`},
		over: `{"type":"member","room":"g-1","role":"member","users":["more","ben","evenmore"]}`, want: "room_full"},
	"members of create": {set: fewMembers, fits: []string{createOne + `"users":["x1","x2"]}`},
		over: `{"type":"create","key":"o","pattern":"g-*","users":["x1","x2","x3"]}`, want: "room_full"},
	"conversations of the founder": {set: fewConversations, fits: []string{createOne + `"title":"T"}`},
		over: `{"type":"create","key":"o","pattern":"g-*"}`, want: "too_many"},
	"conversations of another": {set: fewConversations, before: busyUsers, fits: []string{`{"type":"create","key":"o","pattern":"g-*","users":["near"]}`},
		over: `{"type":"create","key":"p","pattern":"g-*","users":["cy","full"]}`, want: "too_many users[1]",
	},
	"conversations of who is added": {set: fewConversations, before: busyUsers, fits: []string{`{"type":"member","room":"g-1","role":"member","users":["near"]}`},
		over: `{"type":"member","room":"g-1","role":"member","users":["cy","full"]}`, want: "too_many users[1]"},
	"conversations of two": {set: fewConversations, before: busyUsers, fits: []string{`{"type":"create","direct":"near"}`},
		over: `{"type":"create","direct":"cy"}`, want: "too_many"}, // ann has two by then
	"conversations of the other of two": {set: func(s *chat.Settings) { s.Conversations = 3 }, before: append(busyUsers, `full {"type":"create","key":"d","pattern":"g-*"}`),
		fits: []string{`{"type":"create","direct":"near"}`}, over: `{"type":"create","direct":"full"}`, want: "too_many direct"},

	"rate of create": rate(10, `{"type":"create","key":"%d","pattern":"g-*"}`,
		func(s *chat.Settings) { s.CreateRate = access.Rate{PerSecond: 0.2, Burst: 10} }, usersOnly),
	"rate of list": rate(10, `{"type":"list"}`,
		func(s *chat.Settings) { s.ListRate = access.Rate{PerSecond: 0.5, Burst: 10} }, usersOnly),
	"rate of a key": rate(1000, `{"type":"list"}`, nil, map[string]string{"chat.v1": "a key opens no session", "HTTP": "users have other rates"}),
	"time to edit": {after: 15 * time.Minute, fits: []string{`{"type":"edit","room":"g-1","seq":2,"body":1}`},
		over: `{"type":"edit","room":"g-1","seq":3,"body":1}`, want: "too_late", not: map[string]string{"key": noTimeForKeys}},
	"time to recall": {set: func(s *chat.Settings) { s.Policies[1].Moderate = nil }, after: 2 * time.Minute, fits: []string{`{"type":"recall","room":"g-1","seq":2}`},
		over: `{"type":"recall","room":"g-1","seq":3}`, want: "too_late", not: map[string]string{"key": noTimeForKeys}},

	"messages of a batch": {fits: []string{batchOf(100)}, over: batchOf(101), want: "bad_frame messages", not: requestOnly},
	"users of presence":   {fits: []string{`{"type":"presence","users":` + ids(500) + `}`}, over: `{"type":"presence","users":` + ids(501) + `}`, want: "bad_frame users", not: requestOnly},
	"limit of the feed":   {fits: []string{`{"type":"feed","limit":1000}`}, over: `{"type":"feed","limit":1001}`, want: "bad_frame limit", not: requestOnly},
	"wait of the feed": {fits: []string{`{"type":"feed","after":"now","wait":60000}`}, over: `{"type":"feed","after":"now","wait":60001}`,
		want: "bad_frame wait", not: requestOnly},
}

func fewMembers(s *chat.Settings)       { s.Policies[1].MaxMembers = 3 }
func fewConversations(s *chat.Settings) { s.Conversations = 2 }

// busyUsers makes full belong to two conversations, and near to one.
var busyUsers = []string{`full {"type":"create","key":"a","pattern":"g-*","users":["near"]}`, `full {"type":"create","key":"b","pattern":"g-*"}`}

// seats fills a group of so many members until it has as many as that.
func seats(there, size int) (frames []string) {
	for there < size {
		n := min(100, size-there)
		frames = append(frames, `{"type":"member","room":"g-1","role":"member","users":[`+strings.Join(eachOf(there+1, there+n, `"seat%d"`), ",")+`]}`)
		there += n
	}
	return frames
}

func batchOf(n int) string {
	return `{"type":"batch","messages":[` + strings.Join(eachOf(1, n, `{"room":"g-1","body":%d}`), ",") + `]}`
}

// limitSettings has two keys without limits but their rates: one acts, the other prepares.
func limitSettings(t *testing.T) chat.Settings {
	set := chat.Settings{Policies: chatApp(t)}
	set.Policies[1].MaxMembers = 0
	every := []string{"*"}
	for _, name := range []string{"k", "first"} {
		set.Keys = append(set.Keys, newKey(t, name, func(k *access.Key) {
			k.Read, k.Write, k.Moderate, k.Members, k.As, k.Users, k.Feed = every, every, every, every, every, true, true
		}))
	}
	return set
}

// inLimits founds the group, and lets ann in.
func inLimits(b *bubble) *limitPlace {
	b.t.Helper()
	p := &limitPlace{bubble: b}
	p.first("", `{"type":"create","room":"g-1","owner":"ann","users":["ben"]}`)
	p.ann = b.connect().hello(`,"token":"ann","rooms":[{"room":"g-1"}]`)
	p.first("ann", sayOne)
	p.first("ann", sayOne)
	return p
}

// first does something that must succeed, by the key that prepares, in the name of a user.
func (p *limitPlace) first(as, frame string) {
	p.t.Helper()
	if got := p.send(keyOf("first"), as, frame); refusal(p.t, got) != "" {
		p.t.Fatalf("%s: %s", frame, got)
	}
}

// Each limit at each door: what is within it passes, and what is beyond it is refused in the
// words of the protocol.
func TestTable_LimitAndDoor(t *testing.T) {
	for name, row := range limitRows {
		for door, act := range limitDoors {
			if row.not[door] != "" {
				continue
			}
			t.Run(name+"/"+door, func(t *testing.T) {
				inBubble(t, limitSettings(t), tokens{}, func(t *testing.T, b *bubble) {
					p := inLimits(b)
					for _, frame := range row.before {
						who, rest, named := strings.Cut(frame, " ")
						if !named {
							who, rest = "ann", frame
						}
						p.first(who, rest)
					}
					if row.set != nil {
						now := b.hub.Settings()
						now.Policies = slices.Clone(now.Policies) // the hub still reads those in force
						row.set(&now)
						b.hub.Configure(now)
						synctest.Wait()
					}
					time.Sleep(row.after)
					for i, frame := range row.fits {
						if got := act(p, frame); refusal(t, got) != "" {
							t.Fatalf("%d: %.100s: %s", i, frame, got)
						}
					}
					if row.after > 0 {
						time.Sleep(time.Millisecond)
					}
					want := row.want
					if door != "chat.v1" {
						want = strings.Replace(want, " key", " Idempotency-Key", 1) // the header is the field
					}
					if got := act(p, row.over); refusal(t, got) != want {
						t.Errorf("%.100s: %s, want %s", row.over, got, want)
					}
				})
			})
		}
	}
}
