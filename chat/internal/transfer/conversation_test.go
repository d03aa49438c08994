package transfer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
)

var ann = journal.User{ID: "ann", Name: "Ann"}

// change carries out a change of a conversation.
func change(t *testing.T, j store, c *members.Change, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Entry()
	e.From = ann
	appendAll(t, j, e)
}

func loaded(t *testing.T, j store, room string) members.State {
	t.Helper()
	s, err := members.Load(t.Context(), j.Records(), room, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The members of a conversation come along: into an empty journal, and into one that has
// an older state of it.
func TestImport_Conversation_HasItsMembers(t *testing.T) {
	owner := members.By{User: ann.ID, Role: access.Owner, Rights: access.Rights{Read: true, Invite: true, Moderate: true, MaxMembers: 9}}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			j, there := open(t), open(t)
			c, err := members.Found("g", ann, []journal.User{{ID: "bo"}, {ID: "cy"}}, members.Info{Title: "Trip"})
			change(t, j, c, err)
			appendAll(t, j, journal.Entry{Room: "g", Kind: journal.Message, From: ann, Body: []byte(`"x"`)})
			importInto(t, there, exportOf(t, j, ""), Imported{Lines: 3, Recorded: 3})
			importInto(t, j, exportOf(t, j, ""), Imported{Lines: 3, Known: 3})

			s := loaded(t, j, "g")
			c, err = s.SetRole(owner, []journal.User{{ID: "bo"}}, access.NoRole)
			change(t, j, c, err)
			s = loaded(t, j, "g")
			c, err = s.SetRole(owner, []journal.User{{ID: "cy"}}, access.Admin)
			change(t, j, c, err)
			importInto(t, there, exportOf(t, j, "g"), Imported{Lines: 5, Recorded: 3, Known: 2})
			for _, lines := range []string{exportOf(t, j, "g"), exportOf(t, there, "g")} {
				importInto(t, there, lines, Imported{Lines: 5, Known: 5})
			}
			want, got := loaded(t, j, "g"), loaded(t, there, "g")
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("there it is %+v, want %+v", got, want)
			}
			// It goes on there, and who has judged by an older state is refused.
			c, err = got.SetRole(owner, []journal.User{{ID: "dan"}}, access.Member)
			change(t, there, c, err)
			if s := loaded(t, there, "g"); s.Version != 5 || s.Size != 3 {
				t.Errorf("after one more member: %+v", s)
			}
		})
	}
}

func TestImport_Conversation_Refused(t *testing.T) {
	line := func(state, members string) string {
		return `{"conversation":{"room":"g","version":3,"state":` + state + `,"members":[` + members + `]}}`
	}
	for _, c := range []struct{ line, why string }{
		{line(`{"size":1}`, ``), "size or owner"},
		{line(`{"size":1,"owner":"a"}`, `{"id":"a","role":"member","since":1}`), "size or owner"},
		{line(`{"size":1}`, `{"id":"a","role":"king","since":1}`), "king"},
		{line(`{"size":5001}`, strings.Repeat(`{"id":"a","role":"member","since":1},`, 5000)+`{"id":"a","role":"member","since":1}`), "at most 5000 members"},
		{line(`{"size":1}`, `{"id":"a","role":"none","since":1}`), "must stand once"},
		{line(`{"size":1}`, `{"id":"a","role":"member"}`), "must stand once"},
		{line(`{"size":1}`, `{"id":"a","role":"member","since":4}`), "must stand once"},
		{line(`{"size":2}`, `{"id":"a","role":"member","since":1},{"id":"a","role":"member","since":1}`), "must stand once"},
		{`{"conversation":{"room":"","version":3,"state":{"size":0}}}`, "room"},
		{`{"conversation":{"room":"@g","version":3,"state":{"size":0}}}`, "a user's own room"},
		{`{"conversation":{"room":"g","state":{"size":0}}}`, "number of a governing entry"},
		{`{"conversation":{"room":"g","version":1,"state":{"size":0}},"entry":{}}`, "entry"},
		{`{"epoch":"e","entry":{"type":"message","room":"g","seq":1,"at":1,"from":{"id":"a","name":""},"body":1,"role":"member"}}`, "belong to the types"},
		{`{"epoch":"e","entry":{"type":"member","room":"g","seq":1,"at":1,"from":{"id":"a","name":""},"role":"member","body":1}}`, "has no body"},
	} {
		_, err := Import(t.Context(), Into{Journal: stores["memory"](t)}, strings.NewReader(c.line+"\n"))
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", c.line, err, c.why)
		}
	}
}
