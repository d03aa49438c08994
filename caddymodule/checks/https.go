package checks

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/webhook"
)

func init() { caddy.RegisterModule(new(HTTPS)) }

// HTTPS asks a program of the site by requests that are signed as Standard Webhooks 1.0
// says. Its answer says whether what somebody says is shown.
type HTTPS struct {
	// Where questions are sent to. It begins with `https://`; `http://` needs `private`.
	// Redirects are not followed. Placeholders like `{env.CHAT_CHECK}` are replaced.
	// Required.
	URL string `json:"url,omitempty"`

	// The keys that sign the requests: `whsec_` and base64 of 24 to 64 bytes, or
	// placeholders like `{env.CHAT_CHECK_SECRET}`. To change the key, name both for a
	// while. Required.
	Secrets []string `json:"secrets,omitempty"`

	// Whether the program is on this machine or in a private network. No other address is
	// connected to then, and the URL may begin with `http://`. Default: false.
	Private bool `json:"private,omitempty"`

	Options

	*webhook.Checker `json:"-"`
	host             string
}

// CaddyModule returns the Caddy module information.
func (*HTTPS) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.checks.https", New: func() caddy.Module { return new(HTTPS) }}
}

// Provision implements caddy.Provisioner.
func (h *HTTPS) Provision(caddy.Context) error {
	if err := cmp.Or(bounds.Check(h), h.Problem()); err != nil {
		return err
	}
	made, err := h.made(values.Replaced)
	if err == nil {
		h.Checker, h.host = made.Checker, made.host
	}
	return err
}

// Label names the check in logs and metrics: by the host of its URL, which has no secret.
func (h *HTTPS) Label() string { return h.host }

// Cleanup implements caddy.CleanerUpper. Questions that are open go on.
func (h *HTTPS) Cleanup() error {
	if h.Checker != nil {
		h.Checker.Close()
	}
	return nil
}

// made returns the checker that the settings describe, and the host of its URL. The error
// has nothing of a secret.
func (h *HTTPS) made(replaced func(string) (string, error)) (made HTTPS, err error) {
	at, err := replaced(h.URL)
	if err != nil {
		return made, fmt.Errorf("url: %w", err)
	}
	var secrets []webhook.Secret
	for i, text := range h.Secrets {
		text, err := replaced(text)
		secret, parseErr := webhook.ParseSecret(text)
		if err = cmp.Or(err, parseErr); err != nil {
			return made, fmt.Errorf("secret %d: %w", i+1, err)
		}
		secrets = append(secrets, secret)
	}
	if made.Checker, err = webhook.NewChecker(at, h.Private, secrets, cmp.Or(h.AtOnce, 64)); err != nil {
		return made, err
	}
	u, err := url.Parse(at)
	if err == nil {
		made.host = u.Host
	}
	return made, err
}

// readable returns what is wrong as far as that can be seen before placeholders are
// replaced and all options are read.
func (h *HTTPS) readable() error {
	known := *h
	if strings.Contains(h.URL, "{") || strings.HasPrefix(h.URL, "http://") {
		known.URL = "https://placeholder" // private may follow
	}
	if len(h.Secrets) == 0 {
		known.Secrets = []string{"{}"}
	}
	_, err := known.made(values.StandIn)
	return err
}

// UnmarshalCaddyfile reads the check. Syntax:
//
//	<url> {
//	    secret  <text...>
//	    private
//	    # and those of Options
//	}
func (h *HTTPS) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	h.URL = d.Val()
	err := h.Read(d, "check", h.readable, map[string]func() error{
		"secret":  func() error { return values.List(d, &h.Secrets) },
		"private": func() error { h.Private = true; return values.Nothing(d, "private") },
	})
	return values.Checked(d, err, func() error {
		known := *h
		if strings.Contains(h.URL, "{") {
			known.URL = "https://placeholder"
		}
		_, err := known.made(values.StandIn)
		return err
	})
}

var (
	_ Module                = (*HTTPS)(nil)
	_ caddy.Provisioner     = (*HTTPS)(nil)
	_ caddy.CleanerUpper    = (*HTTPS)(nil)
	_ caddyfile.Unmarshaler = (*HTTPS)(nil)
)
