package transfer

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

// store is a journal that can be exported and imported.
type store interface {
	journal.Journal
	journal.Restorer
}

var stores = map[string]func(t *testing.T) store{
	"memory": func(*testing.T) store { return memjournal.New(memjournal.Options{}) },
	"pebble": func(t *testing.T) store {
		j, err := pebblejournal.Open(pebblejournal.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		})
		return j
	},
}

func appendAll(t *testing.T, j journal.Journal, entries ...journal.Entry) {
	t.Helper()
	for _, e := range entries {
		done := make(chan error, 1)
		j.Append(t.Context(), e, func(_ journal.Receipt, err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatalf("append %+v: %v", e, err)
		}
	}
}

// everyKind is a room in which everything has happened that can be recorded.
func everyKind(room string) []journal.Entry {
	ann := journal.User{ID: "ann", Name: "Ann", Avatar: "https://example.com/a.png"}
	guest, bot := journal.User{ID: "g", Guest: true}, journal.User{ID: "bot-a", Name: "a"}
	message := func(e journal.Entry) journal.Entry {
		e.Room, e.Kind = room, journal.Message
		if e.From.ID == "" {
			e.From = ann
		}
		if e.Body == nil {
			e.Body = []byte(`{"text":"你好 <&>"}`)
		}
		return e
	}
	about := func(kind journal.Kind, target journal.Seq, body string) journal.Entry {
		return journal.Entry{Room: room, Kind: kind, From: ann, Target: target, Key: fmt.Sprintf("\x00%d %d", kind, target), Body: []byte(body)}
	}
	return []journal.Entry{
		message(journal.Entry{Key: "k"}),                                        // 1
		message(journal.Entry{From: guest, Text: true, Body: []byte("raw \"")}), // 2
		message(journal.Entry{Quiet: true, Via: "shop"}),                        // 3
		message(journal.Entry{Mentions: []string{"bo", "li"}, Target: 1}),       // 4
		message(journal.Entry{Mentions: []string{"*"}}),                         // 5
		{Room: room, Kind: journal.Notice, Body: []byte(`"closing"`)},           // 6
		{Room: room, Kind: journal.Notice, Quiet: true, Body: []byte(`"x"`)},    // 7
		{Room: room, Kind: journal.Member, From: ann, Body: []byte(`{"users":[{"id":"bo","name":""}],"role":"member"}`)},
		{Room: room, Kind: journal.Info, From: ann, Body: []byte(`{"title":"Tea","avatar":"","about":"","closed":false}`)},
		about(journal.Edit, 1, `{"text":"hello"}`), // 10
		about(journal.Edit, 2, `"edited"`),
		about(journal.Recall, 2, ""),
		about(journal.Tag, 4, `{"tag":"like","value":true}`),
		about(journal.Recall, 5, ""),                                       // 14
		{Room: room, Kind: journal.Recall, Target: 3, Key: "\x00recall 3"}, // by the operator
		message(journal.Entry{From: bot}),
		{Room: room, Kind: journal.Notice, From: bot, Body: []byte(`"shipped"`)},
		{Room: room, Kind: journal.Member, From: bot, Body: []byte(`{"users":[{"id":"bot-b","name":"","bot":true}],"role":"member","owner":{"id":"bot-a","name":"a","bot":true}}`)},
		message(journal.Entry{}),
	}
}

func exportOf(t *testing.T, j store, only string) (lines string) {
	t.Helper()
	var all bytes.Buffer
	if err := Export(t.Context(), j, j.(journal.Lister), only, "", 0, func(line []byte) error { _, err := all.Write(line); return err }); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// nobody is in the rooms.
func nobody(context.Context, string) error { return nil }

func importInto(t *testing.T, j store, lines string, want Imported) {
	t.Helper()
	got, err := Import(t.Context(), Into{Journal: j, Await: nobody}, strings.NewReader(lines))
	if err != nil || got != want {
		t.Fatalf("import: %+v, %v; want %+v", got, err, want)
	}
}

// pageOf returns a room as it can be compared with that of another journal: the texts of
// raw clients are JSON strings in an export, and the keys of entries with a target are
// not in it. A room that has lost its beginning counts from there.
func pageOf(t *testing.T, j store, room string) journal.Page {
	t.Helper()
	page, err := j.Read(t.Context(), journal.Query{Room: room, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	dropped := page.Dropped
	page.Epoch, page.Count, page.Dropped = "", page.Count-page.Dropped, 0
	for i := range page.Entries {
		e := &page.Entries[i]
		e.Position, e.Epoch, e.Count = 0, "", e.Count-dropped
		if e.Text {
			e.Body, e.Text = fmt.Appendf(nil, "%q", e.Body), false
		}
		if e.Kind.HasTarget() {
			e.Key = ""
		}
		if len(e.Body) == 0 {
			e.Body = nil
		}
	}
	return page
}

// An export is imported into its own hub as a no-op, and elsewhere as it was.
func TestImport_OfAnExport_IsAsItWas(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			j := open(t)
			entries := everyKind("tea")
			appendAll(t, j, entries...)
			appendAll(t, j, everyKind("rum")...)
			appendAll(t, j, journal.Entry{Room: "@hub-0", Kind: journal.Event, Body: []byte("1")})
			if err := j.Trim(t.Context(), "rum", 5); err != nil {
				t.Fatal(err)
			}
			lines := exportOf(t, j, "")
			n := len(entries)
			before := pageOf(t, j, "tea")
			importInto(t, j, lines, Imported{Lines: 2*n - 4, Known: 2*n - 4})
			if after := pageOf(t, j, "tea"); !reflect.DeepEqual(after, before) {
				t.Errorf("after the import into its own hub\n%+v\nwant\n%+v", after, before)
			}
			for other, open := range stores {
				there := open(t)
				importInto(t, there, lines, Imported{Lines: 2*n - 4, Recorded: 2*n - 4})
				for _, room := range []string{"tea", "rum"} {
					comparePages(t, other+", "+room, pageOf(t, there, room), pageOf(t, j, room))
				}
				if again := exportOf(t, there, ""); withoutEpoch(again) != withoutEpoch(lines) {
					t.Errorf("%s exports\n%s\nwant\n%s", other, again, lines)
				}
			}
		})
	}
}

func withoutEpoch(lines string) string {
	var kept []string
	for _, line := range strings.Split(lines, "\n") {
		_, rest, _ := strings.Cut(line, `","entry"`)
		kept = append(kept, rest)
	}
	return strings.Join(kept, "\n")
}

func comparePages(t *testing.T, what string, got, want journal.Page) {
	t.Helper()
	if len(got.Entries) != len(want.Entries) {
		t.Fatalf("%s: %d entries, want %d", what, len(got.Entries), len(want.Entries))
	}
	for i := range want.Entries {
		if !reflect.DeepEqual(got.Entries[i], want.Entries[i]) {
			t.Errorf("%s: got\n%+v\nwant\n%+v", what, got.Entries[i], want.Entries[i])
		}
	}
	got.Entries, want.Entries = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: the room is %+v, want %+v", what, got, want)
	}
}

// What an export leaves out by itself can be seen, but no import takes it.
func TestImport_RoomOfTheServer_IsRefused(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	appendAll(t, j, journal.Entry{Room: "@bot-k", Kind: journal.Notice, Body: []byte("1")})
	lines := exportOf(t, j, "@bot-k")
	if lines == "" || exportOf(t, j, "") != "" {
		t.Errorf("the room alone %q, everything %q", lines, exportOf(t, j, ""))
	}
	_, err := Import(t.Context(), Into{Journal: memjournal.New(memjournal.Options{})}, strings.NewReader(lines))
	if err == nil || !strings.Contains(err.Error(), "line 1: rooms whose names begin with @") {
		t.Errorf("import: %v", err)
	}
}

func TestImport_BadRest_IsRefused(t *testing.T) {
	line := func(kind, fields, rest string) string {
		return fmt.Sprintf(`{"epoch":"x","entry":{"type":%q,"room":"tea","seq":9,"at":900000000000,"from":{"id":"u","name":""}%s}%s}`, kind, fields, rest)
	}
	many := `"` + strings.Repeat(`a","`, 50) + `a"`
	for bad, why := range map[string]string{
		line("message", `,"body":1`, `,"reply":9`):                                                "earlier message",
		line("message", `,"body":1,"target":2`, ``):                                               "in an entry that has one",
		line("message", `,"body":1`, `,"body":2`):                                                 "body belongs into the entry",
		line("message", `,"body":1`, `,"from":{"id":"v"}`):                                        "from is there twice",
		line("message", `,"body":1`, `,"edited":9`):                                               "later entry",
		line("message", `,"body":1`, `,"mentions":[`+many+`]`):                                    "50 ids",
		line("notice", `,"body":1`, `,"from":{"id":"v","bot":true}`):                              "from is there twice",
		strings.Replace(line("message", `,"body":1`, ``), `"name":""`, `"name":"","bot":true`, 1): "bot belongs to ids that begin with bot-",
		line("message", `,"body":1`, `,"shout":true`):                                             "shout is not known here",
		line("notice", `,"body":1`, `,"edited":10`):                                               "message alone",
		line("recalled", `,"target":2`, `,"body":1`):                                              "unless the message is recalled",
		line("recalled", `,"target":2`, `,"reply":1`):                                             "without target",
		line("edited", `,"target":2,"body":1`, ``):                                                "stands beside",
		line("edited", ``, `,"body":1`):                                                           "in an entry that has one",
		line("edited", `,"target":2`, `,"body":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)): "nest",
	} {
		_, err := Import(t.Context(), Into{Journal: memjournal.New(memjournal.Options{})}, strings.NewReader(bad))
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.150s: %v, want %s", bad, err, why)
		}
	}
}
