package pebblejournal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func TestJournal_OverItsQuota_DeletesTheOldest(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), MaxBytes: 4 << 20, interval: -1, memTable: 256 << 10})
	defer j.Close()
	ctx := context.Background()
	body := make([]byte, 1000)
	for i := range 12_000 {
		for k := range body {
			body[k] = byte('a' + rand.IntN(26))
		}
		e := say(fmt.Sprint("room", i%10), fmt.Sprint(i))
		e.Body = []byte(`"` + string(body) + `"`)
		if i%500 == 0 {
			mustAppend(t, j, e)
		} else {
			j.Append(context.Background(), e, func(_ journal.Receipt, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	mustAppend(t, j, say("last", "one"))
	before := j.Stats().Bytes
	if err := j.enforceAll(ctx); err != nil {
		t.Fatal(err)
	}
	after := j.Stats()
	if before < 8<<20 || after.Bytes > 5<<20 {
		t.Errorf("the store has %d bytes, of %d; its quota is 4 MiB", after.Bytes, before)
	}
	// In every room the oldest entries are deleted and the newest are kept.
	for room := range 10 {
		page, err := j.Read(ctx, journal.Query{Room: fmt.Sprint("room", room), Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if page.First < 200 || page.Last != 1200 || len(page.Entries) != 1 || page.Entries[0].Seq != page.First {
			t.Errorf("room %d: kept from %d to %d", room, page.First, page.Last)
		}
	}
	checkKept(t, j, "last", 1)
	// SetMaxBytes takes effect with the next round.
	j.SetMaxBytes(-1)
	if err := j.enforceAll(ctx); err != nil {
		t.Fatal(err)
	}
	if n := j.Stats().Entries; n != after.Entries {
		t.Errorf("without a quota %d entries became %d", after.Entries, n)
	}
	j.SetMaxBytes(1 << 20)
	if err := j.enforceAll(ctx); err != nil {
		t.Fatal(err)
	}
	if n := j.Stats().Bytes; n > 2<<20 {
		t.Errorf("the store has %d bytes; its quota is 1 MiB", n)
	}
}

// Who fills the store loses what they said, and not those who say little and were there before.
func TestJournal_OverItsQuota_SmallRoomsKeepTheirs(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), MaxBytes: 4 << 20, interval: -1, memTable: 256 << 10})
	defer j.Close()
	for room := range 20 {
		for range 5 {
			mustAppend(t, j, say(fmt.Sprint("small", room), ""))
		}
	}
	for range 10 {
		for range 100 {
			e := say("flood", "")
			e.Body = randomBody(8 << 10)
			mustAppend(t, j, e)
		}
		if err := j.enforceQuota(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for room := range 20 {
		checkKept(t, j, fmt.Sprint("small", room), 5)
	}
	if s := j.Stats(); s.Bytes > 5<<20 || s.Entries < 200 {
		t.Errorf("the store has %d entries, of %d bytes; its quota is 4 MiB", s.Entries, s.Bytes)
	}
	// Where there is nothing else, they go, too.
	j.SetMaxBytes(1)
	if err := j.enforceQuota(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := j.Stats().Entries; n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

// A store of many rooms that have one short message each keeps to its bound, with
// everything that it has of them.
func TestJournal_ManyRooms_KeepToTheQuota(t *testing.T) {
	const rooms = 5000
	j := open(t, Options{Dir: t.TempDir(), MaxBytes: 4 << 20, interval: -1})
	ctx := context.Background()
	var wait sync.WaitGroup
	for i := range rooms {
		wait.Add(1)
		j.Append(ctx, say(fmt.Sprint("room", i), fmt.Sprint(i)), func(_ journal.Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
			wait.Done()
		})
	}
	wait.Wait()
	enforce := func(quota int64) (left int) {
		j.SetMaxBytes(quota)
		if err := j.enforceAll(ctx); err != nil {
			t.Fatal(err)
		}
		if n := j.Stats().Bytes; n > quota {
			t.Errorf("the store has %d bytes; its quota is %d", n, quota)
		}
		if err := j.Rooms(ctx, func(string) error { left++; return nil }); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d bytes: %d rooms and %d entries take %d", quota, left, j.Stats().Entries, j.Stats().Bytes)
		return left
	}
	first := mustAppend(t, j, say("last", "first"))
	if n := enforce(4 << 20); n != rooms+1 {
		t.Errorf("with enough space %d rooms are left", n)
	}
	if n := enforce(64 << 10); n > rooms/10 {
		t.Errorf("with little space %d rooms are left", n)
	}
	if got := mustAppend(t, j, say("last", "second")); got.Epoch == first.Epoch {
		t.Errorf("a forgotten room goes on in the epoch %s with %+v", first.Epoch, got)
	}
	j = reopen(t, j)
	defer j.Close()
	checkKept(t, j, "last", 1)
}

// A room that has been empty for as long as keys live is forgotten: its next entry has
// the number 1 in another epoch. A room that is followed is not, and one that is
// governed is not.
func TestJournal_EmptyRoom_BeginsAgain(t *testing.T) {
	now := time.Now()
	keep := journal.Retention{}
	j := open(t, Options{Dir: t.TempDir(), interval: -1, now: func() time.Time { return now },
		Retention: func(string) journal.Retention { return keep }})
	defer func() { j.Close() }()
	ctx := context.Background()
	rooms := []string{"left", "followed", "governed"}
	var before []journal.Receipt
	for _, room := range rooms {
		before = append(before, mustAppend(t, j, say(room, "k")))
	}
	before[2] = mustAppend(t, j, journal.Entry{Room: "governed", Kind: journal.Info})
	followed(t, j, "followed")
	keep.Age = time.Hour
	for _, hours := range []int{2, 23} {
		now = now.Add(time.Duration(hours) * time.Hour)
		if err := j.enforceAll(ctx); err != nil {
			t.Fatal(err)
		}
		keep.Age = time.Hour
	}
	heads, err := j.Heads(ctx, rooms)
	if err != nil {
		t.Fatal(err)
	}
	if heads[0].Last != 0 {
		t.Errorf("the room that was left still has the head %+v", heads[0])
	}
	for i, room := range rooms {
		got := mustAppend(t, j, say(room, "k"))
		if i == 0 {
			if got.Seq != 1 || got.Epoch == before[0].Epoch || got.Duplicate {
				t.Errorf("room %q begins again with %+v", room, got)
			}
			continue
		}
		if got.Seq != before[i].Seq+1 || got.Epoch != before[i].Epoch {
			t.Errorf("room %q goes on with %+v after %+v", room, got, before[i])
		}
	}
	// What began again has the same epoch after a restart, and a new room has one of its own.
	epoch := mustAppend(t, j, say("left", "k2")).Epoch
	j = reopen(t, j)
	if got := mustAppend(t, j, say("left", "k3")); got.Epoch != epoch || got.Seq != 3 {
		t.Errorf("after a restart it goes on with %+v in %s", got, epoch)
	}
	if got := mustAppend(t, j, say("new", "k")); got.Epoch == epoch || got.Epoch == before[0].Epoch {
		t.Errorf("a new room has the epoch %s", got.Epoch)
	}
}

// A key that was to expire with its entry stays if both were restored.
func TestRestore_KeyWasToExpire_StaysWithItsEntry(t *testing.T) {
	now := time.Now()
	j := open(t, Options{Dir: t.TempDir(), interval: -1, now: func() time.Time { return now }})
	defer j.Close()
	ctx := context.Background()
	mustAppend(t, j, say("room", "k"))
	exported := readAll(t, j, "room")
	for _, below := range []journal.Seq{2, journal.All} {
		if err := j.Trim(ctx, "room", below); err != nil {
			t.Fatal(err)
		}
	}
	if n, _, err := j.Restore(ctx, exported); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	now = now.Add(25 * time.Hour)
	if err := j.enforceAll(ctx); err != nil {
		t.Fatal(err)
	}
	if r := mustAppend(t, j, say("room", "k")); !r.Duplicate || r.Seq != 1 {
		t.Errorf("the same key again got %+v", r)
	}
}
