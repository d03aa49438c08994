package chat

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
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

// Allow reports whether the page that made the request may connect.
func (o Origins) Allow(r *http.Request) bool {
	values := r.Header.Values("Origin")
	if len(values) == 0 {
		return true
	}
	origin := strings.ToLower(values[0])
	if len(values) > 1 {
		return false
	}
	if len(o) > 0 {
		return o.match(origin)
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	return wechatOrigins.match(origin)
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
