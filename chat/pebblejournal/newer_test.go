package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// newerStore makes a store whose lowest table has half of everything, and whose newer table
// and log have the rest. It returns the table's name.
func newerStore(t *testing.T) (dir, table string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "journal")
	j := open(t, Options{Dir: dir, interval: -1})
	defer j.Close()
	put := func(part string, n int) {
		for i := range n {
			putRecord(t, j, fmt.Sprintf("ban\x00%03d %s", i, part), part)
			if part != "old" {
				putRecord(t, j, fmt.Sprintf("ban\x00%03d old", 10*i), part) // over the old one
			}
			mustAppend(t, j, say("room", part+fmt.Sprint(i)))
			mustAppend(t, j, say(part+fmt.Sprint(i), ""))
		}
	}
	put("old", 200)
	if err := j.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	tables := filesOf(t, dir, ".sst")
	if len(tables) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	put("newer", 10)
	putRecord(t, j, "ban\x00009 newer", "") // lifted again
	flush(t, j)
	put("newest", 10)
	return dir, filepath.Base(tables[0])
}

func putRecord(t *testing.T, j *Journal, key, value string) {
	t.Helper()
	var b []byte
	if value != "" {
		b = []byte(value)
	}
	if err := j.Records().Put(context.Background(), key, b); err != nil {
		t.Fatal(err)
	}
}

// Damage of a table costs what only that table has. Everything in newer tables and in the
// log is found: records one by one, by a scan and by a watch, rooms and entries. What the
// damaged table had is never taken for the newest.
func TestJournal_DamagedTable_HidesNothingNewer(t *testing.T) {
	dir, table := newerStore(t)
	whole, err := os.ReadFile(filepath.Join(dir, table))
	if err != nil {
		t.Fatal(err)
	}
	places := []int{1, 20, 60, 200, 400, 1600}
	for at := 2000; at < len(whole); at += max(1, len(whole)/12) {
		places = append(places, at)
	}
	for _, before := range places {
		t.Run(fmt.Sprint("byte ", before, " before the end"), func(t *testing.T) {
			t.Parallel()
			mine := filepath.Join(t.TempDir(), "journal")
			copyDir(t, dir, mine)
			b := slices.Clone(whole)
			b[len(b)-before] ^= 4
			write(t, filepath.Join(mine, table), string(b))
			j, err := Open(Options{Dir: mine, interval: -1})
			if errors.Is(err, ErrCorrupt) {
				return // it is told
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { j.Close() }()
			checkNewer(t, j)
			putRecord(t, j, "ban\x00010 newest", "newest") // only in memory
			mustAppend(t, j, say("newest10", ""))
			checkFound(t, "a scan of what was written since", "newest", 11, scanned(t, j))
			j = reopen(t, j)
			checkFound(t, "a scan after another start", "newest", 11, scanned(t, j))
			checkNewer(t, j)
			mustAppend(t, j, say("room", "another"))
		})
	}
}

// scanned returns the records of bans.
func scanned(t *testing.T, j *Journal) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := j.Records().Scan(context.Background(), "ban\x00", func(r journal.Record) error {
		if _, twice := found[r.Key]; twice {
			t.Errorf("%q twice", r.Key)
		}
		found[r.Key] = string(r.Value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// checkFound checks that all n records of a part are there.
func checkFound(t *testing.T, how, part string, n int, found map[string]string) {
	t.Helper()
	for i := range n {
		key, lifted := fmt.Sprintf("ban\x00%03d %s", i, part), part == "newer" && i == 9
		if value := found[key]; (value != part) != lifted {
			t.Errorf("%s: %q is %q", how, key, value)
		}
	}
}

func checkNewer(t *testing.T, j *Journal) {
	t.Helper()
	ctx := context.Background()
	watched, got := map[string]string{}, map[string]string{}
	var stop func()
	err := journal.ErrUnavailable // Watch waits for the store for 5 s, in which a busy machine may not get to it
	for began := time.Now(); errors.Is(err, journal.ErrUnavailable) && time.Since(began) < time.Minute; {
		stop, err = j.Records().Watch("ban\x00", func(r journal.Record) { watched[r.Key] = string(r.Value) })
	}
	if err != nil {
		t.Fatal(err)
	}
	stop()
	var keys []string
	for i := range 10 {
		keys = append(keys, fmt.Sprintf("ban\x00%03d newer", i), fmt.Sprintf("ban\x00%03d newest", i), fmt.Sprintf("ban\x00%03d old", 10*i))
	}
	list, err := j.Records().GetMany(ctx, keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		got[r.Key] = string(r.Value)
	}
	for how, found := range map[string]map[string]string{"scanned": scanned(t, j), "watched": watched, "got": got} {
		checkFound(t, how, "newer", 10, found)
		checkFound(t, how, "newest", 10, found)
		for i := range 10 {
			if key := fmt.Sprintf("ban\x00%03d old", 10*i); found[key] != "newest" {
				t.Errorf("%s: %q is %q", how, key, found[key])
			}
		}
	}
	rooms := map[string]bool{}
	if err := j.Rooms(ctx, func(room string) error { rooms[room] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, e := range readAll(t, j, "room") {
		said[e.Key] = true
	}
	for _, part := range []string{"newer", "newest"} {
		for i := range 10 {
			if name := part + fmt.Sprint(i); !rooms[name] || !said[name] {
				t.Errorf("room %s: %v, entry: %v", name, rooms[name], said[name])
			}
		}
	}
	told := func(what string) bool {
		return slices.ContainsFunc(j.Warnings(), func(w string) bool { return strings.Contains(w, what) })
	}
	if n := len(readAll(t, j, "room")); n < 220 && !told("cannot be read") {
		t.Errorf("%d entries, and nobody is told", n)
	}
	if n := len(scanned(t, j)); n < 219 && !told("bans, mutes, members or read marks may be missing") {
		t.Errorf("%d records, and nobody is told", n)
	}
}
