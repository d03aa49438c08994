package journaltest

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testReopen(t *testing.T, s *tester.Suite) {
	if s.Reopen == nil {
		t.Skip("not durable")
	}
	s.Each(t, "keeps everything", func(t *tester.T) {
		rooms := busyRooms(t)
		before := t.Snapshot(rooms...)
		positions := t.Positions()
		for range 2 {
			t.ReopenJournal()
			t.CheckSnapshot(before, rooms...)
			for i, p := range t.Positions() {
				if p < positions[i] {
					t.Errorf("part %d ends at %d, before at %d", i, p, positions[i])
				}
			}
		}
		updated := t.Records("counter")[0].Stamp.Position
		if t.Update("counter", tester.Increment); t.Records("counter")[0].Stamp.Position <= updated {
			t.Errorf("the next update has the stamp %+v, the one before %d", t.Records("counter")[0].Stamp, updated)
		}
		for _, room := range rooms {
			t.Refused("of what was recorded before", tester.Since(tester.Message(room, "u1", `"x"`), 1), journal.ErrStale)
			t.Append(tester.Message(room, "u1", `"x"`))
			t.CheckRoom(room)
		}
	})
	s.Each(t, "keeps the epoch of a room that began again", func(t *tester.T) {
		t.AppendMany("room", 3)
		t.Trim("room", journal.All)
		t.ReopenJournal()
		r := t.Append(tester.Message("room", "u1", `"x"`))
		t.ReopenJournal()
		again := t.Append(tester.Message("room", "u1", `"x"`))
		if r.Seq != 1 || again.Seq != 2 || again.Epoch != r.Epoch || again.Position <= r.Position {
			t.Errorf("receipts %+v and %+v", r, again)
		}
		t.CheckRoom("room")
	})
	s.Each(t, "continues numbers, times and keys", func(t *tester.T) {
		first := t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		for i := range 5 {
			t.ReopenJournal()
			r := t.Append(tester.Message("room", "u1", fmt.Sprint(i)))
			if r.Seq != journal.Seq(i+2) || r.Epoch != first.Epoch || r.At < first.At {
				t.Errorf("receipt %+v after %+v", r, first)
			}
			tester.CheckDuplicate(t, first, t.Append(tester.Keyed("room", "u1", "k", `"x"`)))
		}
		t.CheckNumbers(t.All("room"), 1)
		tester.CheckPages(t, "room", t.All("room"))
	})
	s.Each(t, "keeps the epoch, which differs from that of another store", func(t *tester.T) {
		before := t.Read(journal.Query{Room: "room", Limit: 1}).Epoch
		t.ReopenJournal()
		if after := t.Read(journal.Query{Room: "room", Limit: 1}).Epoch; after != before || after == "" {
			t.Errorf("epoch %q before and %q after", before, after)
		}
		other := s.Tester(t.T, s.Open(t.T))
		if epoch := other.Read(journal.Query{Room: "room", Limit: 1}).Epoch; epoch == before {
			t.Errorf("two stores have the epoch %q", epoch)
		}
	})
	s.Each(t, "keeps what was acknowledged while the journal was closed", testReopenRace)
}

func testReopenRace(t *tester.T) {
	var mu sync.Mutex
	kept := map[journal.Seq]string{}
	var wg sync.WaitGroup
	started := make(chan struct{})
	var once sync.Once
	old := *t // the goroutines keep using the journal that is closed
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				body := fmt.Sprintf("%d of %d", i, g)
				r, err := old.Send(tester.Message("room", "u1", body)).Wait()
				once.Do(func() { close(started) })
				if err != nil {
					return
				}
				mu.Lock()
				kept[r.Seq] = body
				mu.Unlock()
			}
		})
	}
	<-started
	t.ReopenJournal()
	wg.Wait()
	entries := t.All("room")
	t.CheckNumbers(entries, 1)
	if len(entries) != len(kept) {
		t.Errorf("%d entries, %d acknowledged", len(entries), len(kept))
	}
	for _, e := range entries {
		if kept[e.Seq] != string(e.Body) {
			t.Errorf("entry %d says %s, acknowledged was %q", e.Seq, e.Body, kept[e.Seq])
		}
	}
}

// busyRooms makes rooms in which everything has happened, and returns their names.
func busyRooms(t *tester.T) []string {
	rooms := append(slices.Clone(tester.SimilarRooms), "room")
	for i, room := range rooms {
		t.Send(tester.With(tester.Keyed(room, "u1", "k", room), "first of "+fmt.Sprint(i), "x"))
		t.Send(tester.Message(room, "u2", `"secret"`))
		t.Send(tester.With(tester.Governing(room, journal.Member), "last", fmt.Sprint(i)))
		t.Send(tester.Recall(room, "u2", 2))
		t.Send(tester.Message(room, "u2", `"edited"`))
		e := tester.Message(room, "u2", "a reply")
		e.Text, e.Quiet, e.Target, e.Mentions, e.Via = true, true, 1, []string{"u1", "u3"}, "crm"
		t.Send(e)
		t.Append(tester.Edit(room, "u2", 5, `"an edit"`))
		if i%3 == 0 {
			t.Trim(room, journal.Seq(1+i%9))
		}
	}
	t.Put("a", []byte("1"))
	t.Put("empty", []byte{})
	t.Update("counter", tester.Increment)
	t.Update("counter", tester.Increment)
	return rooms
}

// testCrash kills a journal while it is written to.
func testCrash(t *testing.T, s *tester.Suite) {
	if s.Crash == nil {
		t.Skip("no crash")
	}
	s.Each(t, "loses nothing that was answered, and no half of a commit", func(t *tester.T) {
		for range 5 {
			crash(t)
		}
	})
}

// crash has writers append until the journal has crashed, and looks at what is left.
func crash(t *tester.T) {
	old := *t // the writers use the journal that crashes
	ctx, stop := context.WithCancel(tester.Background)
	defer stop()
	var mu sync.Mutex // guards what was answered
	answered, counted := map[journal.Seq]string{}, 0
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			target := journal.Seq(0)
			for i := 0; ; i++ {
				e := tester.Keyed("room", fmt.Sprint("u", g), rand.Text(), "")
				if e.Body = []byte(e.Key); i%4 > 0 {
					e.Kind, e.Target = []journal.Kind{journal.Edit, journal.Edit, journal.Recall}[i%4-1], target
				}
				r, ok := old.Send(tester.With(e, "of "+e.Key, "x", "newest", e.Key)).Before(ctx.Done())
				if !ok {
					return
				}
				if i%4 == 0 {
					target = r.Seq
				}
				mu.Lock()
				answered[r.Seq] = e.Key
				mu.Unlock()
			}
		})
	}
	wg.Go(func() {
		for old.J.Records().Update(ctx, "counter", func(old []byte) ([]byte, error) { return tester.Increment(old), nil }) == nil {
			mu.Lock()
			counted++
			mu.Unlock()
		}
	})
	l := old.Follow("room")
	l.Wait(50)
	l.Stop()
	before, _ := strconv.Atoi(string(t.Get("counter of earlier crashes")))
	mu.Lock()
	promised, updates := maps.Clone(answered), before+counted
	mu.Unlock()
	t.J = t.Suite.Crash(t.T, t.J)
	stop()
	wg.Wait()
	counter, _ := strconv.Atoi(string(t.Get("counter")))
	if counter < updates {
		t.Errorf("the counter is %d after %d updates", counter, updates)
	}
	t.Put("counter of earlier crashes", fmt.Append(nil, counter))
	entries := t.All("room")
	for seq, key := range promised {
		if int(seq) > len(entries) || entries[seq-1].Key != key {
			t.Fatalf("entry %d was answered, and %d entries are left", seq, len(entries))
		}
	}
	checkCommits(t, entries)
}

// checkCommits checks that the entries of a room that crashed are there with all that
// belongs to them: their records, and what they do to their targets.
func checkCommits(t *tester.T, entries []journal.Entry) {
	t.Helper()
	t.CheckRoom("room")
	t.CheckFeed("room")
	if found := t.Scan("of "); len(found) != len(entries) {
		t.Errorf("%d records of %d entries", len(found), len(entries))
	}
	want := slices.Clone(entries)
	for i := range want {
		e := &want[i]
		stamp := journal.Stamp{Seq: e.Seq, Count: e.Count, Position: e.Position}
		if r := t.Records("of "+e.Key, "newest"); r[0].Stamp != stamp || i == len(entries)-1 && (r[1].Stamp != stamp || string(r[1].Value) != e.Key) {
			t.Errorf("entry %+v has the records %+v", e, r)
		}
		switch e.Kind {
		case journal.Message:
			e.Body, e.Edited, e.Recalled = []byte(e.Key), 0, false
		case journal.Edit:
			want[e.Target-1].Body, want[e.Target-1].Edited = []byte(e.Key), e.Seq
		case journal.Recall:
			want[e.Target-1].Body, want[e.Target-1].Recalled = nil, true
		}
	}
	for i, e := range want {
		if e.Kind == journal.Message {
			t.CheckSame("after a crash", entries[i], e)
		}
	}
}
