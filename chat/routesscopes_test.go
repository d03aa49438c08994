package chat_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var inCode = regexp.MustCompile("`([^`]+)`")

// documentedScopes are those of the table of requests of PROTOCOL.md: of which a key needs one. A
// request for which that is "any" has none.
func documentedScopes(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n| request | is | scope |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	scopes := map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 3 {
			t.Fatalf("%d cells in %s", len(cells), line)
		}
		var needs []string
		for _, m := range inCode.FindAllStringSubmatch(cells[2], -1) {
			needs = append(needs, m[1])
		}
		if (needs == nil) != (strings.TrimSpace(cells[2]) == "any") {
			t.Errorf("the scope of %s is %q", cells[0], cells[2])
		}
		method := ""
		for i, m := range inCode.FindAllStringSubmatch(cells[0], -1) { // POST [/rooms/{room}]/mute, /kick, /ban
			path := m[1]
			if i == 0 {
				method, path, _ = strings.Cut(path, " ")
			}
			path, _, _ = strings.Cut(path, "?")
			for _, at := range []string{"", "/rooms/{room}"} {
				row := strings.ToLower(method) + " " + path
				if strings.Contains(cells[0], "[/rooms/{room}]") {
					row = strings.ToLower(method) + " " + at + strings.TrimPrefix(path, "[/rooms/{room}]")
				}
				scopes[row] = needs
			}
		}
	}
	return scopes
}

// The table of PROTOCOL.md has each request of openapi.json, with the same scopes.
func TestRoutes_Document_HasTheScopesOfTheProtocol(t *testing.T) {
	want, d := documentedScopes(t), documentOf(t, apiURL(t, journals["memory"](t)))
	got := map[string][]string{}
	for pattern, methods := range d.Paths {
		for method, op := range methods {
			got[method+" "+pattern] = op.Scopes
		}
	}
	for _, row := range slices.Sorted(maps.Keys(want)) {
		if scopes, ok := got[row]; !ok || !slices.Equal(slices.Sorted(slices.Values(scopes)), slices.Sorted(slices.Values(want[row]))) {
			t.Errorf("%s: openapi.json has %q (%v), PROTOCOL.md %q", row, scopes, ok, want[row])
		}
	}
	for row := range got {
		if _, ok := want[row]; !ok {
			t.Errorf("%s is not in the table of PROTOCOL.md", row)
		}
	}
}
