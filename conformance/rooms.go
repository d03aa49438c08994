package conformance

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
)

// badRooms are queries that name no room there could be.
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

// badHistories are wishes for the last N messages where N is no number.
var badHistories = []struct{ name, value string }{
	{"history in words", "many"},
	{"history below zero", "-1"},
	{"history with a fraction", "1.5"},
	{"history in hexadecimal", "0x10"},
	{"history with something behind the number", "5x"},
}

func roomNameCases() []Case {
	const rule = "issue 2"
	cases := []Case{
		{"rooms", "a room name of 128 bytes", rule, func(t *trial) { meet(t, padRoom("r", 128)) }},
		{"rooms", "a Chinese room name of 128 bytes", rule, func(t *trial) { meet(t, padRoom("房间", 128)) }},
		{"rooms", "a room name that looks like markup, a path and a placeholder", rule,
			func(t *trial) { meet(t, "<b>&amp;/../{path}%2f?#"+rand.Text()) }},
		{"rooms", "a room name in two spellings of its bytes", "RFC 3986 section 2.1", sameRoomTwoSpellings},
		{"rooms", "who names no room lands in the lobby", rule, lobby},
	}
	for _, bad := range badRooms {
		cases = append(cases, Case{"rooms", bad.name, rule, func(t *trial) { refusedQuery(t, bad.query) }})
	}
	for _, bad := range badHistories {
		cases = append(cases, Case{"rooms", bad.name, "design: one room, two dialects", func(t *trial) {
			refusedQuery(t, t.query()+"&history="+bad.value)
		}})
	}
	return cases
}

func refusedQuery(t *trial, query string) {
	t.needHTTP1()
	t.expectRefused(newRequest(t.target, query), field{}, http.StatusBadRequest)
}

// padRoom returns a room name of n bytes, like no other, that begins with
// prefix.
func padRoom(prefix string, n int) string {
	name := prefix + rand.Text()
	return name + strings.Repeat("r", n-len(name))
}

// meet lets two members talk in a room of that name.
func meet(t *trial, room string) {
	query := "room=" + url.QueryEscape(room)
	talk(t.joinWith("ann", query), t.joinWith("ben", query))
}

// talk has two members of a room say something to each other. Whatever they
// should not have heard before would come first.
func talk(a, b *client) {
	a.tb.Helper()
	a.say("from " + a.name)
	b.expectText("from " + a.name)
	b.say("from " + b.name)
	a.expectText("from " + b.name)
}

func sameRoomTwoSpellings(t *trial) {
	id := rand.Text()
	talk(
		t.joinWith("ann", "room=%E6%88%BF+a"+id),
		t.joinWith("ben", "room=%e6%88%bf%20%61"+id),
	)
}

func lobby(t *trial) {
	talk(t.joinWith("ann", ""), t.joinWith("ben", "room=lobby"))
}
