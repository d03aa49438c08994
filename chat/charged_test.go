package chat_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// Whatever is refused before it is known whose it is counts as a handshake of its address,
// at every door. What a user may do who was there before does not suffer from it.
func TestCharged_WhatIsRefusedForEverybody(t *testing.T) {
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}
	with := func(header ...string) []string { return append(header, upgrade...) }
	const messages, elsewhere = "/chat/rooms/tea/messages", "https://elsewhere.example"
	for name, c := range map[string]struct {
		method, path string
		header       []string
		status       int
	}{
		"no upgrade":          {"GET", "/chat", nil, http.StatusUpgradeRequired},
		"another method":      {"POST", "/chat", nil, http.StatusMethodNotAllowed},
		"another upgrade":     {"GET", "/chat", []string{"Connection", "Upgrade", "Upgrade", "h2c"}, http.StatusUpgradeRequired},
		"a bad key":           {"GET", "/chat", []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "x"}, http.StatusBadRequest},
		"early":               {"GET", "/chat", with("Early-Data", "1"), http.StatusTooEarly},
		"a bad query":         {"GET", "/chat?room=%zz", upgrade, http.StatusBadRequest},
		"an origin":           {"GET", "/chat", with("Origin", elsewhere), http.StatusForbidden},
		"a protocol":          {"GET", "/chat", with("Sec-WebSocket-Protocol", "other"), http.StatusBadRequest},
		"a room":              {"GET", "/chat?room=", upgrade, http.StatusBadRequest},
		"a history":           {"GET", "/chat?history=x", upgrade, http.StatusBadRequest},
		"raw off":             {"GET", "/chat?room=noraw", upgrade, http.StatusForbidden},
		"a bad token":         {"GET", "/chat?token=bad", upgrade, http.StatusUnauthorized},
		"messages: a method":  {"PUT", messages, nil, http.StatusMethodNotAllowed},
		"messages: early":     {"POST", messages, []string{"Early-Data", "1"}, http.StatusTooEarly},
		"messages: an origin": {"GET", messages, []string{"Origin", elsewhere}, http.StatusForbidden},
		"messages: a query":   {"GET", messages + "?limit=1&limit=2", nil, http.StatusBadRequest},
		"messages: a room":    {"GET", "/chat/rooms/%00/messages", nil, http.StatusBadRequest},
		"messages: preflight": {"OPTIONS", messages, []string{"Origin", elsewhere}, http.StatusForbidden},
		"messages: no token":  {"GET", messages, nil, http.StatusUnauthorized},
		"login: a method":     {"GET", "/chat/login", nil, http.StatusMethodNotAllowed},
		"login: an origin":    {"POST", "/chat/login", []string{"Origin", elsewhere}, http.StatusForbidden},
		"login: no code":      {"POST", "/chat/login", nil, http.StatusBadRequest},
		"health: a method":    {"POST", "/chat/health", nil, http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			url := doorsOf(t, chat.Settings{ConnectRate: few(0.001, 2), Policies: access.Policies{
				{Pattern: "noraw", Read: subject(t, "anyone"), NoRaw: true},
				{Pattern: "*", Read: subject(t, "anyone")},
			}})
			call(t, "GET", url+messages, "ann", "")
			for _, want := range []int{c.status, c.status, http.StatusTooManyRequests} {
				status, answer, header := call(t, c.method, url+c.path, "", "", c.header...)
				if status != want {
					t.Fatalf("%d %v, want %d", status, answer, want)
				}
				if status == http.StatusTooManyRequests && header.Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
			}
			if status, answer, _ := call(t, "GET", url+messages, "ann", ""); status != http.StatusOK {
				t.Errorf("a user of the address: %d %v", status, answer)
			}
		})
	}
}

// doorsOf serves every door of a hub, and returns the URL of the server.
func doorsOf(t *testing.T, set chat.Settings) string {
	h := &chat.Handler{Auth: tokens{}}
	serve(t, chat.Config{Settings: set, Journal: memjournal.New(memjournal.Options{})}, h)
	mux := http.NewServeMux()
	mux.Handle("/chat", h)
	mux.HandleFunc("/chat/rooms/{room}/messages", func(w http.ResponseWriter, r *http.Request) {
		h.ServeMessages(w, r, r.PathValue("room"))
	})
	mux.HandleFunc("/chat/login", func(w http.ResponseWriter, r *http.Request) { h.ServeLogin(w, r, logins{}) })
	mux.HandleFunc("/chat/health", h.ServeHealth)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// The code of a login stands once, spelled as it is, or the login is refused.
func TestLogin_Code_IsReadStrictly(t *testing.T) {
	url := doorsOf(t, chat.Settings{}) + "/chat/login"
	for body, want := range map[string]int{
		`{"code":"c"}`: http.StatusOK,
		` {"x":{"code":1},"code":"c","y":[1,2]} `: http.StatusOK,
		`{"cod\u0065":"c"}`:                       http.StatusOK,
		`{"Code":"c"}`:                            http.StatusBadRequest,
		`{"CODE":"c","code":""}`:                  http.StatusBadRequest,
		`{"code":"c","code":"c"}`:                 http.StatusBadRequest,
		`{"code":"c","cod\u0065":"d"}`:            http.StatusBadRequest,
		`{"code":["c"]}`:                          http.StatusBadRequest,
		`{"code":null}`:                           http.StatusBadRequest,
		`{"code":1}`:                              http.StatusBadRequest,
		`{"code":"c"`:                             http.StatusBadRequest,
		`{"code":"c"}{}`:                          http.StatusBadRequest,
		`{"code":"c"}x`:                           http.StatusBadRequest,
		"{\"code\":\"\xff\"}":                     http.StatusBadRequest,
		`["code","c"]`:                            http.StatusBadRequest,
		`"code"`:                                  http.StatusBadRequest,
		`{}`:                                      http.StatusBadRequest,
	} {
		if status, answer, _ := call(t, "POST", url, "", body); status != want {
			t.Errorf("%s: %d %v, want %d", body, status, answer, want)
		}
	}
}
