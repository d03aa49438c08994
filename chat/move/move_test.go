//go:build unix

package move_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/move"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

var postgres *testpostgres.Server

func TestMain(m *testing.M) {
	if place := os.Getenv("MOVE_INTO"); place != "" {
		os.Exit(importer(place))
	}
	os.Exit(func() int {
		postgres = testpostgres.New()
		defer postgres.Remove()
		return m.Run()
	}())
}

func quiet(move.Progress) {}

// open opens the journal at a place: pebble and a directory, or postgres, an address and a schema.
func open(place string) (journal.Journal, error) {
	kind, rest, _ := strings.Cut(place, " ")
	if kind == "pebble" {
		return pebblejournal.Open(pebblejournal.Options{Dir: rest, MaxBytes: 1 << 50})
	}
	dsn, schema, _ := strings.Cut(rest, " ")
	s, err := pgjournal.Open(context.Background(), pgjournal.Options{DSN: dsn, Schema: schema, Parts: 3})
	if err != nil {
		return nil, err
	}
	return shared.Open(context.Background(), s, shared.Options{})
}

var schemas atomic.Int32

func pebblePlace(t *testing.T) string { return "pebble " + t.TempDir() }

func postgresPlace(*testing.T) string {
	return fmt.Sprintf("postgres %s chat_%d", postgres.DSN("owner"), schemas.Add(1))
}

func opened(t *testing.T, place string) journal.Journal {
	t.Helper()
	j, err := open(place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func memory(t *testing.T) journal.Journal {
	j := memjournal.New(memjournal.Options{MaxBytes: 1 << 30, Retention: func(string) (all journal.Retention) { return all }})
	t.Cleanup(func() { j.Close() })
	return j
}

func add(t *testing.T, j journal.Journal, e journal.Entry) {
	t.Helper()
	done := make(chan error, 1)
	j.Append(t.Context(), e, func(_ journal.Receipt, err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatalf("Append of %+v: %v", e, err)
	}
}

func message(room, body string) journal.Entry {
	return journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "ann", Name: "Ann", Avatar: "/a.png"}, Body: []byte(body)}
}

// fill says something of every kind, in rooms that have lost something in every way.
func fill(t *testing.T, j journal.Journal) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, room := range []string{"tea", "forgotten", "cut", "空", "\xff\xfe", "a\x00b", "@ann", journal.EventRoom("tea")} {
		for i := range 12 {
			e := message(room, fmt.Sprintf(`{"text": "<%d> & \u2028 空"}`, i))
			e.Key = fmt.Sprint("key", i)
			add(t, j, e)
		}
	}
	must(j.Trim(t.Context(), "forgotten", journal.All))
	for _, room := range []string{"forgotten", "again", "cut all"} {
		add(t, j, message(room, `"another life"`))
	}
	raw := message("tea", "plain \x01 <text>\u2028")
	raw.Text, raw.From.Guest, raw.Quiet, raw.Via, raw.Mentions = true, true, true, "key-1", []string{"bo", "\xff"}
	add(t, j, raw)
	add(t, j, journal.Entry{Room: "tea", Kind: journal.Recall, From: journal.User{ID: "ann"}, Target: 2})
	for _, edit := range []struct {
		target journal.Seq
		body   string
	}{{3, `"once"`}, {3, `"twice"`}, {2, ``}} {
		e := message("tea", edit.body)
		if e.Kind, e.Target = journal.Edit, edit.target; edit.target != 2 {
			add(t, j, e)
		}
	}
	for i, kind := range []journal.Kind{journal.Member, journal.Info, journal.Tag, journal.Notice, journal.Event} {
		e := journal.Entry{Room: "cut", Kind: kind, From: journal.User{ID: "boss"}, Body: []byte(`{"x":1}`), Target: 1}
		e.With = []journal.Record{{Key: fmt.Sprint("with ", i), Value: []byte(`{"of":"the entry"}`)}}
		add(t, j, e)
	}
	for i := range 8 {
		add(t, j, message("cut", fmt.Sprint(i)))
	}
	must(j.Trim(t.Context(), "cut", 21)) // what governs is no longer kept
	must(j.Trim(t.Context(), "cut all", 2))
	must(j.Trim(t.Context(), "again", 1))
	must(j.Records().Put(t.Context(), "ban\x00mallory", []byte{}))
	must(j.Records().Put(t.Context(), "bytes", []byte{0, 1, 0xff}))
	must(j.Records().Update(t.Context(), "mark", func([]byte) ([]byte, error) { return []byte(`{"seq":4}`), nil }))
	for i := range 1200 {
		must(j.Records().Put(t.Context(), fmt.Sprintf("many %04d", i), []byte("x")))
	}
}

func export(t *testing.T, j journal.Journal) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := move.Export(t.Context(), j, &b, quiet); err != nil {
		t.Fatal("Export:", err)
	}
	return b.Bytes()
}

func importInto(t *testing.T, j journal.Journal, lines []byte) {
	t.Helper()
	if _, err := move.Import(t.Context(), j, bytes.NewReader(lines), quiet); err != nil {
		t.Fatal("Import:", err)
	}
}

// shows is all that a journal shows by the reads of the contract, but positions.
func shows(t *testing.T, j journal.Journal) (lines []string) {
	t.Helper()
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var rooms []string
	must(j.(journal.Lister).Rooms(t.Context(), func(room string) error { rooms = append(rooms, room); return nil }))
	sortNames(rooms)
	heads, err := j.Heads(t.Context(), rooms)
	must(err)
	for i, room := range rooms {
		h := heads[i]
		h.Position, h.Newest.Position = 0, 0
		newest := string(h.Newest.Body)
		h.Newest.Body = nil
		say("head of %q: %+v %q", room, h, newest)
		q := journal.Query{Room: room, Limit: 7}
		for more := true; more; {
			pages, err := j.Pages(t.Context(), []journal.Query{q}, 0)
			must(err)
			p := pages[0]
			say("page of %q behind %d: %s %d %d %d %d %v", room, q.After, p.Epoch, p.First, p.Last, p.Count, p.Dropped, p.More)
			for _, e := range p.Entries {
				found, err := j.Find(t.Context(), room, e.From.ID, e.Key)
				must(err)
				found.Position = 0
				body := fmt.Sprintf("%q %v", e.Body, e.Body == nil)
				e.Body, e.Position = nil, 0
				say("entry of %q: %+v %s, its key finds %+v", room, e, body, found)
				q.After = e.Seq
			}
			more = p.More
		}
		back, err := j.Read(t.Context(), journal.Query{Room: room, Backward: true, Limit: 3})
		must(err)
		say("from the end of %q: %d", room, len(back.Entries))
	}
	must(j.Records().Scan(t.Context(), "", func(r journal.Record) error {
		if r.Key != "import" {
			say("record %q: %q %d %d", r.Key, r.Value, r.Stamp.Seq, r.Stamp.Count)
		}
		return nil
	}))
	return lines
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%d and %d lines; there:\n%s\nwant:\n%s", len(got), len(want), append(got, "nothing")[min(i, len(got))], append(want, "nothing")[min(i, len(want))])
		}
	}
}

// Each kind of journal goes into each other one and back, and shows the same.
func TestImport_ShowsWhatWasExported(t *testing.T) {
	kinds := map[string]func(t *testing.T) journal.Journal{
		"memory":   memory,
		"pebble":   func(t *testing.T) journal.Journal { return opened(t, pebblePlace(t)) },
		"postgres": func(t *testing.T) journal.Journal { return opened(t, postgresPlace(t)) },
	}
	for from, openFrom := range kinds {
		t.Run(from, func(t *testing.T) {
			source := openFrom(t)
			fill(t, source)
			want, lines := shows(t, source), export(t, source)
			if len(want) < 1250 {
				t.Fatalf("the source shows %d lines only", len(want))
			}
			for to, openTo := range kinds {
				t.Run(to, func(t *testing.T) {
					target := openTo(t)
					importInto(t, target, lines)
					compare(t, shows(t, target), want)
					goesOn(t, source, target)
				})
			}
		})
	}
}

// goesOn checks that what comes next is as it would be at the source, and that nothing of what was imported is news.
func goesOn(t *testing.T, source, target journal.Journal) {
	t.Helper()
	feed := func(j journal.Journal, part int) journal.FeedPage {
		page, err := j.Feed(t.Context(), journal.FeedQuery{Part: part, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	old := feed(source, 0)
	for part := range target.Parts() {
		if page := feed(target, part); len(page.Entries) > 0 || page.First < old.Last {
			t.Errorf("part %d of the feed has %d entries behind %d; the source had come to %d", part, len(page.Entries), page.First, old.Last)
		}
	}
	for _, room := range []string{"tea", "cut", "cut all", "forgotten"} {
		heads, err := target.Heads(t.Context(), []string{room})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan journal.Receipt, 1)
		target.Append(t.Context(), message(room, `"next"`), func(r journal.Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
			got <- r
		})
		if r, h := <-got, heads[0]; r.Epoch != h.Epoch || r.Seq != h.Last+1 || r.Count != h.Count+1 || r.At < h.At {
			t.Errorf("the next entry of %q gets %+v behind %+v", room, r, h)
		}
	}
}

func sortNames(names []string) {
	for i := range names {
		for k := i; k > 0 && names[k] < names[k-1]; k-- {
			names[k], names[k-1] = names[k-1], names[k]
		}
	}
}
