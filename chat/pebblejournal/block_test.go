package pebblejournal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/cockroachdb/pebble/v2"
)

// The store of these tests: some rooms with entries, each with a key, and records, all in
// one table.
const (
	blockRooms   = 6
	blockEntries = 60 // of a room
	blockRecords = 60
)

func blockBody(room, i int) string { return fmt.Sprintf("room %d, entry %d, %0900d", room, i, i) }

// newBlockStore returns the directory of such a store, and its table.
func newBlockStore(t *testing.T) (dir, table string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "journal")
	j := open(t, Options{Dir: dir, interval: -1})
	for i := range blockEntries {
		for room := range blockRooms {
			e := say(fmt.Sprint("room", room), fmt.Sprint(i))
			e.Body = []byte(blockBody(room, i))
			mustAppend(t, j, e)
		}
	}
	for i := range blockRecords {
		if err := j.Records().Put(context.Background(), fmt.Sprintf("record%03d", i), bytes.Repeat([]byte{byte(i)}, 500)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(j.Compact(context.Background()), j.Close()); err != nil {
		t.Fatal(err)
	}
	tables := filesOf(t, dir, ".sst")
	if len(tables) != 1 {
		t.Fatal(tables)
	}
	return dir, tables[0]
}

// Wherever a bit of a table flips: the journal opens, no room is closed, what is read is
// right, and it goes on. A block costs some entries; only the few bytes that all of the
// table depends on cost more.
func TestJournal_DamagedBlock_CostsItsEntriesAndNoRoom(t *testing.T) {
	dir, table := newBlockStore(t)
	whole, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	expensive := 0
	for at := 500; at < len(whole); at += len(whole) / 11 {
		t.Run(fmt.Sprint("byte ", at), func(t *testing.T) {
			damaged := filepath.Join(t.TempDir(), "journal")
			copyDir(t, dir, damaged)
			b := bytes.Clone(whole)
			b[at] ^= 1
			write(t, filepath.Join(damaged, filepath.Base(table)), string(b))
			if lost := checkDamagedStore(t, damaged); lost > blockRooms*blockEntries/4 {
				expensive++
			}
		})
	}
	if expensive > 2 {
		t.Errorf("%d of the places cost more than a quarter of all entries", expensive)
	}
}

// checkDamagedStore uses a store with a damaged block, and returns how many entries
// cannot be read.
func checkDamagedStore(t *testing.T, dir string) (lost int) {
	t.Helper()
	j := open(t, Options{Dir: dir, interval: -1})
	defer func() { j.Close() }()
	ctx := context.Background()
	var last [blockRooms]journal.Receipt
	for room := range blockRooms {
		name := fmt.Sprint("room", room)
		forward, backward := pageThrough(t, j, name, false), pageThrough(t, j, name, true)
		if len(forward) != len(backward) {
			t.Errorf("%s: %d entries forward, %d backward", name, len(forward), len(backward))
		}
		for _, e := range forward {
			if string(e.Body) != blockBody(room, int(e.Seq-1)) {
				t.Errorf("%s: entry %d is %.30q", name, e.Seq, e.Body)
			}
		}
		lost += blockEntries - len(forward)
		if last[room] = mustAppend(t, j, say(name, "later")); int(last[room].Seq) <= blockEntries {
			t.Errorf("%s: a number is given again: %+v", name, last[room])
		}
		if _, err := j.Heads(ctx, []string{name}); err != nil {
			t.Errorf("%s: head: %v", name, err)
		}
		if err := j.Trim(ctx, name, 10); err != nil {
			t.Errorf("%s: trim: %v", name, err)
		}
	}
	records := 0
	err := j.Records().Scan(ctx, "record", func(rec journal.Record) error {
		if i := rec.Value[0]; rec.Key != fmt.Sprintf("record%03d", i) {
			t.Errorf("record %q has the value %d", rec.Key, i)
		}
		records++
		return nil
	})
	if err != nil || records < blockRecords/2 && lost < blockEntries {
		t.Errorf("%d records, %v", records, err)
	}
	if s := j.Stats(); (lost > 0 || records < blockRecords) && s.Damaged == 0 {
		t.Errorf("%d entries and %d records are lost, and Stats are %+v", lost, blockRecords-records, s)
	}
	if err := j.enforceAll(ctx); err != nil {
		t.Errorf("maintenance: %v", err)
	}
	j = reopen(t, j)
	for room := range blockRooms {
		r := mustAppend(t, j, say(fmt.Sprint("room", room), "once more"))
		if r.Seq != last[room].Seq+1 || r.Epoch != last[room].Epoch {
			t.Errorf("room %d: %+v after %+v", room, r, last[room])
		}
	}
	// What was said after the damage is not hidden by it.
	flush(t, j)
	j = reopen(t, j)
	for room, before := range last {
		for _, backward := range []bool{false, true} {
			entries := pageThrough(t, j, fmt.Sprint("room", room), backward)
			found := 0
			for _, e := range entries {
				if e.Seq == before.Seq || e.Seq == before.Seq+1 {
					found++
				}
			}
			if found != 2 {
				t.Errorf("room %d, backward %v: %d of the 2 new entries", room, backward, found)
			}
		}
	}
	return lost
}

// pageThrough reads a whole room page by page.
func pageThrough(t *testing.T, j *Journal, room string, backward bool) (entries []journal.Entry) {
	t.Helper()
	q := journal.Query{Room: room, Limit: 7, Backward: backward}
	for range 2 * blockEntries {
		page, err := j.Read(context.Background(), q)
		if err != nil {
			t.Fatalf("%s: %v", room, err)
		}
		if len(page.Entries) == 0 {
			return entries
		}
		entries = append(entries, page.Entries...)
		q.After, q.Before = page.Entries[len(page.Entries)-1].Seq, page.Entries[0].Seq
	}
	t.Fatalf("%s: there is no end", room)
	return nil
}

// The state of one room makes no sense. The scans that maintenance and exports are made of
// go on with the other rooms, and the list has it by its entries.
func TestRooms_DamagedState_IsFoundByEntries(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	h := j.store.Peek()
	var intact, bad []string
	for i := range 600 { // more than two steps of the scans
		room := fmt.Sprintf("r%03d", i)
		mustAppend(t, j, say(room, "k"))
		if i%255 != 1 {
			intact = append(intact, room)
			continue
		}
		bad = append(bad, room)
		if err := h.DB.Set(format.AppendRoomKey(nil, room), []byte{0xff}, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	h.Durable.Advance()
	var rooms []string
	if err := j.Rooms(context.Background(), func(room string) error { rooms = append(rooms, room); return nil }); err != nil {
		t.Error(err)
	}
	if !slices.Equal(rooms, append(intact, bad...)) || j.Stats().Damaged != uint64(len(bad)) {
		t.Errorf("the rooms are %v, damaged %d", rooms, j.Stats().Damaged)
	}
	if err := j.enforceAll(context.Background()); err != nil {
		t.Error(err)
	}
}

// The totals of the store are damaged, and then more is deleted than was said since. The
// quota still takes the oldest entries only.
func TestQuota_DamagedTotals_TakesTheOldest(t *testing.T) {
	ctx, now := context.Background(), time.Now()
	j := open(t, Options{Dir: t.TempDir(), MaxBytes: -1, interval: -1, memTable: 256 << 10, now: func() time.Time { return now }})
	defer j.Close()
	fill := func(room string, n int) {
		for i := range n {
			now = now.Add(time.Second)
			e := say(room, fmt.Sprint(i))
			e.Body = randomBody(32 << 10)
			mustAppend(t, j, e)
		}
	}
	fill("trimmed", 64)
	h := j.store.Peek()
	if err := h.DB.Set(format.MetaKey(format.MetaTotals), []byte{0xff}, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	h.Durable.Advance()
	if err := j.loadTotals(h); err != nil { // as when the store is opened
		t.Fatal(err)
	}
	fill("old", 16)
	fill("new", 16)
	if err := j.Trim(ctx, "trimmed", 65); err != nil {
		t.Fatal(err)
	}
	if err := j.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	size, err := j.usedBytes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	j.SetMaxBytes(size - 1)
	if err := j.enforceQuota(ctx); err != nil {
		t.Fatal(err)
	}
	if old, kept := len(readAll(t, j, "old")), len(readAll(t, j, "new")); old == 16 || kept < 15 {
		t.Errorf("%d of 16 old and %d of 16 new entries are left", old, kept)
	}
}

// randomBody returns a body of n bytes that takes as many on disk.
func randomBody(n int) []byte {
	b := make([]byte, 0, n)
	for b = append(b, '"'); len(b) < n-1; {
		b = append(b, "0123456789abcdef"[rand.IntN(16)])
	}
	return append(b, '"')
}
