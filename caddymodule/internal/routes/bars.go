package routes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	maphandler "github.com/caddyserver/caddy/v2/modules/caddyhttp/map"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"

	"github.com/caddychat/caddy-chat/internal/foreign"
)

// Bar returns why no request for base, or for a path below it, ever comes to the handler: a
// matcher, or a handler before it. It returns "" if some may come. Of modules that are not
// Caddy's own it supposes that they let all requests through and may change their path.
func (p Place) Bar(base string) string {
	changed := false // what follows may change the path, so what the path is before it does not count
	for i := len(p) - 1; i >= 0; i-- {
		before, own := own(p[i])
		for _, handler := range slices.Backward(p.ahead(i)) {
			if why := bars(handler, base, changed); why != "" {
				return why
			}
			changed = changed || changesPath(handler)
		}
		if !changed && len(own.MatcherSets) > 0 && !slices.ContainsFunc(own.MatcherSets, func(set caddyhttp.MatcherSet) bool { return lets(set, base) }) {
			return "a matcher lets no request for it through"
		}
		for j, route := range slices.Backward(before) {
			for _, handler := range slices.Backward(route.Handlers) {
				if why := bars(handler, base, changed); why != "" && isForAll(before[:j], route) {
					return why
				}
				changed = changed || changesPath(handler)
			}
			if route.Group != "" && route.Group == own.Group && len(route.MatcherSets) == 0 {
				return "a handle without a matcher stands before it and takes all requests"
			}
		}
	}
	return ""
}

// isForAll reports whether every request passes a route that stands behind others: of a group,
// each request passes one route at most.
func isForAll(before caddyhttp.RouteList, route caddyhttp.Route) bool {
	inGroup := func(other caddyhttp.Route) bool { return other.Group == route.Group }
	return len(route.MatcherSets) == 0 && len(route.MatcherSetsRaw) == 0 && (route.Group == "" || !slices.ContainsFunc(before, inGroup))
}

// ahead returns the handlers that stand before the handler in its own route of list i, or before
// the subroute in which it stands.
func (p Place) ahead(i int) (handlers []caddyhttp.MiddlewareHandler) {
	_, own := own(p[i])
	for _, raw := range own.HandlersRaw {
		var next struct{ Handler string }
		if err := json.Unmarshal(raw, &next); err != nil || next.Handler == "subroute" && i < len(p)-1 || next.Handler == "chat" && i == len(p)-1 {
			return handlers
		}
		handlers = append(handlers, decode(next.Handler, raw))
	}
	return nil // the handler stands within one of them
}

// decode returns the handler of that name, with its settings but not ready to serve. It returns
// nil if there is none.
func decode(name string, raw json.RawMessage) caddyhttp.MiddlewareHandler {
	info, err := caddy.GetModule("http.handlers." + name)
	if err != nil {
		return nil
	}
	module := info.New()
	handler, ok := module.(caddyhttp.MiddlewareHandler)
	if !ok || json.Unmarshal(raw, module) != nil {
		return nil
	}
	return handler
}

// handlersOf returns the handlers of a route, whether they are provisioned or not.
func handlersOf(route caddyhttp.Route) []caddyhttp.MiddlewareHandler {
	handlers := slices.Clone(route.Handlers)
	for _, raw := range route.HandlersRaw {
		var next struct{ Handler string }
		_ = json.Unmarshal(raw, &next) // a handler without a name is unknown
		handlers = append(handlers, decode(next.Handler, raw))
	}
	return handlers
}

// bars returns why no request for base or below it comes behind a handler that all pass. changed says
// that the path may be changed behind it.
func bars(handler caddyhttp.MiddlewareHandler, base string, changed bool) string {
	const answers = " stands before it without a matcher and answers every request"
	switch h := handler.(type) {
	case *caddyhttp.StaticResponse:
		if h.StatusCode != "103" && !strings.Contains(string(h.StatusCode), "{") {
			return "respond, redir or abort" + answers
		}
	case *caddyhttp.StaticError:
		return "error" + answers
	case *fileserver.FileServer:
		if !h.PassThru {
			return "file_server" + answers
		}
	case *reverseproxy.Handler:
		if len(h.HandleResponse) == 0 {
			return "reverse_proxy" + answers
		}
	case *rewrite.Rewrite:
		if path, _, _ := strings.Cut(h.URI, "?"); !changed && strings.HasPrefix(path, "/") && !mayBeBelow(path, base) {
			return fmt.Sprintf("rewrite stands before it without a matcher and makes %s of every path", path)
		}
	case *caddyhttp.Subroute:
		for i, route := range h.Routes {
			for _, inner := range handlersOf(route) {
				if why := bars(inner, base, true); why != "" && isForAll(h.Routes[:i], route) {
					return why
				}
			}
		}
	}
	return ""
}

// changesPath reports whether a handler may change the path of requests.
func changesPath(handler caddyhttp.MiddlewareHandler) bool {
	switch h := handler.(type) {
	case *rewrite.Rewrite:
		return true
	case *caddyhttp.Subroute:
		return slices.ContainsFunc(h.Routes, func(route caddyhttp.Route) bool { return slices.ContainsFunc(handlersOf(route), changesPath) })
	}
	return !isKnown(handler)
}

// isKnown reports whether a handler or matcher is Caddy's own or ours, and does nothing but what
// its type says: invoke runs other routes.
func isKnown(module any) bool {
	t := reflect.TypeOf(module)
	if t == nil || t == reflect.TypeFor[*caddyhttp.Invoke]() {
		return false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	path := t.PkgPath()
	return strings.HasPrefix(path, "github.com/caddyserver/caddy/v2/") || strings.HasPrefix(path, "github.com/caddychat/caddy-chat/")
}

// lets reports whether a set of matchers may let a request for base through, or for a path below
// it. It knows only matchers of paths.
func lets(set caddyhttp.MatcherSet, base string) bool {
	return !slices.ContainsFunc(set, func(matcher any) bool {
		paths, ok := matcher.(*caddyhttp.MatchPath)
		return ok && !slices.ContainsFunc(*paths, func(pattern string) bool { return mayBeBelow(pattern, base) })
	})
}

// mayBeBelow reports whether a pattern of paths can stand for base or for a path below it. A star, a
// placeholder and an escaped character may be any text.
func mayBeBelow(pattern, base string) bool {
	pattern, base = strings.ToLower(pattern), strings.ToLower(strings.TrimSuffix(base, "/"))+"/"
	if strings.Contains(pattern, "//") || strings.Contains(pattern, "/.") {
		return true // it is compared with what the path means
	}
	if end := strings.IndexAny(pattern, "*{%"); end >= 0 {
		return strings.HasPrefix(base, pattern[:end]) || strings.HasPrefix(pattern[:end], base)
	}
	return strings.HasPrefix(pattern+"/", base)
}

// TakesWebSockets reports whether matchers of methods let through what opens a WebSocket: GET, or CONNECT of
// HTTP/2 and 3.
func (p Place) TakesWebSockets() bool {
	opens := func(matcher any) bool {
		methods, ok := matcher.(*caddyhttp.MatchMethod)
		return !ok || slices.Contains(*methods, http.MethodGet) || slices.Contains(*methods, http.MethodConnect)
	}
	for _, list := range p {
		_, own := own(list)
		if len(own.MatcherSets) > 0 && !slices.ContainsFunc(own.MatcherSets, func(set caddyhttp.MatcherSet) bool {
			return !slices.ContainsFunc(set, func(matcher any) bool { return !opens(matcher) })
		}) {
			return false
		}
	}
	return true
}

// MaySet reports whether Caddy itself gives a placeholder a value, or a handler before this one, or a
// matcher, may: a map, what authenticates users, or a module that is not Caddy's own.
func (p Place) MaySet(placeholder string) bool {
	return isCaddys(placeholder) || p.maySetBefore(placeholder)
}

// isCaddys reports whether Caddy itself gives a placeholder a value, or one of its handlers and
// matchers may.
func isCaddys(name string) bool {
	for _, prefix := range []string{"http.regexp.", "http.matchers.", "http.error", "http.reverse_proxy.", "http.intercept.", "http.request.tls.", "file.", "env."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	// Caddy may panic, since no server has received the request that it is asked about here.
	known, err := foreign.Here(func() (bool, error) {
		repl := caddy.NewReplacer()
		caddyhttp.PrepareRequest(&http.Request{URL: new(url.URL), Header: http.Header{}}, repl, nil, new(caddyhttp.Server))
		_, known := repl.Get(name)
		return known, nil
	})
	return known || err != nil
}

func (p Place) maySetBefore(placeholder string) bool {
	for i, list := range p {
		before, own := own(list)
		if !isBeingMade(own) {
			return true // who calls this route is not known
		}
		for _, route := range append(slices.Clone(before), own) {
			if slices.ContainsFunc(route.MatcherSets, func(set caddyhttp.MatcherSet) bool {
				return slices.ContainsFunc(set, func(matcher any) bool { return !isKnown(matcher) })
			}) {
				return true
			}
			handlers := route.Handlers
			if isBeingMade(route) {
				handlers = p.ahead(i)
			}
			if slices.ContainsFunc(handlers, func(h caddyhttp.MiddlewareHandler) bool { return maySet(h, placeholder) }) {
				return true
			}
		}
	}
	return len(p) == 0
}

func maySet(handler caddyhttp.MiddlewareHandler, placeholder string) bool {
	switch h := handler.(type) {
	case *maphandler.Handler:
		return slices.ContainsFunc(h.Destinations, func(name string) bool { return strings.Trim(name, "{}") == placeholder })
	case *caddyauth.Authentication:
		return strings.HasPrefix(placeholder, "http.auth.")
	case *reverseproxy.Handler:
		return len(h.HandleResponse) > 0 // its routes may do anything
	case *caddyhttp.Subroute:
		return slices.ContainsFunc(h.Routes, func(route caddyhttp.Route) bool {
			return slices.ContainsFunc(handlersOf(route), func(inner caddyhttp.MiddlewareHandler) bool { return maySet(inner, placeholder) })
		})
	}
	return !isKnown(handler)
}
