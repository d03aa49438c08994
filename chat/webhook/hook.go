package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Hook is where events are sent to, and which. Zero fields mean the defaults.
type Hook struct {
	// Name is the webhook for its position: one with another name begins with what is
	// recorded from then on. It has letters, digits, - and _.
	Name string
	// URL is where requests are sent to, by POST. It begins with https://, or with
	// http:// if Private is set.
	URL string
	// Private says that the receiver is on this machine or in a private network. No
	// other address is connected to then.
	Private bool
	// Secrets sign each request, all of them: so that a receiver can change from one to
	// the next. At least one.
	Secrets []Secret
	// Events are which events are sent: see Events. Default: all entries of rooms, and
	// nothing else.
	Events []string
	// Rooms are patterns of the rooms that they are sent of. Default: all rooms. Events
	// about users are sent in any case.
	Rooms []string
	// Batch bounds the events of a request. Default 100.
	Batch int
	// Interval is how often a request is sent that is not full. Default 1 s.
	Interval time.Duration
}

// Events returns the events that there are.
func Events() []string { return feed.Events() }

// The bounds of Hook.
const (
	MaxHooks    = 16 // of a hub
	MaxBatch    = 1000
	MaxInterval = 10 * time.Second // less than a lease
	maxSecrets  = 8
	maxURL      = 2048
)

var hookName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckName returns an error if a webhook can't have this name.
func CheckName(name string) error {
	if !hookName.MatchString(name) {
		return fmt.Errorf("the name of a webhook has 1 to 64 letters, digits, - and _, unlike %q", name)
	}
	return nil
}

// Validate returns an error that says what is wrong with the settings. It has nothing of
// the secrets, nor of the URL behind its host.
func (h *Hook) Validate() error {
	if err := CheckName(h.Name); err != nil {
		return err
	}
	if err := h.validate(); err != nil {
		return fmt.Errorf("webhook %s: %w", h.Name, err)
	}
	return nil
}

func (h *Hook) validate() error {
	if _, err := h.parseURL(); err != nil {
		return err
	}
	switch {
	case len(h.Secrets) == 0:
		return errors.New("it needs a secret; make one with: echo whsec_$(openssl rand -base64 32)")
	case len(h.Secrets) > maxSecrets:
		return fmt.Errorf("it has %d secrets, at most %d are possible", len(h.Secrets), maxSecrets)
	case h.Batch < 0 || h.Batch > MaxBatch:
		return fmt.Errorf("a batch has 1 to %d events, not %d", MaxBatch, h.Batch)
	case h.Interval < 0 || h.Interval > MaxInterval:
		return fmt.Errorf("batches go out after %v at most, not %v", MaxInterval, h.Interval)
	}
	for i, p := range h.Rooms {
		if err := access.CheckPattern(p); err != nil {
			return err
		}
		if strings.Contains(p, "{") { // there is no user whose id it could be
			return fmt.Errorf("rooms has the pattern %q, but it can't have {user}: that stands for the user of a policy", p)
		}
		if journal.IsReserved(p) {
			return fmt.Errorf("rooms has the pattern %q, but of rooms of the server nothing is sent: leave it out; events about users are sent in any case", p)
		}
		if slices.Contains(h.Rooms[:i], p) {
			return fmt.Errorf("rooms has %q twice", p)
		}
	}
	for i, s := range h.Secrets {
		if slices.ContainsFunc(h.Secrets[:i], func(other Secret) bool { return bytes.Equal(other.key, s.key) }) {
			return errors.New("it has a secret twice")
		}
	}
	_, err := h.filter()
	return err
}

// parseURL returns the URL, or what is wrong with it.
func (h *Hook) parseURL() (*url.URL, error) {
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || len(h.URL) > maxURL:
		return nil, errors.New("it needs a URL such as https://app.example.com/chat/events")
	case u.User != nil:
		return nil, errors.New("its URL must have no user and no password: requests are signed")
	case u.Port() != "" && !isPort(u.Port()):
		return nil, errors.New("the port in its URL must be 1 to 65535")
	case u.Fragment != "":
		return nil, errors.New("its URL must have no #")
	case h.Private && isElsewhere(u.Hostname()):
		return nil, errors.New("the address in its URL is not of this machine, nor of a private network: correct it, or leave out the option private")
	case u.Scheme == "https", u.Scheme == "http" && h.Private:
		return u, nil
	case u.Scheme == "http":
		return nil, errors.New("its URL must begin with https://; http:// is for a receiver on this machine or in a private network, and needs the option private")
	}
	return nil, fmt.Errorf("its URL must begin with https://, not with %s://", u.Scheme)
}

// isElsewhere reports whether a host is an address to which a hook with Private never
// connects. What a name stands for is known only then.
func isElsewhere(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && !isPrivate(addr)
}

// isPrivate reports whether an address is of this machine or of a private network.
func isPrivate(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// filter returns what the webhook wants.
func (h *Hook) filter() (*feed.Filter, error) {
	if len(h.Rooms) == 0 {
		return feed.NewFilter(h.Events, nil)
	}
	patterns := h.Rooms
	return feed.NewFilter(h.Events, func(room string) bool {
		if journal.IsReserved(room) {
			return true
		}
		for _, p := range patterns {
			if access.Matches(p, room) {
				return true
			}
		}
		return false
	})
}

// Check returns an error if one of these webhooks has wrong settings, or two have one name.
func Check(hooks []Hook) error {
	if len(hooks) > MaxHooks {
		return fmt.Errorf("there are %d webhooks, at most %d are possible", len(hooks), MaxHooks)
	}
	seen := map[string]bool{}
	for i := range hooks {
		if err := hooks[i].Validate(); err != nil {
			return err
		}
		if seen[hooks[i].Name] {
			return fmt.Errorf("two webhooks have the name %s: each needs its own, since its position is kept under it", hooks[i].Name)
		}
		seen[hooks[i].Name] = true
	}
	return nil
}
