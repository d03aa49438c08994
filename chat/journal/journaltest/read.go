package journaltest

import (
	"slices"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func testRead(t *testing.T, s *suite) {
	s.each(t, "returns an empty page of a room without entries", func(t *tester) {
		for _, q := range []journal.Query{{Limit: 10}, {After: 5, Limit: 10}, {Backward: true, Limit: 10}, {Backward: true, Before: 5, Limit: 10}} {
			q.Room = "nobody"
			page := t.read(q)
			if len(page.Entries) != 0 || page.More || page.First != 1 || page.Last != 0 || page.Epoch == "" {
				t.Errorf("Read(%+v) = %+v", q, page)
			}
		}
		// The first entry has the epoch that was shown for the empty room.
		empty := t.read(journal.Query{Room: "nobody", Limit: 10})
		if r := t.append(message("nobody", "u1", `"x"`)); r.Epoch != empty.Epoch || r.Seq != 1 {
			t.Errorf("receipt %+v after epoch %q", r, empty.Epoch)
		}
	})
	s.each(t, "returns every page in both directions", func(t *tester) {
		t.appendMany("room", 10)
		t.appendMany("other", 3)
		checkPages(t, "room", t.all("room"))
	})
	s.each(t, "reaches every entry page by page", func(t *tester) {
		const n = 250
		t.appendMany("room", n)
		t.checkNumbers(t.all("room"), 1)
		if back := t.backward("room", 7); len(back) != n {
			t.Errorf("backward: %d entries, want %d", len(back), n)
		} else {
			t.checkNumbers(back, 1)
		}
	})
	s.each(t, "shows an entry as soon as its receipt is given", func(t *tester) {
		for range 50 {
			r := t.append(message("room", "u1", `"x"`))
			if e := t.newest("room"); e.Seq != r.Seq {
				t.Fatalf("the newest is %d after the receipt for %d", e.Seq, r.Seq)
			}
		}
	})
	s.each(t, "returns pages that the caller may change", func(t *tester) {
		t.appendMany("room", 3)
		for _, q := range []journal.Query{{Room: "room", Limit: 10}, {Room: "room", Backward: true, Limit: 10}} {
			page := t.read(q)
			clear(page.Entries)
			if page := t.read(q); len(page.Entries) != 3 || page.Entries[0].Seq != 1 {
				t.Errorf("Read(%+v) = %+v", q, page)
			}
		}
	})
}

// backward returns all entries of a room, read from its end in pages of limit.
func (t *tester) backward(room string, limit int) []journal.Entry {
	t.Helper()
	var entries []journal.Entry
	q := journal.Query{Room: room, Backward: true, Limit: limit}
	for {
		page := t.read(q)
		entries = slices.Concat(page.Entries, entries)
		if !page.More {
			return entries
		}
		if len(page.Entries) == 0 {
			t.Fatalf("Read(%+v): no entries, and more of them", q)
		}
		q.Before = page.Entries[0].Seq
	}
}

// checkPages checks every page of a room that can be asked for. entries are all
// entries of the room.
func checkPages(t *tester, room string, entries []journal.Entry) {
	t.Helper()
	end := entries[len(entries)-1].Seq + 3
	for _, limit := range []int{1, 2, 3, len(entries) - 1, len(entries), len(entries) + 1, 1000} {
		for at := journal.Seq(0); at <= end; at++ {
			checkPage(t, journal.Query{Room: room, After: at, Limit: limit}, entries)
			checkPage(t, journal.Query{Room: room, Before: at, Backward: true, Limit: limit}, entries)
		}
		checkPage(t, journal.Query{Room: room, After: 1 << 53, Limit: limit}, entries)
		checkPage(t, journal.Query{Room: room, Before: 1 << 53, Backward: true, Limit: limit}, entries)
	}
}

// checkPage checks one page of a room. entries are all entries of the room. The page
// may be shorter than its limit if it says that there are more.
func checkPage(t *tester, q journal.Query, entries []journal.Entry) {
	t.Helper()
	page := t.read(q)
	first, last := entries[0].Seq, entries[len(entries)-1].Seq
	if page.First != first || page.Last != last {
		t.Fatalf("Read(%+v): First %d and Last %d, want %d and %d", q, page.First, page.Last, first, last)
	}
	want := wanted(q, entries)
	got := page.Entries
	if len(got) > q.Limit || len(got) > len(want) || len(got) == 0 && len(want) > 0 {
		t.Fatalf("Read(%+v): %d entries of %d that match", q, len(got), len(want))
	}
	if more := len(got) < len(want); page.More != more {
		t.Fatalf("Read(%+v): More is %v with %d entries of %d", q, page.More, len(got), len(want))
	}
	if q.Backward {
		want = want[len(want)-len(got):]
	}
	for i := range got {
		t.checkSame("read", got[i], want[i])
	}
}

// wanted returns the entries that q asks for, without its limit.
func wanted(q journal.Query, entries []journal.Entry) []journal.Entry {
	var want []journal.Entry
	for _, e := range entries {
		if q.Backward && (q.Before == 0 || e.Seq < q.Before) || !q.Backward && e.Seq > q.After {
			want = append(want, e)
		}
	}
	return want
}
