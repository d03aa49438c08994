package chat_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
)

// from sends a request from an address, and returns its status. The path has a query.
func (b *bubble) from(addr, token, method, path, body string) (int, http.Header) {
	path, query, _ := strings.Cut(path, "?")
	w, r := httptest.NewRecorder(), newRequest(method, token, body)
	r.RemoteAddr, r.URL.RawQuery = addr, query
	b.handler.ServeRequest(w, r, path)
	return w.Code, w.Header()
}

const tooMany = http.StatusTooManyRequests

// The guests of one address share one rate over HTTP, in each kind of request: otherwise
// somebody who has many tokens of guests has as many rates. Nobody else suffers from it.
func TestRates_GuestsOverHTTP_ShareThatOfTheirAddress(t *testing.T) {
	for name, row := range walked {
		method, _, _ := strings.Cut(strings.ToUpper(name), " ")
		t.Run(name, func(t *testing.T) {
			inBubble(t, chat.Settings{UserRate: few(0.001, 3), Policies: usual(t)}, tokens{}, func(t *testing.T, b *bubble) {
				ask := func(addr, token string) (int, http.Header) { return b.from(addr, token, method, row.path, row.body) }
				for i, want := range []bool{false, false, false, true, true} {
					code, header := ask("192.0.2.1:"+strconv.Itoa(1000+i), "guest-"+strconv.Itoa(i))
					if (code == tooMany) != want || want && header.Get("Retry-After") == "" {
						t.Errorf("request %d: %d, %q", i+1, code, header.Get("Retry-After"))
					}
				}
				for who, token := range map[string]string{"192.0.2.1:1": "ann", "192.0.2.2:1": "guest-0", "[2001:db8::1]:1": "guest-4"} {
					if code, _ := ask(who, token); code == tooMany {
						t.Errorf("%s at %s is refused", token, who)
					}
				}
			})
		})
	}
}

// An IPv6 client counts by its /64, as everywhere. What is refused is not read, so bytes count by
// address too. A guest's connections have rates of their own, and a user's id that reads like an
// address is none.
func TestRates_GuestsOverHTTP_WhatCountsAsOne(t *testing.T) {
	say := func(b *bubble, addr, token, text string) int {
		code, _ := b.from(addr, token, "POST", "/rooms/tea/messages", `{"body":"`+text+`"}`)
		return code
	}
	for name, c := range map[string]struct {
		first, second, token string
		refused              bool
	}{
		"the same address":               {"192.0.2.1:1", "192.0.2.1:2", "guest-b", true},
		"as IPv6":                        {"192.0.2.1:1", "[::ffff:192.0.2.1]:1", "guest-b", true},
		"another of a /64":               {"[2001:db8:0:1::1]:1", "[2001:db8:0:1::2]:1", "guest-b", true},
		"another /64":                    {"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", "guest-b", false},
		"a Unix socket":                  {"@", "@", "guest-b", true},
		"a user":                         {"192.0.2.1:1", "192.0.2.1:1", "ann", false},
		"a user who is called like that": {"192.0.2.1:1", "192.0.2.1:1", "192.0.2.1", false},
		"the same guest elsewhere":       {"192.0.2.1:1", "192.0.2.2:1", "guest-a", false},
	} {
		for what, set := range map[string]chat.Settings{"requests": {UserRate: few(0.001, 1)}, "bytes": {UserBytes: few(0.001, 300)}} {
			t.Run(name+"/"+what, func(t *testing.T) {
				inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
					text := strings.Repeat("x", 200)
					if got := say(b, c.first, "guest-a", text); got != http.StatusCreated {
						t.Fatalf("the first: %d", got)
					}
					if got := say(b, c.second, c.token, text); (got == tooMany) != c.refused {
						t.Errorf("the second: %d", got)
					}
					session := b.connect().hello(`,"token":"guest-a","rooms":[{"room":"tea"}]`)
					session.send(`{"type":"send","id":"1","room":"tea","body":"` + text[:150] + `"}`)
					if got := session.until("ok"); !strings.Contains(got, `"id":"1"`) {
						t.Errorf("a connection got %s", got)
					}
				})
			})
		}
	}
}

// A login, and a request without a token, count as handshakes of their address.
func TestRates_WithoutAToken_CountAsHandshakes(t *testing.T) {
	for name, ask := range map[string]func(b *bubble, addr string) *httptest.ResponseRecorder{
		"login": func(b *bubble, addr string) *httptest.ResponseRecorder {
			w, r := httptest.NewRecorder(), newRequest("POST", "", `{"code":"c"}`)
			r.RemoteAddr = addr
			b.handler.ServeLogin(w, r, logins{})
			return w
		},
		"messages": func(b *bubble, addr string) *httptest.ResponseRecorder {
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = addr
			b.handler.ServeRequest(w, r, "/rooms/"+url.PathEscape("tea")+"/messages")
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, chat.Settings{ConnectRate: few(0.001, 2)}, tokens{}, func(t *testing.T, b *bubble) {
				for i, want := range []bool{false, false, true} {
					if w := ask(b, "192.0.2.1:1"); (w.Code == tooMany) != want || want && w.Header().Get("Retry-After") == "" {
						t.Errorf("request %d: %d", i+1, w.Code)
					}
				}
				if w := ask(b, "192.0.2.2:1"); w.Code == tooMany {
					t.Error("another address is refused")
				}
			})
		})
	}
}
