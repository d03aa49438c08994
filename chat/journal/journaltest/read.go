package journaltest

import (
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testRead(t *testing.T, s *tester.Suite) {
	s.Each(t, "returns an empty page of a room without entries", func(t *tester.T) {
		for _, q := range []journal.Query{{Limit: 10}, {After: 5, Limit: 10}, {Backward: true, Limit: 10}, {Backward: true, Before: 5, Limit: 10}} {
			q.Room = "nobody"
			page := t.Read(q)
			if len(page.Entries) != 0 || page.More || page.First != 1 || page.Last != 0 || page.Epoch == "" {
				t.Errorf("Read(%+v) = %+v", q, page)
			}
		}
		// The first entry has the epoch that was shown for the empty room.
		empty := t.Read(journal.Query{Room: "nobody", Limit: 10})
		if r := t.Append(tester.Message("nobody", "u1", `"x"`)); r.Epoch != empty.Epoch || r.Seq != 1 {
			t.Errorf("receipt %+v after epoch %q", r, empty.Epoch)
		}
	})
	s.Each(t, "returns every page in both directions", func(t *tester.T) {
		t.AppendMany("room", 10)
		t.AppendMany("other", 3)
		tester.CheckPages(t, "room", t.All("room"))
	})
	s.Each(t, "reaches every entry page by page", func(t *tester.T) {
		const n = 250
		t.AppendMany("room", n)
		t.CheckNumbers(t.All("room"), 1)
		if back := t.Backward("room", 7); len(back) != n {
			t.Errorf("backward: %d entries, want %d", len(back), n)
		} else {
			t.CheckNumbers(back, 1)
		}
	})
	s.Each(t, "shows an entry as soon as its receipt is given", func(t *tester.T) {
		for range 50 {
			r := t.Append(tester.Message("room", "u1", `"x"`))
			if e := t.Newest("room"); e.Seq != r.Seq {
				t.Fatalf("the newest is %d after the receipt for %d", e.Seq, r.Seq)
			}
		}
	})
	s.Each(t, "returns pages that the caller may change", func(t *tester.T) {
		t.AppendMany("room", 3)
		for _, q := range []journal.Query{{Room: "room", Limit: 10}, {Room: "room", Backward: true, Limit: 10}} {
			page := t.Read(q)
			clear(page.Entries)
			if page := t.Read(q); len(page.Entries) != 3 || page.Entries[0].Seq != 1 {
				t.Errorf("Read(%+v) = %+v", q, page)
			}
		}
	})
}
