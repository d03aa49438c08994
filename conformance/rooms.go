package conformance

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
)

// badRooms are queries with a room name that is not allowed.
var badRooms = []struct{ name, query string }{
	{"empty room name", "room="},
	{"room name of 129 bytes", "room=" + strings.Repeat("r", 129)},
	{"room name of 43 Chinese characters, 129 bytes", "room=" + url.QueryEscape(strings.Repeat("房", 43))},
	{"room name that is not UTF-8", "room=a%ffb"},
	{"room name with half a character", "room=%E6%88"},
	{"room name with NUL", "room=a%00b"},
	{"room name with a line feed", "room=a%0ab"},
	{"room name with a carriage return", "room=a%0d"},
	{"room name with DEL", "room=%7fa"},
}

// badHistories are values of the parameter history that are not a number of
// messages.
var badHistories = []struct{ name, value string }{
	{"history that is a word", "many"},
	{"history below zero", "-1"},
	{"history with a fraction", "1.5"},
	{"history in hexadecimal", "0x10"},
	{"history with something after the number", "5x"},
}

func roomNameCases() []Case {
	const rule = "issue 2"
	cases := []Case{
		{"rooms", "a room name of 128 bytes", rule, func(t *caseRun) { expectRoom(t, uniqueRoom("r", 128)) }},
		{"rooms", "a Chinese room name of 128 bytes", rule, func(t *caseRun) { expectRoom(t, uniqueRoom("房间", 128)) }},
		{"rooms", "a room name that looks like markup, a path and a placeholder", rule,
			func(t *caseRun) { expectRoom(t, "<b>&amp;/../{path}%2f?#"+rand.Text()) }},
		{"rooms", "a room name with its bytes escaped in two ways", "RFC 3986 section 2.1", sameRoomTwoEscapes},
		{"rooms", "a client that names no room joins lobby", rule, lobby},
	}
	for _, bad := range badRooms {
		cases = append(cases, Case{"rooms", bad.name, rule, func(t *caseRun) { expectQueryRefused(t, bad.query) }})
	}
	for _, bad := range badHistories {
		cases = append(cases, Case{"rooms", bad.name, ruleRelay, func(t *caseRun) {
			expectQueryRefused(t, t.query()+"&history="+bad.value)
		}})
	}
	return cases
}

func expectQueryRefused(t *caseRun, query string) {
	t.needHTTP1()
	t.expectRefused(newRequest(t.target, query), field{}, http.StatusBadRequest)
}

// uniqueRoom returns a room name of n bytes that begins with prefix. Each call
// returns another one.
func uniqueRoom(prefix string, n int) string {
	name := prefix + rand.Text()
	return name + strings.Repeat("r", n-len(name))
}

// expectRoom fails unless two clients can join a room of that name.
func expectRoom(t *caseRun, room string) {
	query := "room=" + url.QueryEscape(room)
	expectRelay(t.joinWith("ann", query), t.joinWith("ben", query))
}

func sameRoomTwoEscapes(t *caseRun) {
	id := rand.Text()
	expectRelay(
		t.joinWith("ann", "room=%E6%88%BF+a"+id),
		t.joinWith("ben", "room=%e6%88%bf%20%61"+id),
	)
}

func lobby(t *caseRun) {
	expectRelay(t.joinWith("ann", ""), t.joinWith("ben", "room=lobby"))
}
