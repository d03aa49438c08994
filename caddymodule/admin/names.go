package admin

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// slashName is in the context of a request whose path ends with the name /.
type slashName struct{}

// withSlash returns a request that a ServeMux can route: it takes the name / at the end
// of a path, which is %2F there, for an empty one.
func withSlash(r *http.Request) *http.Request {
	path := r.URL.EscapedPath()
	if !strings.HasSuffix(strings.ToUpper(path), "/%2F") {
		return r
	}
	r = r.Clone(context.WithValue(r.Context(), slashName{}, true))
	r.URL.RawPath = path[:len(path)-len("%2F")] + "-"
	r.URL.Path = strings.TrimSuffix(r.URL.Path, "/") + "-"
	return r
}

// nameIn returns the name of a room or a user in a path.
func nameIn(r *http.Request, key string) string {
	if r.Context().Value(slashName{}) != nil {
		return "/"
	}
	return r.PathValue(key)
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// checkRoom returns an error unless a room can have this name.
func checkRoom(name string) error {
	if name == "" {
		return apiError(http.StatusBadRequest, "room is missing")
	}
	if err := journal.CheckRoom(name); err != nil {
		return apiError(http.StatusBadRequest, "%w", err)
	}
	return nil
}

// notReserved returns an error if a room is one of the server.
func notReserved(room string) error {
	if journal.IsReserved(room) {
		return apiError(http.StatusForbidden, "room %q belongs to the server, as all whose names begin with @", room)
	}
	return nil
}

// suggestion returns a question that ends an error about a name that is not there, if
// one of the names is like it: at most half of it is different.
func suggestion(name string, names []string) string {
	best, least := "", 3 // more changes make it another name
	for _, other := range names {
		d := distance([]rune(strings.ToLower(name)), []rune(strings.ToLower(other)), least)
		if other != name && d < least && 2*d <= len([]rune(name)) {
			best, least = other, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance returns how many characters must be added, removed, replaced or swapped with
// their neighbour to make b of a, or enough if it is at least that.
func distance(a, b []rune, enough int) int {
	if max(len(a)-len(b), len(b)-len(a)) >= enough {
		return enough
	}
	d := make([][]int, len(a)+1) // of the beginnings of both
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range b {
		d[0][j+1] = j + 1
	}
	for i := range a {
		for j := range b {
			replaced := d[i][j]
			if a[i] != b[j] {
				replaced++
			}
			d[i+1][j+1] = min(d[i][j+1]+1, d[i+1][j]+1, replaced)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d[i+1][j+1] = min(d[i+1][j+1], d[i-1][j-1]+1)
			}
		}
	}
	return min(d[len(a)][len(b)], enough)
}
