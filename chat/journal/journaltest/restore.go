package journaltest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func testRestore(t *testing.T, s *suite) {
	j := s.open(t)
	_, ok := j.(journal.Restorer)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Skip("not a journal.Restorer")
	}
	s.each(t, "keeps numbers, times, keys and recalls", testRestoreKeeps)
	s.each(t, "lets Append continue after the restored entries", func(t *tester) {
		old := recorded("room", 41, 3)
		t.restore(old, 3, 0)
		r := t.append(message("room", "u1", `"new"`))
		if r.Seq != 44 || r.At < old[2].At {
			t.Errorf("the next one got %+v, want 44", r)
		}
		page := t.read(journal.Query{Room: "room", Limit: 10})
		if page.First != 41 || page.Last != 44 || page.Epoch != r.Epoch {
			t.Errorf("the room has %d to %d in epoch %q", page.First, page.Last, page.Epoch)
		}
	})
	s.each(t, "makes the keys of restored entries count", func(t *tester) {
		old := recorded("room", 1, 3)
		for i := range old {
			old[i].At = time.Now().Add(-time.Hour).UnixMilli()
		}
		old[1].Key = "k"
		t.restore(old, 3, 0)
		r := t.append(keyed("room", "u1", "k", `"again"`))
		if !r.Duplicate || r.Seq != 2 || r.At != old[1].At {
			t.Errorf("the same key again got %+v", r)
		}
	})
	s.each(t, "skips entries that the room has", func(t *tester) {
		old := recorded("room", 1, 6)
		t.restore(old[:4], 4, 0)
		t.restore(old, 2, 4)
		t.restore(old, 0, 6)
		t.checkNumbers(t.all("room"), 1)
	})
	s.each(t, "continues after a transient entry", func(t *tester) {
		old := recorded("room", 1, 4)
		t.restore(old[:2], 2, 0)
		t.append(journal.Entry{Room: "room", Kind: journal.Signal, Body: []byte(`{}`)})
		t.restore(old[2:], 2, 0)
	})
	s.each(t, "erases the target of a restored recall", func(t *tester) {
		old := recorded("room", 1, 3)
		r := recall("room", "u1", 2)
		r.Seq, r.At = 4, old[2].At
		t.restore(append(old, r), 4, 0)
		if e := t.entry("room", 2); !e.Recalled || len(e.Body) > 0 {
			t.Errorf("entry 2 reads %+v", e)
		}
	})
	s.each(t, "delivers restored entries once and in order", func(t *tester) {
		l := t.follow("room")
		old := recorded("room", 7, 5)
		t.restore(old[:3], 3, 0)
		t.restore(old, 2, 3)
		delivered := l.deliveredSoFar()
		if len(delivered) != 5 {
			t.Fatalf("%d were delivered, want 5", len(delivered))
		}
		for i := range delivered {
			t.checkSame("delivered", delivered[i], old[i])
		}
	})
	s.each(t, "stops at an entry that does not fit and keeps those before it", testRestoreStops)
	s.each(t, "returns ErrClosed after Close", func(t *tester) {
		if err := t.j.Close(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := t.j.(journal.Restorer).Restore(context.Background(), recorded("room", 1, 1)); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}

// recorded returns n messages of a room as another journal recorded them, numbered
// from first.
func recorded(room string, first journal.Seq, n int) []journal.Entry {
	at := time.Now().Add(-time.Minute).UnixMilli()
	list := make([]journal.Entry, n)
	for i := range list {
		e := message(room, "u1", fmt.Sprintf(`"old %d"`, i))
		e.Seq, e.At = first+journal.Seq(i), at+int64(i)
		list[i] = e
	}
	return list
}

// restore restores entries and checks how many were new and how many known.
func (t *tester) restore(list []journal.Entry, recorded, known int) {
	t.Helper()
	r, k, err := t.j.(journal.Restorer).Restore(context.Background(), list)
	if err != nil || r != recorded || k != known {
		t.Fatalf("Restore: %d recorded and %d known, %v; want %d and %d", r, k, err, recorded, known)
	}
}

func testRestoreKeeps(t *tester) {
	old := recorded("room", 9, 130)
	old[1].Key, old[1].From.Avatar, old[1].From.Guest = "k", "https://example.com/a.png", true
	old[2].Body, old[2].Recalled = nil, true
	old[3] = journal.Entry{Room: "room", Kind: journal.Notice, Body: []byte(`{"text":"x"}`), Seq: 12, At: old[3].At}
	other := recorded("other", 1, 2)
	t.restore(append(append([]journal.Entry{other[0]}, old...), other[1]), 132, 0)
	check := func() {
		t.Helper()
		entries := t.all("room")
		if len(entries) != len(old) {
			t.Fatalf("%d entries, want %d", len(entries), len(old))
		}
		for i := range old {
			t.checkSame("restored", entries[i], old[i])
		}
		t.checkNumbers(t.all("other"), 1)
	}
	check()
	if t.suite.reopen != nil {
		t.reopenJournal()
		check()
	}
}

func testRestoreStops(t *tester) {
	t.restore(recorded("room", 1, 5), 5, 0)
	for name, c := range map[string]struct {
		change func(e *journal.Entry)
		says   string
	}{
		"a hole":                 {func(e *journal.Entry) { e.Seq = 9 }, `room "room" goes on with entry 6`},
		"an older one":           {func(e *journal.Entry) { e.Seq, e.At = 6, 1 }, "is older"},
		"another time":           {func(e *journal.Entry) { e.At++ }, "has another entry with the number 5"},
		"another user":           {func(e *journal.Entry) { e.From.ID = "u2" }, "another entry"},
		"another kind of a room": {func(e *journal.Entry) { e.Kind = journal.Notice }, "another entry"},
	} {
		bad := recorded("room", 1, 5)[4]
		bad.At = t.newest("room").At
		c.change(&bad)
		list := append(recorded("of "+name, 1, 2), bad)
		list = append(list, recorded("behind "+name, 1, 1)...)
		r, k, err := t.j.(journal.Restorer).Restore(context.Background(), list)
		if err == nil || !strings.Contains(err.Error(), c.says) || r != 2 || k != 0 {
			t.Errorf("%s: %d recorded and %d known, error %v", name, r, k, err)
		}
		if n := len(t.all("of " + name)); n != 2 {
			t.Errorf("%s: %d of the entries before it are there", name, n)
		}
		if n := len(t.all("behind " + name)); n != 0 {
			t.Errorf("%s: what came behind it is there", name)
		}
	}
	if entries := t.all("room"); len(entries) != 5 {
		t.Errorf("the room has %d entries", len(entries))
	}
}
