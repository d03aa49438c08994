package transfer

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/profiles"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// trip is a conversation of ann, bo and cy, with four messages.
func trip(t *testing.T, j store) {
	t.Helper()
	c, err := members.Found("g", ann, []journal.User{{ID: "bo"}, {ID: "cy"}}, members.Info{Title: "Trip"})
	change(t, j, c, err)
	for range 4 {
		appendAll(t, j, journal.Entry{Room: "g", Kind: journal.Message, From: ann, Body: []byte(`"x"`)})
	}
}

// reads moves a read mark as a client does.
func reads(t *testing.T, j store, user string, seq journal.Seq) {
	t.Helper()
	page, err := j.Read(t.Context(), journal.Query{Room: "g", After: seq - 1, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	to := readmarks.Mark{Epoch: page.Epoch, Seq: seq, Count: page.Entries[0].Count}
	key := readmarks.Key{User: user, Room: "g", Member: true}
	if _, _, err := readmarks.New(j.Records()).Move(t.Context(), key, netip.Addr{}, to, 0); err != nil {
		t.Fatal(err)
	}
}

// sets changes the settings of a user as a client does.
func sets(t *testing.T, j store, user string, c list.Change) {
	t.Helper()
	heads, err := j.Heads(t.Context(), []string{"g"})
	if err == nil {
		_, err = list.Set(t.Context(), j.Records(), user, "g", &heads[0], c)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// membersOf returns the members in the line of the conversation g.
func membersOf(t *testing.T, lines string) string {
	t.Helper()
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, `{"conversation"`) {
			continue
		}
		var l struct {
			Conversation struct{ Members json.RawMessage }
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		return string(l.Conversation.Members)
	}
	t.Fatal("there is no conversation")
	return ""
}

// What is each member's own comes along. What a member has done in the other journal is
// not taken back by it.
func TestImport_Conversation_HasWhatIsEachMembersOwn(t *testing.T) {
	yes, no := true, false
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			j, there := open(t), open(t)
			trip(t, j)
			if err := (profiles.Profiles{Records: j.Records()}).Keep(t.Context(), journal.User{ID: "bo", Name: "Bo", Avatar: "https://example.com/b.png"}); err != nil {
				t.Fatal(err)
			}
			reads(t, j, "ann", 5)
			reads(t, j, "bo", 3)
			sets(t, j, "bo", list.Change{Notify: &no, Top: &yes})
			sets(t, j, "cy", list.Change{Hide: &yes, Clear: true, Block: &yes})
			lines := exportOf(t, j, "")
			want := `[{"id":"ann","role":"owner","since":1,"read":5},` +
				`{"id":"bo","name":"Bo","avatar":"https://example.com/b.png","role":"member","since":1,"read":3,"notify":false,"top":true},` +
				`{"id":"cy","role":"member","since":1,"hidden":true,"cleared":5,"block":true}]`
			if got := membersOf(t, lines); got != want {
				t.Errorf("the members are exported as\n%s\nwant\n%s", got, want)
			}
			importInto(t, j, lines, Imported{Lines: 6, Known: 6})
			importInto(t, there, lines, Imported{Lines: 6, Recorded: 6})
			importInto(t, there, lines, Imported{Lines: 6, Known: 6})
			if got := membersOf(t, exportOf(t, there, "")); got != want {
				t.Errorf("the other journal has\n%s\nwant\n%s", got, want)
			}
			key := readmarks.Key{User: "bo", Room: "g", Member: true}
			if marks, err := readmarks.New(there.Records()).Get(t.Context(), []readmarks.Key{key}); err != nil || marks[0].Count != 2 {
				t.Errorf("the mark of bo is %+v, %v: it must count 2 messages", marks, err)
			}

			reads(t, there, "bo", 4)
			sets(t, there, "bo", list.Change{Notify: &yes, Top: &no})
			reads(t, j, "ann", 5)
			reads(t, j, "cy", 2)
			importInto(t, there, exportOf(t, j, ""), Imported{Lines: 6, Recorded: 1, Known: 5})
			reads(t, j, "cy", 4)
			importInto(t, there, exportOf(t, j, ""), Imported{Lines: 6, Recorded: 1, Known: 5})
			want = `[{"id":"ann","role":"owner","since":1,"read":5},` +
				`{"id":"bo","name":"Bo","avatar":"https://example.com/b.png","role":"member","since":1,"read":4},` +
				`{"id":"cy","role":"member","since":1,"read":4,"hidden":true,"cleared":5,"block":true}]`
			if got := membersOf(t, exportOf(t, there, "")); got != want {
				t.Errorf("after what its users did it has\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A journal that has a newer state of the conversation keeps it whole.
func TestImport_Conversation_OlderThanThere_ChangesNothing(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			j, there := open(t), open(t)
			trip(t, j)
			reads(t, j, "bo", 3)
			lines := exportOf(t, j, "")
			importInto(t, there, strings.Replace(lines, `,"read":3`, ``, 1), Imported{Lines: 6, Recorded: 6})
			s := loaded(t, there, "g")
			c, err := s.SetRole(members.By{User: "bo", Role: access.Member, Rights: access.Rights{Read: true}}, []journal.User{{ID: "bo"}}, access.NoRole)
			change(t, there, c, err)
			before := exportOf(t, there, "")
			importInto(t, there, lines, Imported{Lines: 6, Known: 6})
			if after := exportOf(t, there, ""); after != before {
				t.Errorf("the older line has changed\n%s\nto\n%s", before, after)
			}
		})
	}
}

// Where the room has lost its beginning, members count from there.
func TestImport_Conversation_Trimmed_CountsWhatIsThere(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			j, there := open(t), open(t)
			trip(t, j)
			reads(t, j, "bo", 4)
			if err := j.Trim(t.Context(), "g", 4); err != nil {
				t.Fatal(err)
			}
			importInto(t, there, exportOf(t, j, ""), Imported{Lines: 3, Recorded: 3})
			page, err := there.Read(t.Context(), journal.Query{Room: "g"})
			if err != nil {
				t.Fatal(err)
			}
			seat := loaded(t, there, "g").Seats["cy"]
			marks, err := readmarks.New(there.Records()).Get(t.Context(), []readmarks.Key{{User: "bo", Room: "g", Member: true}})
			if got := [2]uint64{page.Unread(seat.Count), page.Unread(marks[0].Count)}; err != nil || got != [2]uint64{2, 1} {
				t.Errorf("unread are %d, %v; want 2 for cy, and 1 for bo", got, err)
			}
		})
	}
}

// A conversation of which no entry is kept any more keeps its members, and its name.
func TestImport_Conversation_WithoutEntries_HasItsMembers(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			j, there := open(t), open(t)
			trip(t, j)
			appendAll(t, j, journal.Entry{Room: "h", Kind: journal.Message, From: ann, Body: []byte("1")})
			if err := j.Trim(t.Context(), "g", 6); err != nil {
				t.Fatal(err)
			}
			lines := exportOf(t, j, "")
			importInto(t, j, lines, Imported{Lines: 3, Known: 3})
			importInto(t, there, lines, Imported{Lines: 3, Recorded: 3})
			importInto(t, there, lines, Imported{Lines: 3, Known: 3})
			got, want := loaded(t, there, "g"), loaded(t, j, "g")
			if got.Room.Title != "Trip" || len(got.Seats) != 3 || got.Owner != want.Owner || got.Version != want.Version {
				t.Errorf("there it is %+v, want %+v", got, want)
			}
			if again := exportOf(t, there, ""); withoutEpoch(again) != withoutEpoch(lines) {
				t.Errorf("it exports\n%s\nwant\n%s", again, lines)
			}
		})
	}
}

func TestImport_Direct(t *testing.T) {
	lines := `{"entry":{"type":"member","room":{"direct":["bo","ann"]},"seq":1,"at":1,"users":[{"id":"ann"},{"id":"bo"}],"role":"member"}}
{"entry":{"type":"message","room":{"direct":["ann","bo"]},"seq":2,"at":2,"from":{"id":"bo"},"body":{"text":"hi"}}}
{"entry":{"type":"tagged","room":{"direct":["ann","bo"]},"seq":3,"at":3,"target":2,"from":{"id":"ann"}},"body":{"tag":"👍","value":true}}
{"conversation":{"room":{"direct":["bo","ann"]},"version":1,"state":{"size":2},"members":[{"id":"bo","name":"Bo","role":"member","since":1},{"id":"ann","role":"member","since":1}]}}
{"marks":{"room":{"direct":["ann","bo"]},"tags":[{"seq":2,"user":"ann","tag":"👍","value":true,"by":3}]}}
`
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			j := open(t)
			into := Into{
				Journal: j,
				Direct:  func(user, other string) (string, error) { return "d-" + user + "-" + other, nil },
				Await:   nobody,
			}
			if done, err := Import(t.Context(), into, strings.NewReader(lines)); err != nil || done.Recorded != 5 {
				t.Fatalf("%+v, %v", done, err)
			}
			if s := loaded(t, j, "d-ann-bo"); s.With("ann") != "bo" || s.With("bo") != "ann" || s.Size != 2 {
				t.Errorf("the conversation is %+v", s)
			}
			why := errors.New("no policy")
			into.Direct = func(string, string) (string, error) { return "", why }
			if _, err := Import(t.Context(), into, strings.NewReader(lines)); !errors.Is(err, why) || !strings.HasPrefix(err.Error(), "line 1: ") {
				t.Errorf("without a name: %v", err)
			}
		})
	}
}

func TestImport_Own_Refused(t *testing.T) {
	base := `{"entry":{"type":"member","room":"g","seq":1,"at":1,"users":[],"role":"member","owner":{"id":"a"}}}` + "\n"
	line := func(room, member string) string {
		return base + `{"conversation":{"room":` + room + `,"version":1,"state":{"size":1,"owner":"a"},"members":[{"role":"owner","since":1,` + member + `}]}}` + "\n"
	}
	for _, c := range []struct{ lines, why string }{
		{line(`"g"`, `"id":"a","read":2`), `line 2: member "a": read and cleared must be numbers of entries of the room, whose last one is 1`},
		{line(`"g"`, `"id":"a","cleared":2`), "whose last one is 1"},
		{line(`"h"`, `"id":"a"`), `line 2: conversation "h": version 1 is no entry of the room, whose last one is 0`},
		{line(`"g"`, `"id":""`), "1 to 128 bytes"},
		{line(`"g"`, `"id":"a\u0000b"`), "without control characters"},
		{line(`"g"`, `"id":"a","name":"`+strings.Repeat("ü", 65)+`"`), "64 characters"},
		{line(`"g"`, `"id":"a","muted":true`), "muted is not known here"},
		{line(`{"direct":["a"]}`, `"id":"a"`), "ids of two users"},
		{line(`{"direct":["a","a"]}`, `"id":"a"`), "ids of two users"},
		{line(`{"direct":["a",""]}`, `"id":"a"`), "ids of two users"},
		{line(`{"group":["a","b"]}`, `"id":"a"`), "group is not known here"},
		{line(`{"direct":["a","b"]}`, `"id":"a"`), "the journal alone"},
		{line(`7`, `"id":"a"`), "room must be a name"},
	} {
		_, err := Import(t.Context(), Into{Journal: stores["memory"](t), Await: nobody}, strings.NewReader(c.lines))
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", c.lines, err, c.why)
		}
	}
}
