package chat

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Origins says which web pages may open a socket. Browsers send the Origin of
// the page and, unlike for other requests, let any page connect anywhere: where
// cookies or HTTP authentication identify the user, this check is what keeps
// another site from speaking in their name.
//
// Each pattern is an origin such as https://example.com, in which * stands for
// any characters but a slash (https://*.example.com), or * alone, which lets
// EVERY site in the world connect as your users.
//
// With no patterns the default applies: no Origin at all (programs, phones), the
// host of the request itself, and WeChat's https://servicewechat.com and
// weapp://wechat-game-runtime. Patterns replace the last three; a request
// without Origin does not come from a page and is always allowed.
type Origins []string

// wechatOrigins are what mini programs and mini games send where they send any.
var wechatOrigins = Origins{"https://servicewechat.com", "weapp://wechat-game-runtime"}

// Validate returns an error that names the first pattern that is none.
func (o Origins) Validate() error {
	for _, p := range o {
		if p == "*" {
			continue
		}
		scheme, host, ok := strings.Cut(p, "://")
		if !ok || scheme == "" || host == "" || strings.Contains(host, "/") {
			return fmt.Errorf("origin %q is not of the form scheme://host or scheme://host:port, nor *", p)
		}
	}
	return nil
}

// Allow reports whether the page that made the request may connect. One whose
// origin and host have more than 1 KiB together may not.
func (o Origins) Allow(r *http.Request) bool {
	switch values := r.Header.Values("Origin"); {
	case len(values) == 0:
		return true
	case len(values) > 1 || len(values[0])+len(r.Host) > maxPage:
		return false
	}
	return o.allow(pageOf(r).Value())
}

// maxPage bounds a page, which stays in memory with its sessions, in bytes. A
// name in the DNS has 253 at most.
const maxPage = 1 << 10

// page is what made a request: a page of an origin, which asked a host.
type page struct{ origin, host string }

// noPage stands for what is no page: a program, a phone.
var noPage unique.Handle[page]

// pageOf returns where a request comes from. The handle takes a session's memory
// no more than a pointer does.
func pageOf(r *http.Request) unique.Handle[page] {
	values := r.Header.Values("Origin")
	if len(values) == 0 {
		return noPage
	}
	return unique.Make(page{strings.ToLower(values[0]), strings.ToLower(r.Host)})
}

func (o Origins) allow(p page) bool {
	if len(o) > 0 {
		return o.match(p.origin)
	}
	if u, err := url.Parse(p.origin); err == nil && u.Host != "" && u.Host == p.host {
		return true
	}
	return wechatOrigins.match(p.origin)
}

// originReview is which pages could still connect at a time.
type originReview struct {
	at time.Time
	of []Origins
}

func (v originReview) allow(p unique.Handle[page]) bool {
	return p == noPage || slices.ContainsFunc(v.of, func(o Origins) bool { return o.allow(p.Value()) })
}

// ReviewOrigins ends the sessions of pages that none of these lets connect: after
// a change of them, say, that a page was taken off.
func (h *Hub) ReviewOrigins(of ...Origins) {
	verdicts := map[unique.Handle[page]]bool{}
	var ends []*Session
	h.mu.Lock()
	h.origins = originReview{time.Now(), of}
	for _, s := range h.sessions {
		allowed, known := verdicts[s.page]
		if !known {
			allowed = h.origins.allow(s.page)
			verdicts[s.page] = allowed
		}
		if !allowed {
			ends = append(ends, s)
		}
	}
	h.mu.Unlock()
	for _, s := range ends {
		s.close(wire.Forbidden.Bye())
	}
}

// onlyStars takes their meaning from the other signs that path.Match knows: the
// brackets of an IPv6 host stand for themselves.
var onlyStars = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `?`, `\?`)

func (o Origins) match(origin string) bool {
	for _, p := range o {
		if p == "*" {
			return true
		}
		if ok, err := path.Match(onlyStars.Replace(strings.ToLower(p)), origin); ok && err == nil {
			return true
		}
	}
	return false
}
