package access

import (
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Only a pattern that begins with @ matches the name of a room of the server.
func TestPattern_Match_NamesOfTheServer(t *testing.T) {
	for _, c := range []struct {
		pattern, room string
		ok            bool
	}{
		{"*", "@", false},
		{"*", "@ann", false},
		{"**", "@ann", false},
		{"*ann", "@ann", false},
		{"{user}", "@ann", false},
		{"{user}", "ann", true},
		{"*", "a@ann", true},
		{"@*", "@ann", true},
		{"@*", "ann", false},
		{"@{user}", "@ann", true},
		{"@hub-*", "@hub-3", true},
		{"@hub-*", "@ann", false},
	} {
		if ok, _ := match(c.pattern, c.room, "ann"); ok != c.ok {
			t.Errorf("%q, %q: %v", c.pattern, c.room, ok)
		}
	}
}

// No policy and no token gives a right in a room of the server, and no policy says
// how one is run.
func TestPolicies_RoomsOfTheServer(t *testing.T) {
	all := []string{"*", "@*", "@{user}"}
	id := &Identity{User: journal.User{ID: "ann"}, Grants: &Grants{Read: all, Write: all, Moderate: all}}
	open := Policies{{Pattern: "*", Read: subjectsOf(t, "anyone"), NoPresence: true, Retention: journal.Retention{Age: time.Hour}}}
	for _, ps := range []Policies{nil, open} {
		for _, who := range []*Identity{nil, id} {
			for _, room := range []string{"@", "@ann", "@ben", "@hub-1"} {
				want := Rights{Read: who == id && room == "@ann"} // one's own
				if got := ps.For(who, room, NoRole); got != want {
					t.Errorf("%d policies: %s: %+v", len(ps), room, got)
				}
			}
		}
		if _, says := ps.Retention("@ann"); says || ps.HidesPresence("@ann") {
			t.Errorf("%d policies: one is about a room of the server", len(ps))
		}
	}
	if _, says := open.Retention("ann"); !says {
		t.Error("the policy is about no room")
	}
}
