package chat_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// What everybody is answered is charged to their address, by bytes and for each answer: a
// stranger gets as much of it as a user may read, and not more. Neither somebody elsewhere
// nor a guest at the same address who reads suffers from that.
func TestVisits_WhatEverybodyGets_IsCharged(t *testing.T) {
	const messages = "/rooms/tea/messages"
	for name, c := range map[string]struct {
		method, path string
		most         int // how many 1 MB is enough for, with 4 KiB for each
	}{
		"openapi.json":           {"GET", "/openapi.json", 13},
		"openapi.json: HEAD":     {"HEAD", "/openapi.json", 13},
		"openapi.json: question": {"OPTIONS", "/openapi.json", 245},
		"messages: question":     {"OPTIONS", messages, 245},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, chat.Settings{ReadBytes: few(0.001, 1e6)}, tokens{}, func(t *testing.T, b *bubble) {
				ask := func(addr, token, method, path string) int {
					code, header := b.from(addr, token, method, path, "")
					if (code == tooMany) != (header.Get("Retry-After") != "") {
						t.Errorf("%d with Retry-After %q", code, header.Get("Retry-After"))
					}
					return code
				}
				n := 0
				for ; n < 1000 && ask("192.0.2.1:1", "", c.method, c.path) != tooMany; n++ {
				}
				if n < c.most-2 || n > c.most+2 {
					t.Errorf("%d are answered, want about %d", n, c.most)
				}
				if code := ask("192.0.2.2:1", "", c.method, c.path); code == tooMany {
					t.Error("another address is refused")
				}
				for _, token := range []string{"guest-1", "ann"} {
					if code := ask("192.0.2.1:1", token, "GET", messages); code != http.StatusOK {
						t.Errorf("%s reads at the same address: %d", token, code)
					}
				}
			})
		})
	}
}

// A monitor is always told of the hub's health, whatever strangers do at its address: not
// even a request that is refused, or one that holds all that there is to hold, is in its way.
func TestVisits_Health_IsToldWhateverOthersDo(t *testing.T) {
	set := chat.Settings{MaxOutboxes: 4 << 20, ReadBytes: few(0.001, 1), ConnectRate: few(0.001, 1)}
	inBubbleWith(t, set, tokens{}, overHTTP, func(t *testing.T, b *bubble) {
		health := func() int {
			w, r := httptest.NewRecorder(), newRequest("GET", "", "")
			r.Header.Set("From", "192.0.2.1")
			b.handler.ServeHealth(w, r)
			return w.Code
		}
		visit := func() int {
			w, r := httptest.NewRecorder(), newRequest("GET", "", "")
			r.Header.Set("From", "192.0.2.1")
			b.handler.ServeRequest(w, r, "/openapi.json")
			return w.Code
		}
		for range 3 {
			visit()
		}
		for i := range 100 {
			if code := health(); code != http.StatusOK {
				t.Fatalf("question %d: %d", i, code)
			}
		}
		if code := visit(); code != tooMany {
			t.Errorf("openapi.json: %d", code)
		}
		// The address holds what it may, and others come, until it has more than is left.
		for _, from := range []string{"192.0.2.1", "198.51.100.1", "203.0.113.1"} {
			for range 16 {
				c, _ := b.rawRequest(from, "POST", len(aMessage), "")
				defer c.Close()
				synctest.Wait()
			}
		}
		if code := health(); code != http.StatusOK {
			t.Errorf("while requests hold all that they may: %d", code)
		}
	})
}

// Every request of openapi.json, with every method, and all that is beside: none but that for
// the health is answered for nothing.
func TestVisits_EveryPath_IsCharged(t *testing.T) {
	h := &chat.Handler{Auth: tokens{}}
	set := chat.Settings{ConnectRate: few(0.001, 1), ReadBytes: few(0.001, 1), KeyRate: few(0.001, 1), UserRate: few(0.001, 1), SessionRate: few(0.001, 1)}
	set.Keys = []access.Key{newKey(t, "shop", func(k *access.Key) { k.Read, k.Feed = []string{"*"}, true })}
	serve(t, chat.Config{Settings: set, Journal: memjournal.New(memjournal.Options{})}, h)
	ask := func(method, path, token string) int {
		w, r := httptest.NewRecorder(), newRequest(method, token, "")
		switch path {
		case "":
			h.ServeHTTP(w, r)
		case "/login":
			h.ServeLogin(w, r, logins{})
		case "/health":
			h.ServeHealth(w, r)
		default:
			h.ServeRequest(w, r, path)
		}
		return w.Code
	}
	paths := map[string]bool{"": true, "/login": true, "/health": true, "/openapi.json": true, "/rooms/a/b/c": true}
	for name := range walked {
		_, path, _ := strings.Cut(name, " ")
		paths[strings.NewReplacer("{room}", "tea", "{seq}", "2", "{id}", "u1").Replace(path)] = true
	}
	for path := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"} {
			for _, token := range []string{"", "bad", "ann", keyOf("shop")} {
				got := 0
				for range 3 {
					got = ask(method, path, token)
				}
				if free := path == "/health" && (method == "GET" || method == "HEAD"); free == (got == tooMany) {
					t.Errorf("%s", fmt.Sprintln(method, path, token, "for the third time:", got))
				}
			}
		}
	}
}
