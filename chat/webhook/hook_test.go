package webhook

import (
	"strings"
	"testing"
	"time"
)

func TestCheck_RefusesInWords(t *testing.T) {
	good := Hook{Name: "orders", URL: "https://app.example.com/events?a=b", Secrets: []Secret{secret(t, secretText)}}
	if err := Check([]Hook{good}); err != nil {
		t.Fatal(err)
	}
	for words, change := range map[string]func(*Hook){
		"1 to 64 letters":                func(h *Hook) { h.Name = "a.b" },
		"webhook orders: it needs a URL": func(h *Hook) { h.URL = "app.example.com" },
		"no user and no password":        func(h *Hook) { h.URL = "https://a:b@example.com/" },
		"must have no #":                 func(h *Hook) { h.URL += "#x" },
		"needs the option private":       func(h *Hook) { h.URL = "http://app.example.com/" },
		"not with ftp://":                func(h *Hook) { h.URL = "ftp://app.example.com/" },
		"it needs a secret":              func(h *Hook) { h.Secrets = nil },
		"at most 8 are possible":         func(h *Hook) { h.Secrets = make([]Secret, 9) },
		"there are no events \"mess\": there are message, edited": func(h *Hook) { h.Events = []string{"mess"} },
		"stand twice":                  func(h *Hook) { h.Events = []string{"info", "info"} },
		"it can't have {user}":         func(h *Hook) { h.Rooms = []string{"a-{user}"} },
		"braces are for {user}":        func(h *Hook) { h.Rooms = []string{"a{b}"} },
		"rooms has \"a\" twice":        func(h *Hook) { h.Rooms = []string{"a", "b", "a"} },
		"of rooms of the server":       func(h *Hook) { h.Rooms = []string{"*", "@*"} },
		"it has a secret twice":        func(h *Hook) { h.Secrets = []Secret{secret(t, secretText), secret(t, secretText)} },
		"leave out the option private": func(h *Hook) { h.URL, h.Private = "http://192.0.2.1/", true },
		"1 to 1000 events, not 1001":   func(h *Hook) { h.Batch = 1001 },
		"after 10s at most":            func(h *Hook) { h.Interval = time.Hour },
	} {
		h := good
		change(&h)
		if err := Check([]Hook{h}); err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "a=b") {
			t.Errorf("%v, want %q", err, words)
		}
	}
	if err := Check([]Hook{good, good}); err == nil || !strings.Contains(err.Error(), "two webhooks have the name orders") {
		t.Error(err)
	}
	many := make([]Hook, MaxHooks+1)
	if err := Check(many); err == nil || !strings.Contains(err.Error(), "at most 16") {
		t.Error(err)
	}
}
