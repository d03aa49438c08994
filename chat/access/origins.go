package access

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unique"

	"golang.org/x/net/publicsuffix"
)

// Origins says which web pages may open a socket and read answers over HTTP. A browser
// sends the Origin of the page and, unlike for other requests, lets any page connect to
// any server. Where cookies or HTTP authentication identify the user, this check is what
// keeps another site from acting in the user's name.
//
// Each pattern is an origin such as https://example.com. In the name of its host, *
// stands for any characters except a dot, but *. at the beginning for any subdomains:
// https://*.example.com. The port may be *, too. The pattern * alone lets EVERY site in
// the world connect as your users.
//
// Whatever the patterns are, these may connect: requests without Origin (programs,
// phones), the host of the request itself, and WeChat's
// https://servicewechat.com and weapp://wechat-game-runtime.
type Origins []string

// wechatOrigins are what mini programs and mini games send, if they send any.
var wechatOrigins = Origins{"https://servicewechat.com", "weapp://wechat-game-runtime"}

// Validate returns an error that names the first pattern that no origin can match, that
// stands twice, or that lets in sites of anybody.
func (o Origins) Validate() error {
	for i, p := range o {
		if slices.ContainsFunc(o[:i], func(before string) bool { return canonicalOrigin(before) == canonicalOrigin(p) }) {
			return fmt.Errorf("origin %q stands twice", p)
		}
		if p == "*" {
			continue
		}
		scheme, host, ok := strings.Cut(p, "://")
		switch {
		case strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }):
			return fmt.Errorf("origin %q: browsers send such a host as xn--…, so write it like that", p)
		case !ok || !originScheme.MatchString(scheme) || !originHost.MatchString(host):
			return fmt.Errorf("origin %q is not of the form scheme://host or scheme://host:port, nor *; several have spaces between them", p)
		case strings.EqualFold(scheme, "ws") || strings.EqualFold(scheme, "wss"):
			return fmt.Errorf("origin %q: an origin is the address of a web page, so write https:// or http://", p)
		case !originPort(host):
			return fmt.Errorf("origin %q: the port is not a number from 1 to 65535, nor *", p)
		case !isOfOneOwner(host):
			return fmt.Errorf("origin %q would let in sites of anybody, with the visitors' cookies: behind the last * of a host must stand "+
				"a name below which only you have sites, such as example.com", p)
		}
	}
	return nil
}

var (
	originScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`)
	originHost   = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._*-]+)(:([0-9]+|\*))?$`)
)

// originPort reports whether the port of a host in a pattern is one, if there is any.
func originPort(host string) bool {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") || host[i:] == ":*" {
		return true
	}
	port, err := strconv.ParseUint(host[i+1:], 10, 16)
	return err == nil && port > 0
}

// isOfOneOwner reports whether all sites that the host of a pattern matches can be those of
// one owner. Anybody gets a name below com or co.uk, and a page below github.io: such
// names are in the Public Suffix List. A name of which nothing is known, such as test or
// internal, is of a network at home.
func isOfOneOwner(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ":*")
	i := strings.LastIndexByte(host, '*')
	if i < 0 {
		return true
	}
	_, name, _ := strings.Cut(host[i:], ".")
	name, _, _ = strings.Cut(name, ":")
	name = strings.Trim(name, ".")
	suffix, listed := publicsuffix.PublicSuffix(name)
	return name != "" && (suffix != name || !listed && !strings.Contains(name, "."))
}

// Allow reports whether the page that made the request may connect. It may not if
// its origin and host have more than 1 KiB together.
func (o Origins) Allow(r *http.Request) bool {
	switch values := r.Header.Values("Origin"); {
	case len(values) == 0:
		return true
	case len(values) > 1 || len(values[0])+len(r.Host) > maxSource:
		return false
	}
	return o.AllowSource(SourceOf(r))
}

// LacksPort reports whether a page of the site itself is refused only because the
// header Host has no port: a proxy in front of this server has removed it.
func (o Origins) LacksPort(r *http.Request) bool {
	origin, err := url.Parse(canonicalOrigin(r.Header.Get("Origin")))
	return err == nil && origin.Port() != "" && origin.Hostname() == strings.ToLower(r.Host)
}

// Share lets the page that made the request read the answer, if the page may connect
// (CORS). A page that only the pattern * permits gets no answer to a request with
// cookies or HTTP authentication. Called again for the same answer, it changes nothing.
func (o Origins) Share(answer http.Header, r *http.Request) {
	if slices.Contains(answer.Values("Vary"), "Origin") {
		return
	}
	answer.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	switch {
	case origin == "" || !o.Allow(r):
		return
	case slices.Contains(o, "*") && !o.withoutAny().Allow(r):
		answer.Set("Access-Control-Allow-Origin", "*")
	default:
		answer.Set("Access-Control-Allow-Origin", origin)
		answer.Set("Access-Control-Allow-Credentials", "true")
	}
	answer.Set("Access-Control-Expose-Headers", "Retry-After")
}

// withoutAny returns the patterns other than *.
func (o Origins) withoutAny() Origins {
	return slices.DeleteFunc(slices.Clone(o), func(p string) bool { return p == "*" })
}

// Source is the web page that made a connection. NoSource stands for a program or
// a phone. It takes no more memory than a pointer: equal sources share theirs.
type Source struct{ handle unique.Handle[source] }

// source is a page of an origin that asked a host.
type source struct{ origin, host string }

// NoSource is the source of what is not a web page.
var NoSource Source

// maxSource bounds a source, which stays in memory with its sessions, in bytes. A
// name in the DNS has 253 at most.
const maxSource = 1 << 10

// SourceOf returns where a request comes from.
func SourceOf(r *http.Request) Source {
	values := r.Header.Values("Origin")
	if len(values) == 0 {
		return NoSource
	}
	return Source{unique.Make(source{canonicalOrigin(values[0]), strings.ToLower(r.Host)})}
}

// defaultPorts are the ports that an origin need not name.
var defaultPorts = map[string]string{"http": ":80", "https": ":443"}

// canonicalOrigin returns an origin or a pattern in lower case and without the
// default port of its scheme (RFC 6454, 4): https://X.org:443 is https://x.org.
func canonicalOrigin(origin string) string {
	origin = strings.ToLower(origin)
	scheme, _, _ := strings.Cut(origin, "://")
	if port := defaultPorts[scheme]; port != "" {
		return strings.TrimSuffix(origin, port)
	}
	return origin
}

// AllowSource reports whether a page may connect.
func (o Origins) AllowSource(s Source) bool {
	if s == NoSource {
		return true
	}
	from := s.handle.Value()
	if u, err := url.Parse(from.origin); err == nil && u.Host != "" && u.Host == strings.TrimSuffix(from.host, defaultPorts[u.Scheme]) {
		return true
	}
	return wechatOrigins.match(from.origin) || o.match(from.origin)
}

func (o Origins) match(origin string) bool {
	return slices.ContainsFunc(o, func(p string) bool { return p == "*" || matchOrigin(canonicalOrigin(p), origin) })
}

// matchOrigin reports whether a pattern other than * matches an origin.
func matchOrigin(pattern, origin string) bool {
	scheme, host, _ := strings.Cut(pattern, "://")
	name, ok := strings.CutPrefix(origin, scheme+"://")
	if !ok || strings.Contains(name, "/") {
		return false
	}
	below, ofAll := strings.CutPrefix(host, "*.")
	if !ofAll {
		return matchHost(host, name)
	}
	for ok {
		if _, name, ok = strings.Cut(name, "."); ok && matchHost(below, name) {
			return true
		}
	}
	return false
}

// matchHost reports whether a name matches a pattern, whose stars stand for anything but a
// dot. For path.Match that is a slash. All other characters mean themselves: an IPv6
// host has brackets.
func matchHost(pattern, name string) bool {
	ok, err := path.Match(hostPattern.Replace(pattern), strings.ReplaceAll(name, ".", "/"))
	return ok && err == nil
}

var hostPattern = strings.NewReplacer(`.`, `/`, `\`, `\\`, `[`, `\[`, `?`, `\?`)

// OriginReview is a change of origins: which pages could still connect when it
// was made. The zero value is no change.
type OriginReview struct {
	At time.Time
	Of []Origins // of all handlers of the hub
}

// Allow reports whether a page could still connect.
func (v OriginReview) Allow(s Source) bool {
	return s == NoSource || slices.ContainsFunc(v.Of, func(o Origins) bool { return o.AllowSource(s) })
}
