package chat_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/internal/sanctions"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// failing is an Authenticator that fails in several ways, and otherwise takes a token for the
// id of its user.
type failing struct{}

func (failing) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	switch c.Token {
	case "broken":
		return nil, errors.New("a fault")
	case "away":
		return nil, wire.Unavailable.Error("")
	}
	return tokens{}.Authenticate(ctx, c)
}

// refusesBad is a check that refuses the text, the title and the user bad.
type refusesBad struct{}

func (refusesBad) Check(_ context.Context, q *check.Question) (check.Verdict, error) {
	if q.Title == "bad" || string(q.Body) == `"bad"` || slices.Contains(q.Users, "bad") {
		return check.Verdict{Kind: check.Refuse, Message: "no"}, nil
	}
	return check.Verdict{Kind: check.Pass}, nil
}

// statusURL serves the interface for backends with small limits, and sockets at ws.
func statusURL(t *testing.T, rate access.Rate, hasTokens bool) (base, ws string) {
	t.Helper()
	every := []string{"*"}
	members, users := subject(t, "members"), subject(t, "users")
	set := chat.Settings{
		Policies: access.Policies{
			{Pattern: "g-*", Read: members, Write: members, Moderate: subject(t, "admins"), Create: users, Invite: members, MaxMembers: 3},
			{Pattern: "*", Read: users, Write: users},
		},
		Keys: access.Keys{newKey(t, "k", func(k *access.Key) {
			k.Read, k.Write, k.Moderate, k.Members, k.As, k.Users, k.Feed = every, every, every, every, []string{"u*"}, true, true
		})},
		KeyRate: rate, EditWindow: 1, RecallWindow: 1, ConnectRate: access.Rate{PerSecond: 1000, Burst: 10_000},
		Checks: check.Chain{check.New(check.Config{Name: "bad", Checker: refusesBad{}, Keys: true})},
	}
	issuer := identity.NewIssuer(new(identity.MemorySecrets), "default")
	h := &chat.Handler{Auth: identity.First{issuer, failing{}}}
	if hasTokens {
		h.Tokens = issuer
	}
	ws, _ = serve(t, chat.Config{Settings: set, Journal: journals["pebble"](t)}, h)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeRequest(w, r, r.URL.EscapedPath()) }))
	t.Cleanup(srv.Close)
	return srv.URL, ws
}

// cause is requests of which the last one has a status: "method path body", by the key, or by
// a user whose id stands before them. g-1 is a new room each time, with u1 and u2, in
// which u1 has sent message 2. KEY stands for an Idempotency-Key.
type cause []string

// causes are those of the statuses that depend on the request.
var causes = map[string]map[int]cause{
	"post /rooms": {
		200: {`POST /rooms KEY {"room":"g-1x","owner":"u1"}`, `POST /rooms KEY {"room":"g-1x","owner":"u1"}`},
		409: {`POST /rooms {"room":"g-1x","owner":"u1","users":["u2","u3","u4"]}`},
		422: {`POST /rooms {"room":"g-1x","owner":"u1","title":"bad"}`},
	},
	"patch /rooms/{room}": {
		200: {`PATCH /rooms/g-1 {"title":"New"}`, `PATCH /rooms/g-1 {"title":"New"}`},
		422: {`PATCH /rooms/g-1 {"title":"bad"}`},
	},
	"delete /rooms/{room}": {201: {`DELETE /rooms/g-1`}, 404: {`DELETE /rooms/nothing?erase=true`}},
	"post /rooms/{room}/members": {
		200: {`POST /rooms/g-1/members {"users":["u2"],"role":"member"}`},
		409: {`POST /rooms/g-1/members {"users":["u5","u6"],"role":"member"}`},
		422: {`POST /rooms/g-1/members {"users":["bad"],"role":"member"}`},
	},
	"post /rooms/{room}/messages": {
		200: {`POST /rooms/g-1/messages KEY {"body":1}`, `POST /rooms/g-1/messages KEY {"body":1}`},
		404: {`POST /rooms/g-1/messages {"body":1,"reply":99}`},
		422: {`POST /rooms/g-1/messages {"body":"bad"}`},
	},
	"patch /rooms/{room}/messages/{seq}": {
		200: {`PATCH /rooms/g-1/messages/2?as=u1 KEY {"body":1}`, `PATCH /rooms/g-1/messages/2?as=u1 KEY {"body":1}`},
		404: {`PATCH /rooms/g-1/messages/99 {"body":1}`},
		409: {`u1 PATCH /rooms/g-1/messages/2 {"body":1}`},
		422: {`PATCH /rooms/g-1/messages/2?as=u1 {"body":"bad"}`},
	},
	"delete /rooms/{room}/messages/{seq}": {
		200: {`DELETE /rooms/g-1/messages/2`, `DELETE /rooms/g-1/messages/2`},
		404: {`DELETE /rooms/g-1/messages/99`},
		409: {`POST /rooms/g-1/messages?as=u2 {"body":1}`, `u2 DELETE /rooms/g-1/messages/3`},
	},
	"get /rooms/{room}/messages/{seq}/tags": {404: {`GET /rooms/g-1/messages/99/tags`}},
	"post /rooms/{room}/messages/{seq}/tags": {
		200: {`POST /rooms/g-1/messages/2/tags?as=u1 {"tag":"x","value":true}`, `POST /rooms/g-1/messages/2/tags?as=u1 {"tag":"x","value":true}`},
		404: {`POST /rooms/g-1/messages/99/tags {"tag":"x","value":true}`},
		409: tagging(21),
	},
	"post /messages":          {200: {`POST /messages {"messages":[{"room":"@","body":1}]}`}},
	"post /kick":              {200: {`POST /kick {"user":"u7"}`}, 404: {`POST /kick {"user":"u9"}`}},
	"post /rooms/{room}/kick": {404: {`POST /rooms/g-1/kick {"user":"u9"}`}},
	"get /users/{id}":         {200: {`PUT /users/u7 {"name":"x"}`, `GET /users/u7`}, 404: {`GET /users/u8`}},
}

func tagging(n int) (c cause) {
	for i := range n {
		c = append(c, fmt.Sprintf(`POST /rooms/g-1/messages/2/tags?as=u1 {"tag":"t%d","value":true}`, i))
	}
	return c
}

// notCaused are statuses that no test here causes, and the test that does.
var notCaused = map[string]string{
	"post /rooms/{room}/mute 409": "TestRoutes_Statuses_TooManySanctions",
	"post /rooms/{room}/ban 409":  "TestRoutes_Statuses_TooManySanctions",
	"post /users/{id}/token 404":  "TestRoutes_Statuses_WithoutTokens",
}

// Each status that openapi.json lists for a request is caused, and is answered in the
// documented shape.
func TestRoutes_Statuses(t *testing.T) {
	plenty, few := access.Rate{PerSecond: 1e6, Burst: 1e6}, access.Rate{PerSecond: 0.0001, Burst: 1}
	base, ws := statusURL(t, plenty, true)
	slow, _ := statusURL(t, few, true)
	dialV1(t, ws).hello(`,"token":"u7"`)
	call(t, "GET", slow+"/feed", keyOf("k"), "")
	d := documentOf(t, base)
	tried, n := 0, 0
	for pattern, methods := range d.Paths {
		for method, op := range methods {
			row := method + " " + pattern
			for text := range op.Responses {
				status, _ := strconv.Atoi(text)
				if notCaused[row+" "+text] != "" {
					continue
				}
				tried++
				n++
				got, answer := d.cause(t, base, slow, row, status, fmt.Sprintf("g-%dn", n))
				if got != status {
					t.Errorf("%s: %d %v, want %d", row, got, answer, status)
					continue
				}
				if err := d.check(op.Responses[text], answer); err != nil {
					t.Errorf("%s: %d: %v in %v", row, status, err, answer)
				}
			}
		}
	}
	if tried < 29*7 {
		t.Errorf("only %d statuses were caused", tried)
	}
}

// cause makes requests of which the last one should have a status, and returns its answer.
func (d *apiDocument) cause(t *testing.T, base, slow, row string, status int, room string) (int, map[string]any) {
	t.Helper()
	for _, first := range [][2]string{{"/rooms", `{"room":"` + room + `","owner":"u1","users":["u2"]}`}, {"/rooms/" + room + "/messages?as=u1", `{"body":"hi"}`}} {
		call(t, "POST", base+first[0], keyOf("k"), first[1])
	}
	w := walked[row]
	method, at, as := strings.ToUpper(strings.Fields(row)[0]), strings.ReplaceAll(w.path, "g-1", room), "as=u1"
	if !hasAs(row) {
		as = ""
	}
	at, query, _ := strings.Cut(at, "?")
	at += "?" + query + "&"
	body, key, header := strings.NewReplacer("g-1", room, "g-new", room+"+").Replace(w.body), keyOf("k"), []string(nil)
	if c, ok := causes[row][status]; ok {
		return runCause(t, base, c, room)
	}
	switch status {
	case 400:
		as = "nonsense=1"
	case 401:
		key = ""
	case 403:
		as = "as=ann"
	case 413:
		body = `{"x":"` + long(17<<16) + `"}`
	case 425:
		header = []string{"Early-Data", "1"}
	case 429:
		base = slow
	case 500:
		key, as = "broken", ""
	case 503:
		key, as = "away", ""
	}
	got, answer, _ := call(t, method, base+at+as, key, body, header...)
	return got, answer
}

func runCause(t *testing.T, base string, c cause, room string) (status int, answer map[string]any) {
	t.Helper()
	for _, request := range c {
		request = strings.ReplaceAll(request, "g-1", room)
		token, header := keyOf("k"), []string(nil)
		if request[0] == 'u' {
			token, request, _ = strings.Cut(request, " ")
		}
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		if rest, ok := strings.CutPrefix(body, "KEY "); ok {
			body, header = rest, []string{"Idempotency-Key", "one"}
		}
		status, answer, _ = call(t, method, base+path, token, body, header...)
	}
	return status, answer
}

// A server without tokens says so.
func TestRoutes_Statuses_WithoutTokens(t *testing.T) {
	base, _ := statusURL(t, access.Rate{PerSecond: 1000, Burst: 1000}, false)
	status, answer, _ := call(t, "POST", base+"/users/u1/token", keyOf("k"), `{}`)
	if status != 404 || !strings.Contains(answer["detail"].(string), "gives no tokens") {
		t.Errorf("%d %v", status, answer)
	}
}

// A key that has imposed half of the mutes and bans of rooms that there may be imposes no more,
// lifts what it likes, and mutes and bans everywhere.
func TestRoutes_Statuses_TooManySanctions(t *testing.T) {
	before := sanctions.MaxImposed
	sanctions.MaxImposed = 8
	defer func() { sanctions.MaxImposed = before }()
	base, _ := statusURL(t, access.Rate{PerSecond: 1e6, Burst: 1e6}, true)
	d := documentOf(t, base)
	impose := func(path, user, more string, want int) {
		t.Helper()
		status, answer, _ := call(t, "POST", base+path, keyOf("k"), fmt.Sprintf(`{"user":%q%s}`, user, more))
		if status != want || want == 409 && (answer["code"] != "too_many" || !strings.Contains(answer["detail"].(string), "lift some first")) {
			t.Errorf("%s %s: %d %v, want %d", path, user, status, answer, want)
		}
		if want == 409 {
			row := d.Paths[strings.Replace(path, "tea", "{room}", 1)]["post"]
			if err := d.check(row.Responses["409"], answer); err != nil {
				t.Error(err)
			}
		}
	}
	for i := range sanctions.MaxImposed / 2 {
		impose([]string{"/rooms/tea/mute", "/rooms/tea/ban"}[i%2], fmt.Sprint("u", i), "", 200)
	}
	impose("/rooms/tea/mute", "u9", "", 409)
	impose("/rooms/tea/ban", "u9", `,"for":60000`, 409)
	impose("/mute", "u9", "", 200)
	impose("/ban", "u9", "", 200)
	impose("/rooms/tea/mute", "u0", `,"for":0`, 200)
	impose("/rooms/tea/ban", "u9", "", 200)
}

// Each request by a key that comes from another address, that may act as nobody, and whose
// rooms are others: it is refused, or has nothing to do with rooms.
func TestRoutes_RequestByKey(t *testing.T) {
	all := func(rooms ...string) func(*access.Key) {
		return func(k *access.Key) {
			k.Read, k.Write, k.Moderate, k.Members, k.As, k.Users, k.Feed = rooms, rooms, rooms, rooms, []string{"*"}, true, true
		}
	}
	keys := []access.Key{
		newKey(t, "all", all("*")), newKey(t, "elsewhere", all("other-*")),
		newKey(t, "alone", func(k *access.Key) { all("*")(k); k.As = []string{"v*"} }),
		newKey(t, "far", func(k *access.Key) { all("*")(k); k.From = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }),
	}
	base := apiURL(t, journals["memory"](t), keys...)
	d := documentOf(t, base)
	for _, row := range slices.Sorted(maps.Keys(walked)) {
		w := walked[row]
		method, pattern, _ := strings.Cut(row, " ")
		anyRoom := pattern == "/list" || pattern == "/feed" || pattern == "/presence" || strings.HasPrefix(pattern, "/users/")
		d.try(t, base, row, method, w.path, w.body, "far", false, 0)
		d.try(t, base, row, method, w.path, w.body, "alone", !hasAs(row), w.status)
		d.try(t, base, row, method, w.path, w.body, "elsewhere", anyRoom, w.status)
	}
	if _, answer, _ := call(t, "GET", base+"/list?as=u1", keyOf("elsewhere"), ""); len(answer["rows"].([]any)) > 0 {
		t.Errorf("rooms of others are in the list: %v", answer)
	}
	if _, events := pulled(t, base, "elsewhere", ""); len(events) > 0 {
		t.Errorf("rooms of others are in the feed: %v", events)
	}
}
