package pebblejournal

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
)

// testdata/format1 is a store as this package wrote it at commit 7c9647e, when
// the format got the name "1". It was written in a copy of that commit with
//
//	go test ./chat/pebblejournal -run TestFormat_Write -write-store <new directory>
//
// after this file had been copied there and adapted: the types of the contract were
// in package chat, enforceAll was Sweep, and Stats had other fields. A change of the
// format adds a store of its own and leaves this one as it is: every later version
// must read both.
var writeStore = flag.String("write-store", "", "write the store that storedRooms describes to this new directory")

// storedEpoch is the epoch of the store in testdata.
const storedEpoch = "FR7EWM7DRI"

// storedAt is the time at which the store says it was written.
var storedAt = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// storedRoom is a room of the store.
type storedRoom struct {
	name        string
	first, last journal.Seq
	entries     []journal.Entry        // what a reader must find, without Room
	said        map[journal.Seq]string // bodies that a recall has erased since
	logOnly     journal.Seq            // the entries from here on are in Pebble's log, not in a table
}

var (
	storedUser  = journal.User{ID: "u7", Name: "李", Avatar: "https://a.example/7.png"}
	storedGuest = journal.User{ID: "guest-3f", Name: "Visitor", Guest: true}
)

// at is storedAt and so many seconds, in the journal's unit.
func at(seconds int64) int64 { return storedAt.Add(time.Duration(seconds) * time.Second).UnixMilli() }

// storedRooms is what must be read from the store.
var storedRooms = []storedRoom{
	{name: "team", first: 1, last: 11, logOnly: 10, entries: []journal.Entry{
		{Seq: 1, At: at(1), Kind: journal.Message, From: storedUser, Key: "k1", Body: []byte(`{"text":"你好 😀"}`)},
		{Seq: 2, At: at(2), Kind: journal.Message, From: storedGuest, Key: "k\x00\xff", Body: []byte(`"from a guest"`)},
		{Seq: 3, At: at(3), Kind: journal.Message, From: storedGuest, Text: true, Body: []byte("a raw \"text\"")},
		{Seq: 4, At: at(4), Kind: journal.Message, From: journal.User{ID: "u1"}, Text: true},
		{Seq: 5, At: at(5), Kind: journal.Message, From: storedUser, Key: "k5", Recalled: true},
		{Seq: 6, At: at(6), Kind: journal.Notice, Body: []byte(`{"text":"maintenance at noon"}`)},
		{Seq: 7, At: at(7), Kind: journal.Recall, From: storedUser, Key: "k7", Target: 5},
		{Seq: 8, At: at(8), Kind: journal.Recall, From: journal.User{ID: "u1"}, Target: 1<<53 - 1},
		{Seq: 9, At: at(9), Kind: journal.Message, From: storedUser, Body: bytes.Repeat([]byte("long "), 700)},
		{Seq: 10, At: at(10), Kind: journal.Message, From: storedUser, Key: "k10", Recalled: true},
		{Seq: 11, At: at(11), Kind: journal.Recall, From: storedUser, Target: 10},
	}, said: map[journal.Seq]string{5: `"recalled later"`, 10: `"recalled at once"`}},
	{name: "@u7", first: 1, last: 2, entries: []journal.Entry{
		{Seq: 1, At: at(1), Kind: journal.Message, From: storedGuest, Key: "k1", Body: []byte(`"to one user"`)},
		{Seq: 2, At: at(2), Kind: journal.Message, From: storedUser, Key: "k1", Body: []byte(`"and back"`)},
	}},
	{name: strings.Repeat("😀", 32), first: 1, last: 1, entries: []journal.Entry{
		{Seq: 1, At: at(1), Kind: journal.Message, From: storedUser, Body: []byte(`"in a room with the longest name"`)},
	}},
	// 40 entries that brought the store over three marks of its timeline; retention
	// kept 3 of them.
	{name: "trimmed", first: 38, last: 40, entries: storedMessages("trimmed", 40)},
	{name: "emptied", first: 4, last: 3, entries: storedMessages("emptied", 3)},
	// The entries came from another journal, with their numbers and times.
	{name: "restored", first: 41, last: 43, entries: []journal.Entry{
		{Seq: 41, At: at(-500), Kind: journal.Message, From: storedUser, Key: "old", Body: []byte(`"from an export"`)},
		{Seq: 42, At: at(-400), Kind: journal.Message, From: storedUser, Recalled: true},
		{Seq: 43, At: at(-300), Kind: journal.Recall, From: storedUser, Target: 42},
	}},
}

// storedMessages are n messages of a room, each with a key.
func storedMessages(room string, n int) []journal.Entry {
	list := make([]journal.Entry, n)
	for i := range list {
		seq := journal.Seq(i + 1)
		list[i] = journal.Entry{Seq: seq, At: at(int64(seq)), Kind: journal.Message, From: storedUser,
			Key: fmt.Sprint("key ", seq), Body: bytes.Repeat(fmt.Appendf(nil, "%s %d ", room, seq), 8000)}
	}
	return list
}

// storedRecords are the store's records, as the hub names them.
var storedRecords = map[string]string{
	"read\x00u7\x00team": `{"epoch":"k3","seq":9}`,
	"read\x00u1\x00@u7":  `{"epoch":"k3","seq":2}`,
	"ban\x00team\x00u9":  `{"until":0}`,
	"mute\x00\x00u8":     `{"until":1795000000000}`,
	"empty":              "",
}

// storedRetention is the retention the store was written with.
func storedRetention(room string) journal.Retention {
	switch room {
	case "trimmed":
		return journal.Retention{Count: 3}
	case "emptied":
		return journal.Retention{Age: time.Hour}
	}
	return journal.Retention{}
}

// TestFormat_Write writes the store that the other tests here read.
func TestFormat_Write(t *testing.T) {
	if *writeStore == "" {
		t.Skip("-write-store is not set")
	}
	now := storedAt
	j, err := Open(Options{Dir: *writeStore, Retention: storedRetention, interval: -1, now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	appendAll := func(logOnly bool) {
		for _, r := range storedRooms {
			for _, e := range r.entries {
				if r.name == "restored" || (r.logOnly > 0 && e.Seq >= r.logOnly) != logOnly {
					continue
				}
				e.Room = r.name
				if body, recalled := r.said[e.Seq]; recalled {
					e.Body, e.Text, e.Recalled = []byte(body), true, false
				}
				now = time.UnixMilli(e.At)
				answered := make(chan error, 1)
				j.Append(context.Background(), e, func(_ journal.Receipt, err error) { answered <- err })
				if err := <-answered; err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	put := func(key string, value []byte) {
		if err := j.Records().Put(ctx, key, value); err != nil {
			t.Fatal(err)
		}
	}
	appendAll(false)
	for _, r := range storedRooms {
		if r.name == "restored" {
			entries := slices.Clone(r.entries)
			for i := range entries {
				entries[i].Room = r.name
			}
			if _, _, err := j.Restore(ctx, entries); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("deleted", []byte("x"))
	now = storedAt.Add(2 * time.Hour)
	if err := j.enforceAll(ctx); err != nil {
		t.Fatal(err)
	}
	if err := j.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	appendAll(true)
	put("deleted", nil)
	for key, value := range storedRecords {
		put(key, []byte(value))
	}
	page, err := j.Read(ctx, journal.Query{Room: "team", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("epoch %s", page.Epoch)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// openStored opens a copy of the store, so many hours after it was written, and
// returns the function that sets the hour.
func openStored(t *testing.T, hours int, prepare func(dir string)) (j *Journal, setHours func(int)) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	copyDir(t, filepath.Join("testdata", "format1"), dir)
	if prepare != nil {
		prepare(dir)
	}
	now := storedAt.Add(time.Duration(hours) * time.Hour)
	j = open(t, Options{Dir: dir, Retention: storedRetention, interval: -1, now: func() time.Time { return now }})
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j, func(hours int) { now = storedAt.Add(time.Duration(hours) * time.Hour) }
}

// epochOf returns the epoch of the store.
func epochOf(j *Journal) string {
	epoch, _ := j.shown.get()
	return epoch
}

// present is the room's name since format 2, where those with @ are the server's.
func (r *storedRoom) present() string {
	if journal.IsReserved(r.name) {
		return "~" + r.name
	}
	return r.name
}

// kept returns the entries that retention has left.
func (r *storedRoom) kept() (entries []journal.Entry) {
	for _, e := range r.entries {
		if e.Seq >= r.first {
			e.Room, e.Count = r.present(), uint64(e.Seq) // every entry of format 1 counts
			entries = append(entries, e)
		}
	}
	return entries
}

// checkStored checks that everything is read as it was written.
func checkStored(t *testing.T, j *Journal) {
	t.Helper()
	ctx := context.Background()
	for _, r := range storedRooms {
		page, err := j.Read(ctx, journal.Query{Room: r.present(), Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if page.First != r.first || page.Last != r.last {
			t.Errorf("room %q has %d to %d, want %d to %d", r.name, page.First, page.Last, r.first, r.last)
		}
		got, want := readAll(t, j, r.present()), r.kept()
		if len(got) != len(want) {
			t.Errorf("room %q has %d entries, want %d", r.name, len(got), len(want))
			continue
		}
		for i := range want {
			if fmt.Sprintf("%#v", got[i]) != fmt.Sprintf("%#v", want[i]) {
				t.Errorf("room %q, entry %d:\n got %+v\nwant %+v", r.name, want[i].Seq, got[i], want[i])
			}
		}
	}
	records := map[string]string{}
	err := j.Records().Scan(ctx, "", func(r journal.Record) error {
		records[r.Key] = string(r.Value)
		return nil
	})
	want := maps.Clone(storedRecords)
	want["read\x00u1\x00~@u7"] = want["read\x00u1\x00@u7"]
	delete(want, "read\x00u1\x00@u7")
	if err != nil || !maps.Equal(records, want) {
		t.Errorf("the records are %q, %v; want %q", records, err, want)
	}
}

func TestFormat_OldStore_IsReadInFull(t *testing.T) {
	j, _ := openStored(t, 3, nil)
	if epochOf(j) != storedEpoch {
		t.Errorf("the epoch is %q, want %q", epochOf(j), storedEpoch)
	}
	checkStored(t, j)
	kept := 0
	for _, r := range storedRooms {
		kept += len(r.kept())
	}
	if n := j.Stats().Entries; n != uint64(kept) {
		t.Errorf("it says that it has %d entries, want %d", n, kept)
	}
	var names []string
	if err := j.Rooms(context.Background(), func(room string) error {
		names = append(names, room)
		return nil
	}); err != nil || len(names) != len(storedRooms) {
		t.Errorf("it has the rooms %q, %v", names, err)
	}
}

func TestFormat_OldStore_IsContinued(t *testing.T) {
	j, setHours := openStored(t, 3, nil)
	// Keys count, also those of entries that retention has deleted.
	for _, r := range storedRooms {
		for _, e := range r.entries {
			if e.Key == "" {
				continue
			}
			e.Room = r.present()
			want := journal.Receipt{Epoch: storedEpoch, Seq: e.Seq, At: e.At, Duplicate: true}
			if e.Seq >= r.first {
				want.Count = uint64(e.Seq)
			}
			if got := mustAppend(t, j, e); got != want {
				t.Errorf("room %q: the key of entry %d gets %+v", r.name, e.Seq, got)
			}
		}
	}
	checkStored(t, j)
	// A day later the keys of deleted entries are forgotten, and only those.
	setHours(27)
	if err := j.enforceAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, r := range storedRooms {
		next := r.last
		if r.first > r.last {
			next = 0 // the room was empty for as long as keys live: it begins again
		}
		for _, e := range r.entries {
			if e.Key == "" {
				continue
			}
			e.Room = r.present()
			got, forgotten := mustAppend(t, j, e), e.Seq < r.first
			if forgotten {
				next++
			}
			if got.Duplicate == forgotten || forgotten && got.Seq != next {
				t.Errorf("room %q: a day later the key of entry %d gets %+v", r.name, e.Seq, got)
			}
		}
	}
	j = reopen(t, j)
	defer j.Close()
	if got := mustAppend(t, j, say("team", "new")); got.Seq != 12 || got.Epoch != storedEpoch {
		t.Errorf("the next entry of team gets %+v", got)
	}
}

// A store that was brought up to date is rewritten, opened again and read as before. An
// older program would refuse it: its version is another one.
func TestFormat_OldStore_IsRewritten(t *testing.T) {
	j, _ := openStored(t, 3, nil)
	ctx := context.Background()
	if err := j.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, j)
	defer again.Close()
	checkStored(t, again)
	version, err := again.store.Peek().Get(format.MetaKey(format.MetaFormat))
	if err != nil || string(version) != format.Version {
		t.Errorf("its format is %q, %v", version, err)
	}
	// The feed begins with what is said now, and so do stamps.
	feed, err := again.Feed(ctx, journal.FeedQuery{Limit: 10})
	if err != nil || len(feed.Entries) != 0 {
		t.Errorf("the feed has %+v, %v", feed, err)
	}
	e := say("team", "new")
	e.With = []journal.Record{{Key: "read\x00u7\x00team", Value: []byte("x")}, {Key: "empty"}}
	r := mustAppend(t, again, e)
	if r.Count != 12 || r.Position == 0 {
		t.Errorf("a new entry gets %+v", r)
	}
	records, err := again.Records().GetMany(ctx, []string{"read\x00u7\x00team", "empty", "ban\x00team\x00u9"})
	if err != nil || records[0].Stamp.Position != r.Position || records[1].Value != nil || records[2].Stamp != (journal.Stamp{}) {
		t.Errorf("the records are %+v, %v", records, err)
	}
	n := 0
	if err := again.Records().Scan(ctx, "", func(journal.Record) error { n++; return nil }); err != nil || n != len(storedRecords)-1 {
		t.Errorf("there are %d records: %v", n, err)
	}
}

// Unread counts and heads of a store of format 1 are what they were: every entry counts.
func TestFormat_OldStore_HasTheSameUnreadCounts(t *testing.T) {
	j, _ := openStored(t, 3, nil)
	for _, r := range storedRooms {
		heads, err := j.Heads(context.Background(), []string{r.present()})
		if err != nil {
			t.Fatal(err)
		}
		h := heads[0]
		for mark := journal.Seq(0); mark <= r.last; mark++ {
			if got, want := h.Unread(uint64(mark)), uint64(r.last-max(mark, r.first-1)); got != want {
				t.Errorf("room %q, mark %d: %d unread, want %d", r.name, mark, got, want)
			}
		}
		newest := journal.Seq(0)
		for _, e := range r.kept() {
			if e.Kind.Counts() {
				newest = e.Seq
			}
		}
		if h.Newest.Seq != newest || h.Last != r.last || h.First != r.first {
			t.Errorf("room %q has the head %d to %d, newest %d; want %d", r.name, h.First, h.Last, h.Newest.Seq, newest)
		}
	}
}

func TestFormat_OldStore_OverItsQuota_LosesTheOldest(t *testing.T) {
	j, _ := openStored(t, 3, nil)
	before := j.Stats().Entries
	j.SetMaxBytes(1)
	if err := j.enforceAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	if after := j.Stats().Entries; after >= before {
		t.Errorf("%d entries became %d", before, after)
	}
}

func TestFormat_OldBackup_GetsAnotherEpoch(t *testing.T) {
	j, _ := openStored(t, 3, func(dir string) { write(t, filepath.Join(dir, "BACKUP"), "") })
	if epochOf(j) == storedEpoch {
		t.Error("the epoch is still the same")
	}
	checkStored(t, j)
	if _, err := os.Stat(filepath.Join(j.opt.Dir, "BACKUP")); !os.IsNotExist(err) {
		t.Errorf("the mark of a backup is still there: %v", err)
	}
}
