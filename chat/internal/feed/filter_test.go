package feed

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Events are for those who ask for them by name, and who may hear of the room or the user.
func TestFilter_Events_OnlyWhereAskedFor(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		f := New(j)
		defer f.Close()
		for _, e := range []events.Event{
			{Type: events.Review, Room: "team", Seq: 1, Check: "words"},
			{Type: events.Review, Room: "g-1", Seq: 1, Check: "words"},
			{Type: events.Online, User: "u7"},
			{Type: events.Audit, User: "u7", Act: "ban"},
		} {
			entry, err := e.Entry()
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			j.Append(context.Background(), entry, func(_ journal.Receipt, err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		put(t, j, "team")
		rooms := func(patterns ...string) func(string) bool {
			return func(room string) bool {
				for _, p := range patterns {
					if access.Matches(p, room) {
						return true
					}
				}
				return false
			}
		}
		for _, c := range []struct {
			names []string
			rooms func(string) bool
			want  string
		}{
			{nil, nil, "message"},
			{[]string{"message", "review"}, nil, "review team, review g-1, message"},
			{[]string{"online"}, nil, "online u7"},
			{[]string{"online", "offline", "audit"}, nil, "online u7, audit u7"},
			{[]string{"review", "online", "audit"}, rooms("g-*"), "review g-1"},
			{[]string{"review", "online", "audit"}, rooms("g-*", "@*"), "review g-1, online u7, audit u7"},
			{[]string{"missed"}, nil, ""},
		} {
			filter, err := NewFilter(c.names, c.rooms)
			if err != nil {
				t.Fatal(err)
			}
			text, err := f.Pull(t.Context(), Query{Filter: filter})
			if err != nil {
				t.Fatal(err)
			}
			if got := kindsIn(t, text); got != c.want {
				t.Errorf("%q: got %q, want %q", c.names, got, c.want)
			}
		}
	})
}

// kindsIn returns what an answer has, and checks that an event has what makes it known.
func kindsIn(t *testing.T, text []byte) string {
	t.Helper()
	var list []string
	var b struct {
		Events []struct {
			Entry *struct{ Type string }
			Event *struct {
				Type, Room, User, ID string
				At                   int64
			}
		}
	}
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	for _, e := range b.Events {
		switch {
		case e.Event == nil:
			list = append(list, e.Entry.Type)
			continue
		case e.Event.At == 0 || !isPosition(e.Event.ID):
			t.Errorf("an event has no time or no id: %s", text)
		}
		list = append(list, e.Event.Type+" "+e.Event.Room+e.Event.User)
	}
	return strings.Join(list, ", ")
}
