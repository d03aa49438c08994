package chat_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// tokens is an Authenticator for users whose token is their name; "guest-…" is a
// guest, and without a token everybody is a fresh one.
type tokens struct{}

func (tokens) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	switch {
	case c.Token == "":
		return &access.Identity{User: journal.User{ID: "guest-fresh", Guest: true}}, nil
	case c.Token == "bad":
		return nil, wire.BadToken.Error("")
	}
	return &access.Identity{User: journal.User{ID: c.Token, Guest: strings.HasPrefix(c.Token, "guest-")}, Settled: true}, nil
}

// messagesURL serves a hub's messages over HTTP, and returns the URL of a room's
// but for the room, and that of the sockets.
func messagesURL(t *testing.T, set chat.Settings) (url, ws string, hub *chat.Hub) {
	t.Helper()
	return messagesOf(t, chat.Config{Settings: set, Journal: journals["pebble"](t)})
}

func messagesOf(t *testing.T, cfg chat.Config) (url, ws string, hub *chat.Hub) {
	t.Helper()
	h := &chat.Handler{Auth: tokens{}}
	ws, hub = serve(t, cfg, h)
	mux := http.NewServeMux()
	mux.HandleFunc("/chat/rooms/{room}/messages", func(w http.ResponseWriter, r *http.Request) {
		h.ServeMessages(w, r, r.PathValue("room"))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL + "/chat/rooms/", ws, hub
}

// call makes a request and returns the answer's status, body and headers.
func call(t *testing.T, method, url, token, body string, header ...string) (int, map[string]any, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header[header[i]] = []string{header[i+1]} // as it is written, so that one can stand twice
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	p, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(p, &answer); err != nil && strings.HasSuffix(res.Header.Get("Content-Type"), "json") {
		t.Fatalf("%s: %v", p, err)
	}
	return res.StatusCode, answer, res.Header
}

func TestMessages_PostedIsHeardAndRead(t *testing.T) {
	url, ws, _ := messagesURL(t, chat.Settings{})
	listener := dialV1(t, ws).hello(`,"token":"ben","rooms":[{"room":"a/b"}]`)
	status, sent, _ := call(t, "POST", url+"a%2Fb/messages", "shop", `{"body":{"text":"on its way"}}`, "Idempotency-Key", `"order-4711"`)
	if status != 201 || sent["room"] != "a/b" || sent["seq"] != 1.0 || sent["duplicate"] != false || sent["at"] == nil {
		t.Errorf("%d %v", status, sent)
	}
	listener.expect(`{"type":"message","room":"a/b","seq":1,"from":{"id":"shop","…":"…"},"key":"order-4711","body":{"text":"on its way"},"…":"…"}`)
	again, same, _ := call(t, "POST", url+"a%2Fb/messages", "shop", `{"body":{"text":"on its way"}}`, "Idempotency-Key", `order-4711`)
	if again != 200 || same["seq"] != 1.0 || same["duplicate"] != true || same["at"] != sent["at"] {
		t.Errorf("%d %v", again, same)
	}
	for range 4 {
		call(t, "POST", url+"a%2Fb/messages", "shop", `{"body":"more"}`)
	}
	for query, want := range map[string]struct {
		seqs string
		more bool
	}{
		"":                  {"1 2 3 4 5", false},
		"?limit=2":          {"4 5", true},
		"?before=4&limit=2": {"2 3", true},
		"?before=2":         {"1", false},
		"?after=3":          {"4 5", false},
		"?after=0&limit=1":  {"1", true},
		"?after=5":          {"", false},
	} {
		status, page, header := call(t, "GET", url+"a%2Fb/messages"+query, "ben", "")
		var seqs []string
		for _, e := range page["entries"].([]any) {
			n, _ := json.Marshal(e.(map[string]any)["seq"])
			seqs = append(seqs, string(n))
		}
		if got := strings.Join(seqs, " "); status != 200 || got != want.seqs || page["more"] != want.more || page["epoch"] == "" || page["room"] != "a/b" {
			t.Errorf("%s: %d %v", query, status, page)
		}
		if header.Get("Cache-Control") != "no-store" {
			t.Errorf("may be cached: %v", header)
		}
	}
}

func TestMessages_BadRequests(t *testing.T) {
	everybody, _ := access.ParseSubject("anyone")
	staff, _ := access.ParseSubject("sub=boss")
	url, _, hub := messagesURL(t, chat.Settings{MaxText: 10, MaxMessage: 1 << 10, Policies: access.Policies{
		{Pattern: "news", Read: []access.Subject{everybody}, Write: []access.Subject{staff}},
		{Pattern: "open", Read: []access.Subject{everybody}, Write: []access.Subject{everybody}},
	}})
	if err := hub.Mute("open", "loud", wire.Forever); err != nil {
		t.Fatal(err)
	}
	if err := hub.Ban("", "gone", wire.Forever); err != nil {
		t.Fatal(err)
	}
	const ok = `{"body":"x"}`
	for name, c := range map[string]struct {
		method, room, token, body string
		header                    []string
		status                    int
		code, field               string
	}{
		"no token":         {"GET", "open/messages", "", "", nil, 401, "bad_token", ""},
		"no token, post":   {"POST", "open/messages", "", ok, nil, 401, "bad_token", ""},
		"token in query":   {"GET", "open/messages?token=ann", "", "", nil, 401, "bad_token", ""},
		"bad token":        {"GET", "open/messages", "bad", "", nil, 401, "bad_token", ""},
		"no such room":     {"GET", "secret/messages", "ann", "", nil, 403, "forbidden", ""},
		"may not write":    {"POST", "news/messages", "ann", ok, nil, 403, "forbidden", ""},
		"muted":            {"POST", "open/messages", "loud", ok, nil, 403, "muted", ""},
		"banned":           {"GET", "open/messages", "gone", "", nil, 403, "banned", ""},
		"foreign page":     {"POST", "open/messages", "ann", ok, []string{"Origin", "https://evil.example"}, 403, "forbidden", ""},
		"bad room":         {"GET", "a%00b/messages", "ann", "", nil, 400, "bad_room", ""},
		"not JSON":         {"POST", "open/messages", "ann", "x", nil, 400, "bad_frame", ""},
		"two bodies":       {"POST", "open/messages", "ann", `{"body":1,"body":2}`, nil, 400, "bad_frame", ""},
		"no body":          {"POST", "open/messages", "ann", `{}`, nil, 400, "bad_frame", "body"},
		"a form":           {"POST", "open/messages", "ann", ok, []string{"Content-Type", "text/plain"}, 400, "bad_frame", ""},
		"a long key":       {"POST", "open/messages", "ann", ok, []string{"Idempotency-Key", strings.Repeat("x", 65)}, 400, "bad_frame", "Idempotency-Key"},
		"an empty key":     {"POST", "open/messages", "ann", ok, []string{"Idempotency-Key", ""}, 400, "bad_frame", "Idempotency-Key"},
		"a key of quotes":  {"POST", "open/messages", "ann", ok, []string{"Idempotency-Key", `""`}, 400, "bad_frame", "Idempotency-Key"},
		"a key of Chinese": {"POST", "open/messages", "ann", ok, []string{"Idempotency-Key", "钥匙"}, 400, "bad_frame", "Idempotency-Key"},
		"a key with a tab": {"POST", "open/messages", "ann", ok, []string{"Idempotency-Key", "a\tb"}, 400, "bad_frame", "Idempotency-Key"},
		"two keys":         {"POST", "open/messages", "ann", ok, []string{"Idempotency-Key", "a", "idempotency-key", "b"}, 400, "bad_frame", "Idempotency-Key"},
		"a long text":      {"POST", "open/messages", "ann", `{"body":"12345678901"}`, nil, 413, "text_too_long", ""},
		"a long request":   {"POST", "open/messages", "ann", `{"body":"` + strings.Repeat("x", 1024) + `"}`, nil, 413, "too_large", ""},
		"bad before":       {"GET", "open/messages?before=-1", "ann", "", nil, 400, "bad_frame", "before"},
		"bad limit":        {"GET", "open/messages?limit=0", "ann", "", nil, 400, "bad_frame", "limit"},
		"both directions":  {"GET", "open/messages?before=9&after=1", "ann", "", nil, 400, "bad_frame", "before"},
	} {
		t.Run(name, func(t *testing.T) {
			status, problem, header := call(t, c.method, url+c.room, c.token, c.body, c.header...)
			field, _ := problem["field"].(string)
			if status != c.status || problem["code"] != c.code || field != c.field || problem["retry"] != false {
				t.Errorf("%d %v", status, problem)
			}
			if header.Get("Content-Type") != "application/problem+json" || problem["title"] != http.StatusText(c.status) ||
				problem["status"] != float64(c.status) || problem["detail"] == "" {
				t.Errorf("%v %v", header, problem)
			}
		})
	}
	status, _, header := call(t, "DELETE", url+"open/messages", "ann", "")
	if status != 405 || header.Get("Allow") != "GET, HEAD, POST, OPTIONS" {
		t.Errorf("DELETE: %d %v", status, header)
	}
}

// All requests and sessions of a user share one rate.
func TestMessages_ShareTheUsersRate(t *testing.T) {
	url, ws, _ := messagesURL(t, chat.Settings{UserRate: access.Rate{PerSecond: 0.001, Burst: 2}})
	c := dialV1(t, ws).hello(`,"token":"ann","rooms":[{"room":"r"}]`)
	c.send(`{"type":"ping"}`)
	c.expect(`{"type":"pong"}`)
	if status, _, _ := call(t, "POST", url+"r/messages", "ann", `{"body":"x"}`); status != 201 {
		t.Errorf("status %d", status)
	}
	status, problem, header := call(t, "POST", url+"r/messages", "ann", `{"body":"x"}`)
	if retry, _ := problem["retry"].(float64); status != 429 || problem["code"] != "too_fast" || retry < 100_000 || len(header.Get("Retry-After")) < 3 {
		t.Errorf("%d %v %v", status, problem, header)
	}
	if status, _, _ := call(t, "POST", url+"r/messages", "ben", `{"body":"x"}`); status != 201 {
		t.Errorf("another user gets %d", status)
	}
}

// A room's name is a part of the request, which must not stay with the message.
func TestMessages_LongRequests_DontStay(t *testing.T) {
	for journal, open := range journals {
		t.Run(journal, func(t *testing.T) {
			url, _, _ := messagesOf(t, chat.Config{Journal: open(t)})
			url += "r/messages"
			long := strings.Repeat("x", 512<<10)
			say := func() {
				if status, _, _ := call(t, "POST", url, "ann", `{"body":"x"}`, "X-Long", long); status != 201 {
					t.Fatalf("status %d", status)
				}
			}
			say()
			before := heapInUse()
			for range 60 {
				say()
			}
			if grown, bound := heapInUse()-before, slack+own[journal]; grown > bound {
				t.Errorf("the heap grew by %d bytes; %d are allowed", grown, bound)
			}
		})
	}
}
