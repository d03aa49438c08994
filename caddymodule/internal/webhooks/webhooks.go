// Package webhooks is the option webhook of a hub: its JSON, its Caddyfile, and what is
// wrong with them.
//
// # Files
//
//	webhooks.go  Webhook
package webhooks

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/webhook"
)

// Webhook is where a hub sends what happens in its rooms, as requests that are signed as
// Standard Webhooks 1.0 says. Each event is sent until the receiver has answered with a
// status from 200 to 299, in the order of its room.
type Webhook struct {
	// The name under which it is stored how far the receiver has come: 1 to 64 letters,
	// digits, - and _. A webhook of a new name begins with what is recorded from then on.
	// Required.
	Name string `json:"name"`

	// Where requests are sent to. It begins with `https://`; `http://` needs `private`.
	// Redirects are not followed. Placeholders like `{env.CHAT_HOOK}` are replaced.
	// Required.
	URL string `json:"url"`

	// The keys that sign the requests: `whsec_` and base64 of 24 to 64 bytes, or
	// placeholders like `{env.CHAT_HOOK_SECRET}`. To change the key, name both for a
	// while. Required.
	Secrets []string `json:"secrets"`

	// Whether the receiver is on this machine or in a private network. No other address is
	// connected to then, and the URL may begin with `http://`. Default: false.
	Private bool `json:"private,omitempty"`

	// Which events are sent: `message`, `edited`, `recalled`, `tagged`, `notice`, `member`,
	// `info`; and `review`, `unchecked`, `online`, `offline`, `missed`, `audit`, which come
	// to nobody who does not name them. Default: those of the first group.
	Events []string `json:"events,omitempty"`

	// Patterns of the rooms whose events are sent. `*` stands for any text. None begins
	// with `@`. Events about users are sent in any case. Default: all rooms.
	Rooms []string `json:"rooms,omitempty"`

	// The most events in one request. Default: 100.
	Batch int `json:"batch,omitempty" bounds:"1 1000"`

	// How often a request is sent that is not full. Default: 1s.
	Interval caddy.Duration `json:"interval,omitempty" bounds:"1ms 10s"`
}

// toChat converts the webhook to that of a hub, and replaces placeholders. The error has
// nothing of a secret.
func (w *Webhook) toChat() (h webhook.Hook, err error) {
	h = webhook.Hook{
		Name: w.Name, Private: w.Private, Events: w.Events, Rooms: w.Rooms, Batch: w.Batch, Interval: time.Duration(w.Interval),
	}
	if h.URL, err = values.Replaced(w.URL); err != nil {
		return h, fmt.Errorf("webhook %s: url: %w", w.Name, err)
	}
	for i, text := range w.Secrets {
		text, err := values.Replaced(text)
		secret, parseErr := webhook.ParseSecret(text)
		if err = cmp.Or(err, parseErr); err != nil {
			return h, fmt.Errorf("webhook %s: secret %d: %w", w.Name, i+1, err)
		}
		h.Secrets = append(h.Secrets, secret)
	}
	return h, nil
}

// ToChat converts the webhooks of a configuration.
func ToChat(configured []Webhook) (hooks []webhook.Hook, err error) {
	for i := range configured {
		h, err := configured[i].toChat()
		if err != nil {
			return nil, err
		}
		hooks = append(hooks, h)
	}
	return hooks, webhook.Check(hooks)
}

// Check returns what is wrong with webhooks as far as that can be seen before
// placeholders are replaced.
func Check(configured []Webhook) error {
	known := make([]Webhook, len(configured))
	for i, w := range configured {
		if known[i] = w; strings.Contains(w.URL, "{") {
			known[i].URL = "https://placeholder"
		}
		known[i].Secrets = nil
		for _, text := range w.Secrets {
			secret, _ := values.StandIn(text)
			known[i].Secrets = append(known[i].Secrets, secret)
		}
	}
	_, err := ToChat(known)
	return err
}

// checkOptions returns what is wrong with options by themselves.
func (w *Webhook) checkOptions() error {
	alone := *w
	alone.URL = "{placeholder}"
	if len(w.Secrets) == 0 {
		alone.Secrets = []string{"{placeholder}"}
	}
	return cmp.Or(bounds.Check(w), Check([]Webhook{alone}))
}

// Parse reads one option webhook. Syntax:
//
//	webhook <name> <url> {
//	    secret  <text...>
//	    private
//	    events  <event...>
//	    rooms   <pattern...>
//	    batch   <number> [<duration>]
//	}
func Parse(d *caddyfile.Dispenser) (w Webhook, err error) {
	if !d.Args(&w.Name, &w.URL) {
		return w, d.Err("chat: webhook needs a name and a URL, such as webhook orders https://app.example.com/chat/events")
	}
	err = values.Block(d, "webhook", values.EachChecked(d, w.checkOptions, map[string]func() error{
		"secret":  func() error { return values.List(d, &w.Secrets) },
		"private": func() error { w.Private = true; return values.Nothing(d, "private") },
		"events":  func() error { return values.List(d, &w.Events) },
		"rooms":   func() error { return values.List(d, &w.Rooms) },
		"batch":   func() error { return parseBatch(d, &w) },
	}))
	return w, err
}

func parseBatch(d *caddyfile.Dispenser, w *Webhook) error {
	args := d.RemainingArgs()
	if len(args) == 0 || len(args) > 2 {
		return d.Err("chat: batch takes a number of events, and how often a request is sent that is not full, such as 100 1s")
	}
	n, err := values.NumberOf(args[0], w, &w.Batch)
	if err != nil {
		return d.Errf("chat: batch %v", err)
	}
	w.Batch = n
	if len(args) == 2 {
		interval, err := caddy.ParseDuration(args[1])
		if err != nil || interval < time.Millisecond || interval > webhook.MaxInterval {
			return d.Errf("chat: batch: %q is not a duration from 1ms to 10s, such as 1s", args[1])
		}
		w.Interval = caddy.Duration(interval)
	}
	return values.NoBlock(d, "batch")
}
