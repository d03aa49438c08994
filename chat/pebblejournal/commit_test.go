package pebblejournal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A machine that loses power at any moment, also in the middle of a write, has of each
// commit everything or nothing: the entries, their records, their keys, their effect on
// targets and their place in the feed.
func TestCommit_CutAnywhere_IsWholeOrNothing(t *testing.T) {
	fs := vfs.NewCrashableMem()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	j := open(t, Options{Dir: "/store", fs: fs, interval: -1, Reserve: 1, memTable: 256 << 10, CacheBytes: 1 << 20})
	for round := range 25 {
		acknowledged, cut := cutWhileAppending(t, j, fs, random, round)
		checkWhole(t, cut, acknowledged)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// cutWhileAppending appends some entries at once and takes what the disk has at some
// moment meanwhile. It returns the last entry that had been acknowledged before.
func cutWhileAppending(t *testing.T, j *Journal, fs *vfs.MemFS, random *rand.Rand, round int) (acknowledged journal.Seq, cut *vfs.MemFS) {
	var mu sync.Mutex
	var last journal.Seq
	var answered sync.WaitGroup
	const entries = 30
	at := random.IntN(entries)
	for i := range entries {
		if i == at {
			mu.Lock()
			acknowledged = last
			mu.Unlock()
			cut = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
		}
		answered.Add(1)
		j.Append(context.Background(), entryWithRecords(round, i), func(r journal.Receipt, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			last = max(last, r.Seq)
			answered.Done()
		})
		if random.IntN(4) == 0 {
			answered.Wait()
		}
	}
	answered.Wait()
	return acknowledged, cut
}

// entryWithRecords returns an entry with two records that name its key, and one that
// all entries write. Every fifth one replaces the body of the one before it.
func entryWithRecords(round, i int) journal.Entry {
	e := say("room", fmt.Sprint(round, " ", i))
	if i%5 == 4 {
		e.Kind, e.Target = journal.Edit, journal.Seq(round*30+i)
	}
	for _, name := range []string{"a ", "b "} {
		e.With = append(e.With, journal.Record{Key: name + e.Key, Value: []byte(e.Key)})
	}
	e.With = append(e.With, journal.Record{Key: "last", Value: []byte(e.Key)})
	return e
}

// checkWhole opens a store as the disk has it after a cut, and checks that its parts
// agree.
func checkWhole(t *testing.T, fs *vfs.MemFS, acknowledged journal.Seq) {
	t.Helper()
	ctx := context.Background()
	j := open(t, Options{Dir: "/store", fs: fs, interval: -1, Reserve: 1, memTable: 256 << 10, CacheBytes: 1 << 20})
	defer j.Close()
	entries := readAll(t, j, "room")
	last := journal.Seq(len(entries))
	if last < acknowledged {
		t.Errorf("%d entries are there, %d were acknowledged", last, acknowledged)
	}
	feed, err := j.Feed(ctx, journal.FeedQuery{Limit: 1000})
	for err == nil && feed.Next < feed.Last {
		var more journal.FeedPage
		more, err = j.Feed(ctx, journal.FeedQuery{After: feed.Next, Limit: 1000})
		feed.Entries, feed.Next = append(feed.Entries, more.Entries...), more.Next
	}
	if err != nil || len(feed.Entries) != len(entries) {
		t.Errorf("the feed has %d entries, the room %d: %v", len(feed.Entries), len(entries), err)
	}
	records := 0
	err = j.Records().Scan(ctx, "", func(r journal.Record) error {
		records++
		if r.Stamp.Seq == 0 || r.Stamp.Seq > last || string(r.Value) != entries[r.Stamp.Seq-1].Key {
			t.Errorf("record %q = %q with the stamp %+v, where there are %d entries", r.Key, r.Value, r.Stamp, last)
		}
		return nil
	})
	want := 0
	if last > 0 {
		want = 2*int(last) + 1
	}
	if err != nil || records != want {
		t.Errorf("there are %d records of %d entries: %v", records, last, err)
	}
	for i, e := range entries {
		if e.Position != feed.Entries[i].Position {
			t.Fatalf("entry %d has the position %d, in the feed %d", e.Seq, e.Position, feed.Entries[i].Position)
		}
		if r, err := j.Find(ctx, "room", "u1", e.Key); err != nil || r.Seq != e.Seq || r.Position != e.Position {
			t.Fatalf("the key of entry %d gets %+v, %v", e.Seq, r, err)
		}
		if e.Kind == journal.Edit && (entries[e.Target-1].Edited != e.Seq || string(e.Body) != "body of "+e.Key) {
			t.Errorf("entry %d is an edit of %+v", e.Seq, entries[e.Target-1])
		}
	}
}
