package chat_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// apiURL serves the interface for backends, and returns its base.
func apiURL(t *testing.T, j journal.Journal, keys ...access.Key) string {
	t.Helper()
	base, _ := apiHub(t, j, keys...)
	return base
}

// apiHub is apiURL, and returns the hub, too.
func apiHub(t *testing.T, j journal.Journal, keys ...access.Key) (string, *chat.Hub) {
	t.Helper()
	members, users := subject(t, "members"), subject(t, "users")
	policies := access.Policies{
		{Pattern: "g-*", Read: members, Write: members, Moderate: subject(t, "admins"), Create: users, Invite: members},
		{Pattern: "*", Read: users, Write: users},
	}
	issuer := identity.NewIssuer(new(identity.MemorySecrets), "default")
	h := &chat.Handler{Auth: identity.First{issuer, tokens{}}, Tokens: issuer}
	set := chat.Settings{Policies: policies, Keys: keys, KeyRate: access.Rate{PerSecond: 1e6, Burst: 1e6}, ConnectRate: access.Rate{PerSecond: 1000, Burst: 10_000}}
	_, hub := serve(t, chat.Config{Settings: set, Journal: j}, h)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := strings.TrimPrefix(r.URL.EscapedPath(), "/chat"); chat.HasRequest(path) {
			h.ServeRequest(w, r, path)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/chat", hub
}

// walked is a request for each row of openapi.json, and how it succeeds for a key that
// acts as u1.
var walked = map[string]struct {
	path, body string
	status     int
}{
	"post /rooms":                            {"/rooms", `{"room":"g-new","owner":"u1","users":["u2"],"title":"T"}`, 201},
	"get /rooms/{room}":                      {"/rooms/g-1", "", 200},
	"patch /rooms/{room}":                    {"/rooms/g-1", `{"title":"New","closed":false}`, 201},
	"get /rooms/{room}/members":              {"/rooms/g-1/members?limit=5", "", 200},
	"post /rooms/{room}/members":             {"/rooms/g-1/members", `{"users":["u3"],"role":"member"}`, 201},
	"post /rooms/{room}/read":                {"/rooms/g-1/read", `{"seq":1}`, 200},
	"get /list":                              {"/list?limit=5", "", 200},
	"patch /list/{room}":                     {"/list/g-1", `{"top":true}`, 200},
	"get /rooms/{room}/messages":             {"/rooms/g-1/messages?limit=5", "", 200},
	"post /rooms/{room}/messages":            {"/rooms/g-1/messages", `{"body":{"text":"hi"},"mentions":["u2"]}`, 201},
	"patch /rooms/{room}/messages/{seq}":     {"/rooms/g-1/messages/2", `{"body":"edited"}`, 201},
	"post /rooms/{room}/messages/{seq}/tags": {"/rooms/g-1/messages/2/tags", `{"tag":"x","value":true}`, 201},
	"get /rooms/{room}/messages/{seq}/tags":  {"/rooms/g-1/messages/2/tags", "", 200},
	"delete /rooms/{room}/messages/{seq}":    {"/rooms/g-1/messages/2", "", 201},
	"post /messages":                         {"/messages", `{"messages":[{"room":"g-1","as":"u2","body":1},{"room":"g-1","notice":true,"body":2},{"room":"@","body":3}]}`, 201},
	"post /mute":                             {"/mute", `{"user":"u9","for":1000}`, 200},
	"post /kick":                             {"/kick", `{"user":"u9"}`, 404},
	"post /ban":                              {"/ban", `{"user":"u9","for":0}`, 200},
	"post /rooms/{room}/mute":                {"/rooms/g-1/mute", `{"user":"u2","for":1000}`, 200},
	"post /rooms/{room}/kick":                {"/rooms/g-1/kick", `{"user":"u2"}`, 200},
	"post /rooms/{room}/ban":                 {"/rooms/g-1/ban", `{"user":"u9"}`, 200},
	"get /feed":                              {"/feed?limit=5", "", 200},
	"delete /rooms/{room}":                   {"/rooms/g-1?erase=true", "", 200},
	"get /users/{id}":                        {"/users/u1", "", 200},
	"put /users/{id}":                        {"/users/u1", `{"name":"Uma"}`, 200},
	"delete /users/{id}":                     {"/users/u9?messages=erase", "", 200},
	"delete /users/{id}/sessions":            {"/users/u9/sessions", "", 200},
	"post /users/{id}/token":                 {"/users/u9/token", `{"for":1000}`, 200},
	"post /presence":                         {"/presence", `{"users":["u1","u9"]}`, 200},
}

type apiDocument struct {
	Paths map[string]map[string]struct {
		Scopes    []string `json:"x-scopes"`
		Responses map[string]struct {
			Ref     string `json:"$ref"`
			Content map[string]struct{ Schema map[string]any }
		}
	}
	Components struct {
		Schemas   map[string]map[string]any
		Responses map[string]struct {
			Content map[string]struct{ Schema map[string]any }
		}
	}
}

func documentOf(t *testing.T, base string) (d apiDocument) {
	t.Helper()
	res, err := http.Get(base + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&d); err != nil || res.StatusCode != 200 {
		t.Fatal(res.StatusCode, err)
	}
	return d
}

// Every request of openapi.json, by a key that has all scopes, with one scope less, and
// with one alone: it succeeds or is refused as PROTOCOL.md's table says, in the documented shape.
func TestRoutes_RequestByScope(t *testing.T) {
	every := []string{"*"}
	scopes := map[string]func(*access.Key){
		"read": func(k *access.Key) { k.Read = every }, "write": func(k *access.Key) { k.Write = every },
		"moderate": func(k *access.Key) { k.Moderate = every }, "members": func(k *access.Key) { k.Members = every },
		"users": func(k *access.Key) { k.Users = true }, "feed": func(k *access.Key) {
			if k.Feed = true; k.Read == nil {
				k.Read = []string{"another"} // without read, feed is refused
			}
		},
	}
	for name, open := range journals {
		t.Run(name, func(t *testing.T) {
			var keys []access.Key
			for scope, add := range scopes {
				keys = append(keys, newKey(t, "only-"+scope, func(k *access.Key) { k.As = every; add(k) }),
					newKey(t, "no-"+scope, func(k *access.Key) {
						k.As = every
						for other, add := range scopes {
							if other != scope {
								add(k)
							}
						}
					}))
			}
			keys = append(keys, newKey(t, "all", func(k *access.Key) {
				k.As = every
				for _, add := range scopes {
					add(k)
				}
			}))
			base := apiURL(t, open(t), keys...)
			d, needs := documentOf(t, base), documentedScopes(t)
			n := 0
			for pattern, methods := range d.Paths {
				for method := range methods {
					row := method + " " + pattern
					w, ok := walked[row]
					if !ok {
						t.Errorf("%s is not tried", row)
						continue
					}
					for _, k := range keys {
						way, scope, _ := strings.Cut(k.Name, "-")
						if name != "memory" && way != "all" && !(way == "no" && slices.Contains(needs[row], scope)) {
							continue // what a scope allows, the journal does not know
						}
						may := len(needs[row]) == 0 || way == "all" || way == "only" && slices.Contains(needs[row], scope) ||
							way == "no" && slices.ContainsFunc(needs[row], func(s string) bool { return s != scope })
						n++
						d.try(t, base, row, method, w.path, w.body, k.Name, may, w.status)
					}
				}
			}
			if n < 13*29 && (name == "memory" || n < 2*29) {
				t.Errorf("only %d cells were tried", n)
			}
		})
	}
}

// try makes one request in rooms as they are at the beginning.
func (d *apiDocument) try(t *testing.T, base, row, method, at, body, key string, may bool, status int) {
	t.Helper()
	room := "g-" + strings.NewReplacer("/", ".", "{", "", "}", "", " ", "-").Replace(row) + key
	for _, first := range [][2]string{
		{"/rooms", `{"room":"` + room + `","owner":"u1","users":["u2"]}`}, {"/rooms/" + room + "/messages?as=u1", `{"body":"hi"}`},
	} {
		if status, answer, _ := call(t, "POST", base+first[0], keyOf("all"), first[1]); status != 201 {
			t.Fatalf("%s: %d %v", first[0], status, answer)
		}
	}
	if status, answer, _ := call(t, "PUT", base+"/users/u1", keyOf("all"), `{"name":"Uma"}`); status != 200 {
		t.Fatal(status, answer)
	}
	replace := strings.NewReplacer("g-1", room, "g-new", room+"+")
	at, query, _ := strings.Cut(replace.Replace(at), "?")
	if hasAs(row) {
		query = "as=u1&" + query
	}
	got, answer, _ := call(t, strings.ToUpper(method), base+at+"?"+query, keyOf(key), replace.Replace(body))
	switch {
	case may && got != status:
		t.Errorf("%s, %s: %d %v, want %d", row, key, got, answer, status)
	case !may && row == "post /messages" && got == 200: // each message is refused
		for _, r := range answer["results"].([]any) {
			if r.(map[string]any)["code"] != "forbidden" {
				t.Errorf("%s, %s: %v, and the scope is missing", row, key, answer)
			}
		}
	case !may && (got != 403 || answer["code"] != "forbidden"):
		t.Errorf("%s, %s: %d %v, and the scope is missing", row, key, got, answer)
	}
	pattern := strings.SplitN(row, " ", 2)[1]
	if err := d.check(d.Paths[pattern][method].Responses[fmt.Sprint(got)], answer); err != nil {
		t.Errorf("%s, %s: %d: %v in %v", row, key, got, err, answer)
	}
}

// check returns an error unless an answer has a documented shape.
func (d *apiDocument) check(r struct {
	Ref     string `json:"$ref"`
	Content map[string]struct{ Schema map[string]any }
}, answer map[string]any) error {
	content := r.Content
	if r.Ref != "" {
		content = d.Components.Responses[path.Base(r.Ref)].Content
	}
	for _, c := range content {
		return d.fits(c.Schema, answer)
	}
	return fmt.Errorf("the status is not documented")
}

// fits returns an error unless a value matches a schema, of the kinds that the document has.
func (d *apiDocument) fits(s map[string]any, v any) error {
	if ref, ok := s["$ref"].(string); ok {
		return d.fits(d.Components.Schemas[path.Base(ref)], v)
	}
	if options, ok := s["anyOf"].([]any); ok {
		for _, o := range options {
			if d.fits(o.(map[string]any), v) == nil {
				return nil
			}
		}
		return fmt.Errorf("%v fits none", v)
	}
	if want, ok := s["const"]; ok && v != want {
		return fmt.Errorf("%v is not %v", v, want)
	}
	if list, ok := s["enum"].([]any); ok && !slices.Contains(list, v) {
		return fmt.Errorf("%v is none of %v", v, list)
	}
	kind, _ := s["type"].(string)
	switch v := v.(type) {
	case map[string]any:
		if kind != "object" && s["type"] != nil {
			return fmt.Errorf("%v is no %s", v, kind)
		}
		required, _ := s["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				return fmt.Errorf("%s is missing", name)
			}
		}
		properties, _ := s["properties"].(map[string]any)
		for name, member := range v {
			known, ok := properties[name].(map[string]any)
			if !ok && s["additionalProperties"] == false {
				return fmt.Errorf("%s is not documented", name)
			}
			if err := d.fits(known, member); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	case []any:
		items, _ := s["items"].(map[string]any)
		for _, item := range v {
			if err := d.fits(items, item); err != nil {
				return err
			}
		}
	case string:
		if kind != "" && kind != "string" {
			return fmt.Errorf("%q is no %s", v, kind)
		}
	case float64:
		if kind != "" && kind != "integer" {
			return fmt.Errorf("%v is no %s", v, kind)
		}
	case bool:
		if kind != "" && kind != "boolean" {
			return fmt.Errorf("%v is no %s", v, kind)
		}
	}
	return nil
}

// hasAs reports whether a key may act in the name of a user in requests of a row of walked.
func hasAs(row string) bool {
	_, path, _ := strings.Cut(row, " ")
	return !strings.HasPrefix(path, "/users/") && path != "/presence" && path != "/feed"
}

// Where nobody can act in the name of a user, as is no parameter, also in openapi.json.
func TestRoutes_As_OnlyWhereItIsHeeded(t *testing.T) {
	every, without := []string{"*"}, 0
	base := apiURL(t, journals["memory"](t), newKey(t, "k", func(k *access.Key) {
		k.Read, k.Write, k.Moderate, k.Members, k.As, k.Users, k.Feed = every, every, every, every, every, true, true
	}))
	_, document, _ := call(t, "GET", base+"/openapi.json", "", "")
	text, _ := json.Marshal(document)
	for row, w := range walked {
		method, _, _ := strings.Cut(row, " ")
		path, query, _ := strings.Cut(w.path, "?")
		_, answer, _ := call(t, strings.ToUpper(method), base+path+"?as=u1&"+query, keyOf("k"), w.body)
		detail, _ := answer["detail"].(string)
		if refused := answer["field"] == "as" && strings.Contains(detail, "no such parameter"); refused == hasAs(row) {
			t.Errorf("%s: %v", row, answer)
		}
		if !hasAs(row) {
			without++
		}
	}
	if rows, listed := len(walked), strings.Count(string(text), `"name":"as"`); without != 7 || listed != rows-without {
		t.Errorf("%d of %d rows have no as, and openapi.json has it in %d", without, rows, listed)
	}
}

// What a stranger might try is refused in words, and harms nobody.
func TestRoutes_BadRequests(t *testing.T) {
	every := []string{"*"}
	base := apiURL(t, journals["memory"](t), newKey(t, "k", func(k *access.Key) {
		k.Read, k.Write, k.Members, k.As = every, every, every, []string{"u*"}
	}))
	for name, c := range map[string]struct {
		method, path, token, body string
		status                    int
		words                     string
	}{
		"unknown field":       {"POST", "/rooms/tea/messages", keyOf("k"), `{"body":1,"mentoins":["u1"]}`, 400, `no field "mentoins"`},
		"a room in the body":  {"POST", "/rooms/tea/messages", keyOf("k"), `{"body":1,"room":"cup"}`, 400, `no field "room"`},
		"a type in the body":  {"POST", "/rooms/tea/messages", keyOf("k"), `{"type":"hello","body":1}`, 400, `no field "type"`},
		"unknown parameter":   {"GET", "/rooms/tea/messages?befor=1", keyOf("k"), "", 400, "no such parameter"},
		"no JSON":             {"POST", "/rooms", keyOf("k"), `{`, 400, "must be one JSON object"},
		"a list":              {"POST", "/rooms", keyOf("k"), `[]`, 400, "expected {"},
		"a number of nothing": {"PATCH", "/rooms/tea/messages/x", keyOf("k"), `{"body":1}`, 400, "number of an entry"},
		"a long body":         {"POST", "/rooms/tea/messages", keyOf("k"), `{"body":"` + strings.Repeat("x", 70<<10) + `"}`, 413, "more than 65536 bytes"},
		"a long batch":        {"POST", "/messages", keyOf("k"), `{"messages":[]}`, 400, "1 to 100 messages"},
		"an edit nowhere":     {"PATCH", "/rooms/g-none/messages/1", keyOf("k"), `{"body":1}`, 403, "may not do this"},
		"a recall nowhere":    {"DELETE", "/rooms/g-none/messages/1", keyOf("k"), "", 403, "may not do this"},
		"a batch of nothing":  {"POST", "/messages", keyOf("k"), `{"messages":{}}`, 400, "messages must be no object"},
		"a batch of a user":   {"POST", "/messages", "u1", `{"messages":[{"room":"tea","body":1}]}`, 403, "only a key"},
		"a notice of a user":  {"POST", "/rooms/tea/messages", "u1", `{"body":1,"notice":true}`, 403, "only keys send notices"},
		"a room of a user":    {"POST", "/rooms", "u1", `{"room":"g-mine"}`, 403, "only keys may choose"},
		"as of a user":        {"GET", "/list?as=u2", "u1", "", 403, "as is for keys"},
		"as nobody":           {"GET", "/list?as=", keyOf("k"), "", 400, "must be a user's id"},
		"as nobody, a user":   {"GET", "/list?as=", "u1", "", 400, "must be a user's id"},
		"a list of no room":   {"GET", "/list?rooms=tea&rooms=", "u1", "", 400, "name has 1 to 128 bytes"},
		"as beyond":           {"GET", "/list?as=ann", keyOf("k"), "", 403, "may not act as this user"},
		"no as":               {"GET", "/list", keyOf("k"), "", 403, "as is missing"},
		"a wrong secret":      {"GET", "/list", "bad", "", 401, "not accepted"},
		"no secret":           {"GET", "/list?token=" + keyOf("k"), "", "", 401, "token is needed"},
		"nothing there":       {"GET", "/rooms/tea/nothing", keyOf("k"), "", 404, "openapi.json"},
	} {
		status, answer, _ := call(t, c.method, base+c.path, c.token, c.body)
		if detail, _ := answer["detail"].(string); status != c.status || !strings.Contains(detail, c.words) {
			t.Errorf("%s: %d %v, want %d %s", name, status, answer, c.status, c.words)
		}
	}
	// A batch takes no key for all, and no longer messages than other requests.
	long := `{"room":"tea","body":{"x":"` + strings.Repeat("x", 70<<10) + `"}}`
	_, answer, _ := call(t, "POST", base+"/messages", keyOf("k"), `{"messages":[`+long+`,{"room":"tea","as":"","body":1},{"room":"tea","body":1}]}`)
	var codes []string
	for _, r := range answer["results"].([]any) {
		codes = append(codes, fmt.Sprint(r.(map[string]any)["code"]))
	}
	if want := []string{"too_large", "bad_frame", "<nil>"}; !slices.Equal(codes, want) {
		t.Errorf("%q, want %q", codes, want)
	}
	if status, answer, _ := call(t, "POST", base+"/messages", keyOf("k"), `{"messages":[{"room":"tea","body":1}]}`, "Idempotency-Key", "one"); status != 400 || answer["field"] != "Idempotency-Key" {
		t.Errorf("a key for a batch: %d %v", status, answer)
	}
	if _, answer, _ := call(t, "POST", base+"/messages", keyOf("k"), `{"messages":{}}`); answer["field"] != "messages" {
		t.Errorf("a batch that is no list: %v", answer)
	}
	for _, method := range []string{"PUT", "DELETE", "PATCH", "TRACE"} {
		if status, _, header := call(t, method, base+"/rooms/tea/messages", keyOf("k"), `{}`); status != 405 || header.Get("Allow") != "GET, HEAD, POST, OPTIONS" {
			t.Errorf("%s: %d, %v", method, status, header)
		}
	}
}

// Users do the same by the same requests, with their own rights; a key writes where the
// room is closed, and a batch keeps its order.
func TestRoutes_UsersAndKeys(t *testing.T) {
	every := []string{"*"}
	base := apiURL(t, journals["memory"](t), newKey(t, "k", func(k *access.Key) { k.Read, k.Write, k.Members, k.As = every, every, every, every }))
	ok := func(want int, method, at, token, body string) map[string]any {
		t.Helper()
		status, answer, _ := call(t, method, base+at, token, body, "Idempotency-Key", "one")
		if status != want {
			t.Errorf("%s %s: %d %v, want %d", method, at, status, answer, want)
		}
		return answer
	}
	room, _ := ok(201, "POST", "/rooms", "u1", `{"users":["u2"]}`)["room"].(string)
	ok(200, "POST", "/rooms", "u1", `{"users":["u2"]}`) // again
	ok(201, "POST", "/rooms/"+room+"/messages", "u2", `{"body":"hi"}`)
	ok(403, "GET", "/rooms/"+room, "u3", "")
	ok(403, "POST", "/rooms/"+room+"/members", "u3", `{"users":["u3"],"role":"member"}`)
	if rows, _ := ok(200, "GET", "/list", "u1", "")["rows"].([]any); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
	ok(201, "PATCH", "/rooms/"+room, keyOf("k"), `{"closed":true}`)
	ok(403, "POST", "/rooms/"+room+"/messages", "u1", `{"body":"closed"}`)
	_, batch, _ := call(t, "POST", base+"/messages", keyOf("k"), `{"messages":[{"room":"`+room+`","as":"u1","body":1},{"room":"@","body":2},{"room":"`+room+`","key":"x","body":3},{"room":"`+room+`","key":"x","body":3}]}`)
	results, _ := batch["results"].([]any)
	var got []string
	for _, r := range results {
		r := r.(map[string]any)
		got = append(got, fmt.Sprintf("%v %v %v", r["seq"], r["duplicate"], r["code"]))
	}
	want := []string{"4 false <nil>", "<nil> <nil> forbidden", "5 false <nil>", "5 true <nil>"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	ok(201, "POST", "/rooms/"+room+"/members", keyOf("k"), `{"users":["u1"],"role":"none"}`) // the owner, too
	page := ok(200, "GET", "/rooms/"+room+"/messages", keyOf("k"), "")
	if n := len(page["entries"].([]any)); n != 6 {
		t.Errorf("%d entries", n)
	}
}

// openapi.json has the table's rows, and each reference in it leads somewhere.
func TestRoutes_Document_IsWhole(t *testing.T) {
	d := documentOf(t, apiURL(t, journals["memory"](t)))
	var rows []string
	for pattern, methods := range d.Paths {
		for method := range methods {
			rows = append(rows, method+" "+pattern)
		}
	}
	slices.Sort(rows)
	if want := slices.Sorted(maps.Keys(walked)); !slices.Equal(rows, want) {
		t.Errorf("%q, want %q", rows, want)
	}
	var look func(any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && d.Components.Schemas[path.Base(ref)] == nil {
				t.Errorf("%s leads nowhere", ref)
			}
			for _, member := range v {
				look(member)
			}
		case []any:
			for _, item := range v {
				look(item)
			}
		}
	}
	for _, s := range d.Components.Schemas {
		look(s)
	}
}
