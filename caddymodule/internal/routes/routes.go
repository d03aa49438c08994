// Package routes says what the routes of a site do to requests before a handler that is
// being provisioned sees them.
//
// # Files
//
//	routes.go  where a handler stands, and what is before it
//	bars.go    whether requests come to it, and what others may have set for it
package routes

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"
)

// Place is where a handler stands that is being provisioned: the lists of routes around
// it, the server's first.
//
// Caddy provisions the routes of a list in their order. The handlers of those before have
// been made; those of the route in which the handler stands, and behind it, are still JSON.
type Place []caddyhttp.RouteList

// Of returns the place of the handler that is provisioned with ctx. Of a handler in a named
// route, or in one for errors, the server's routes are not known.
func Of(ctx caddy.Context) (p Place) {
	if srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		var routes caddyhttp.RouteList
		if slices.ContainsFunc(srv.Routes, isBeingMade) {
			routes = srv.Routes
		}
		p = append(p, routes)
	}
	for _, module := range ctx.Modules() {
		if subroute, ok := module.(*caddyhttp.Subroute); ok {
			p = append(p, subroute.Routes)
		}
	}
	return p
}

// isBeingMade reports whether handlers of a route are still JSON.
func isBeingMade(route caddyhttp.Route) bool { return len(route.HandlersRaw) > 0 }

// own returns the routes of a list that are before the one in which the handler stands,
// and that one.
func own(list caddyhttp.RouteList) (before caddyhttp.RouteList, own caddyhttp.Route) {
	if i := slices.IndexFunc(list, isBeingMade); i >= 0 {
		return list[:i], list[i]
	}
	return list, own
}

// Stripped returns the prefixes that are removed from the paths of all requests.
func (p Place) Stripped() (prefixes []string) {
	for _, list := range p {
		before, own := own(list)
		for _, handler := range forAll(before) {
			if r, ok := handler.(*rewrite.Rewrite); ok {
				prefixes = append(prefixes, r.StripPathPrefix)
			}
		}
		for _, raw := range own.HandlersRaw {
			var next map[string]any
			if err := json.Unmarshal(raw, &next); err != nil || next["handler"] == "chat" || next["handler"] == "subroute" {
				break
			}
			prefix, _ := next["strip_path_prefix"].(string)
			prefixes = append(prefixes, prefix)
		}
	}
	return slices.DeleteFunc(prefixes, func(p string) bool { return p == "" })
}

// Chats returns the paths of the chat's handlers that stand in the same routes as the
// handler, itself among them. The path of one that has none is empty.
func (p Place) Chats() (paths []string) {
	for i, list := range p {
		_, own := own(list)
		for _, raw := range own.HandlersRaw {
			var next struct{ Handler, Path string }
			if err := json.Unmarshal(raw, &next); err != nil || next.Handler == "subroute" && i < len(p)-1 {
				break // the handler stands in there
			}
			if next.Handler == "chat" {
				paths = append(paths, next.Path)
			}
		}
	}
	return paths
}

// Before returns the handlers that see every request before, in other routes.
func (p Place) Before() (handlers []caddyhttp.MiddlewareHandler) {
	for _, list := range p {
		before, _ := own(list)
		handlers = append(handlers, forAll(before)...)
	}
	return handlers
}

// forAll returns the handlers of routes that have no matcher.
func forAll(list caddyhttp.RouteList) (handlers []caddyhttp.MiddlewareHandler) {
	for _, route := range list {
		if len(route.MatcherSets) == 0 {
			handlers = append(handlers, route.Handlers...)
		}
	}
	return handlers
}

// Reaches reports whether a request for some path below base comes through the matchers of
// the routes. It knows only those of paths; of all others it supposes that it does.
func (p Place) Reaches(base string) bool {
	for _, list := range p {
		_, own := own(list)
		if len(own.MatcherSets) > 0 && !slices.ContainsFunc(own.MatcherSets, func(set caddyhttp.MatcherSet) bool { return reaches(set, base) }) {
			return false
		}
	}
	return true
}

func reaches(set caddyhttp.MatcherSet, base string) bool {
	below := strings.ToLower(strings.TrimSuffix(base, "/")) + "/"
	for _, matcher := range set {
		paths, ok := matcher.(*caddyhttp.MatchPath)
		if ok && !slices.ContainsFunc(*paths, func(pattern string) bool {
			return strings.ContainsAny(pattern, "*{") || strings.HasPrefix(pattern, below) && pattern != below
		}) {
			return false
		}
	}
	return true
}
