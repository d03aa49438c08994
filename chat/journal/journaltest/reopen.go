package journaltest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func testReopen(t *testing.T, s *suite) {
	if s.reopen == nil {
		t.Skip("not durable")
	}
	s.each(t, "keeps entries and records", func(t *tester) {
		rooms := append(slices.Clone(similarRooms), "room")
		for _, room := range rooms {
			t.send(keyed(room, "u1", "k", room))
			t.send(message(room, "u2", `"secret"`))
			t.send(recall(room, "u2", 2))
		}
		t.put("a", []byte("1"))
		before := map[string][]journal.Entry{}
		for _, room := range rooms {
			t.append(message(room, "u3", `"last"`))
			before[room] = t.all(room)
		}
		t.reopenJournal()
		for _, room := range rooms {
			after := t.all(room)
			if len(after) != 4 || len(before[room]) != 4 {
				t.Fatalf("room %q: %d entries before and %d after, want 4", room, len(before[room]), len(after))
			}
			for i := range after {
				t.checkSame("after reopening", after[i], before[room][i])
			}
		}
		t.checkRecord("a", "1")
	})
	s.each(t, "continues numbers, times and keys", func(t *tester) {
		first := t.append(keyed("room", "u1", "k", `"x"`))
		for i := range 5 {
			t.reopenJournal()
			r := t.append(message("room", "u1", fmt.Sprint(i)))
			if r.Seq != journal.Seq(i+2) || r.Epoch != first.Epoch || r.At < first.At {
				t.Errorf("receipt %+v after %+v", r, first)
			}
			checkDuplicate(t, first, t.append(keyed("room", "u1", "k", `"x"`)))
		}
		t.checkNumbers(t.all("room"), 1)
		checkPages(t, "room", t.all("room"))
	})
	s.each(t, "keeps the epoch, which differs from that of another store", func(t *tester) {
		before := t.read(journal.Query{Room: "room", Limit: 1}).Epoch
		t.reopenJournal()
		if after := t.read(journal.Query{Room: "room", Limit: 1}).Epoch; after != before || after == "" {
			t.Errorf("epoch %q before and %q after", before, after)
		}
		other := s.tester(t.T, s.open(t.T))
		if epoch := other.read(journal.Query{Room: "room", Limit: 1}).Epoch; epoch == before {
			t.Errorf("two stores have the epoch %q", epoch)
		}
	})
	s.each(t, "keeps what was acknowledged while the journal was closed", testReopenRace)
}

// reopenJournal closes the journal and opens its store again.
func (t *tester) reopenJournal() {
	t.Helper()
	t.j = t.suite.reopen(t.T, t.j)
}

func testReopenRace(t *tester) {
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
				r, err := old.send(message("room", "u1", body)).wait()
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
	t.reopenJournal()
	wg.Wait()
	entries := t.all("room")
	t.checkNumbers(entries, 1)
	if len(entries) != len(kept) {
		t.Errorf("%d entries, %d acknowledged", len(entries), len(kept))
	}
	for _, e := range entries {
		if kept[e.Seq] != string(e.Body) {
			t.Errorf("entry %d says %s, acknowledged was %q", e.Seq, e.Body, kept[e.Seq])
		}
	}
}
