package journaltest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testRestore(t *testing.T, s *tester.Suite) {
	j := s.Open(t)
	_, ok := j.(journal.Restorer)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Skip("not a journal.Restorer")
	}
	s.Each(t, "keeps numbers, times, keys and recalls", testRestoreKeeps)
	s.Each(t, "lets Append continue after the restored entries", func(t *tester.T) {
		old := recorded("room", 41, 3)
		t.Restore(old, 3, 0)
		r := t.Append(tester.Message("room", "u1", `"new"`))
		if r.Seq != 44 || r.At < old[2].At {
			t.Errorf("the next one got %+v, want 44", r)
		}
		page := t.Read(journal.Query{Room: "room", Limit: 10})
		if page.First != 41 || page.Last != 44 || page.Epoch != r.Epoch {
			t.Errorf("the room has %d to %d in epoch %q", page.First, page.Last, page.Epoch)
		}
	})
	s.Each(t, "goes on counting from the first entry", func(t *tester.T) {
		old := recorded("room", 41, 3)
		old[0].Count, old[1].Count = 30, 7
		old[0].Since, old[0].With = 1, []journal.Record{{Key: "record", Value: []byte("x")}}
		t.Restore(old, 3, 0)
		r := t.Append(tester.Message("room", "u1", `"new"`))
		h := t.Head("room")
		if r.Count != 33 || h.Count != 33 || h.Dropped != 29 || h.Unread(0) != 4 {
			t.Errorf("the next one got %+v; the head has %d, and %d below its first entry", r, h.Count, h.Dropped)
		}
		if value := t.Get("record"); value != nil {
			t.Errorf("a record was written: %q", value)
		}
	})
	s.Each(t, "writes records with their stamps, unless newer ones are there", testRestoreRecords)
	s.Each(t, "makes the keys of restored entries count", func(t *tester.T) {
		old := recorded("room", 1, 3)
		for i := range old {
			old[i].At = time.Now().Add(-time.Hour).UnixMilli()
		}
		old[1].Key = "k"
		t.Restore(old, 3, 0)
		r := t.Append(tester.Keyed("room", "u1", "k", `"again"`))
		if !r.Duplicate || r.Seq != 2 || r.At != old[1].At {
			t.Errorf("the same key again got %+v", r)
		}
	})
	s.Each(t, "lets the first of several uses of a key count", func(t *tester.T) {
		now := time.Now().UnixMilli()
		for room, pieces := range map[string]int{"at once": 3, "one by one": 1} {
			old := recorded(room, 1, 3)
			for i := range old {
				old[i].At, old[i].Key = now, "k"
			}
			for i := 0; i < len(old); i += pieces {
				t.Restore(old[i:i+pieces], pieces, 0)
			}
			if r := t.Append(tester.Keyed(room, "u1", "k", `"again"`)); !r.Duplicate || r.Seq != 1 {
				t.Errorf("%s: the same key again got %+v", room, r)
			}
			t.CheckNumbers(t.All(room), 1)
		}
	})
	s.Each(t, "leaves out what an entry of the feed has beside its content", func(t *tester.T) {
		old := recorded("room", 1, 2)
		for i := range old {
			old[i].Epoch, old[i].Position, old[i].Origin.Session = "another", 1000, "s"
		}
		t.Restore(old, 2, 0)
		for _, e := range t.All("room") {
			if e.Epoch != "" || e.Position >= 1000 || e.Origin.Session != "" {
				t.Errorf("it reads %+v", e)
			}
		}
	})
	s.Each(t, "takes nothing that no journal has recorded", func(t *tester.T) {
		for _, change := range []func(e *journal.Entry){
			func(e *journal.Entry) { e.Seq = journal.MaxSeq + 1 },
			func(e *journal.Entry) { e.Seq = 0 },
			func(e *journal.Entry) { e.Count = 2 },
			func(e *journal.Entry) { e.At = -1 },
			func(e *journal.Entry) { e.Kind = journal.Signal },
		} {
			e := recorded("room", 1, 1)[0]
			change(&e)
			r, k, err := t.J.(journal.Restorer).Restore(tester.Background, []journal.Entry{e})
			if r+k > 0 || !errors.Is(err, journal.ErrLimit) {
				t.Errorf("%+v: %d, %d, %v", e, r, k, err)
			}
		}
	})
	s.Each(t, "leaves a room without numbers when it has had the largest", func(t *tester.T) {
		t.Restore(recorded("room", journal.MaxSeq, 1), 1, 0)
		if _, err := t.Send(tester.Message("room", "u1", `"x"`)).Wait(); !errors.Is(err, journal.ErrLimit) {
			t.Errorf("the next one: %v", err)
		}
	})
	s.Each(t, "skips entries that the room has", func(t *tester.T) {
		old := recorded("room", 1, 6)
		t.Restore(old[:4], 4, 0)
		t.Restore(old, 2, 4)
		t.Restore(old, 0, 6)
		t.CheckNumbers(t.All("room"), 1)
	})
	s.Each(t, "continues after a transient entry", func(t *tester.T) {
		old := recorded("room", 1, 4)
		t.Restore(old[:2], 2, 0)
		t.Append(journal.Entry{Room: "room", Kind: journal.Signal, Body: []byte(`{}`)})
		t.Restore(old[2:], 2, 0)
	})
	s.Each(t, "erases the target of a restored recall", func(t *tester.T) {
		old := recorded("room", 1, 3)
		r := tester.Recall("room", "u1", 2)
		r.Seq, r.At = 4, old[2].At
		t.Restore(append(old, r), 4, 0)
		if e := t.Entry("room", 2); !e.Recalled || len(e.Body) > 0 {
			t.Errorf("entry 2 reads %+v", e)
		}
	})
	s.Each(t, "counts again, and keeps edits and recalls as they were exported", testRestoreExport)
	s.Each(t, "does nothing in the journal that the entries come from", func(t *tester.T) {
		rooms := busyRooms(t)
		before := t.Snapshot(rooms...)
		for _, room := range rooms {
			list := t.All(room)
			t.Restore(list, 0, len(list))
		}
		t.CheckSnapshot(before, rooms...)
	})
	s.Each(t, "delivers restored entries once and in order", func(t *tester.T) {
		l := t.Follow("room")
		old := recorded("room", 7, 5)
		t.Restore(old[:3], 3, 0)
		t.Restore(old, 2, 3)
		delivered := l.DeliveredSoFar()
		if len(delivered) != 5 {
			t.Fatalf("%d were delivered, want 5", len(delivered))
		}
		for i := range delivered {
			t.CheckSame("delivered", delivered[i], old[i])
		}
	})
	s.Each(t, "stops at an entry that does not fit and keeps those before it", testRestoreStops)
	s.Each(t, "returns ErrClosed after Close", func(t *tester.T) {
		if err := t.J.Close(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := t.J.(journal.Restorer).Restore(tester.Background, recorded("room", 1, 1)); !errors.Is(err, journal.ErrClosed) {
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
		e := tester.Message(room, "u1", fmt.Sprintf(`"old %d"`, i))
		e.Seq, e.At = first+journal.Seq(i), at+int64(i)
		list[i] = e
	}
	return list
}

func testRestoreKeeps(t *tester.T) {
	old := recorded("room", 9, 130)
	old[1].Key, old[1].From.Avatar, old[1].From.Guest = "k", "https://example.com/a.png", true
	old[2].Body, old[2].Recalled = nil, true
	old[3] = journal.Entry{Room: "room", Kind: journal.Notice, Body: []byte(`{"text":"x"}`), Seq: 12, At: old[3].At}
	other := recorded("other", 1, 2)
	t.Restore(append(append([]journal.Entry{other[0]}, old...), other[1]), 132, 0)
	check := func() {
		t.Helper()
		entries := t.All("room")
		if len(entries) != len(old) {
			t.Fatalf("%d entries, want %d", len(entries), len(old))
		}
		for i := range old {
			t.CheckSame("restored", entries[i], old[i])
		}
		t.CheckNumbers(t.All("other"), 1)
	}
	check()
	if t.Suite.Reopen != nil {
		t.ReopenJournal()
		check()
	}
}

func testRestoreStops(t *tester.T) {
	t.Restore(recorded("room", 1, 5), 5, 0)
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
		bad.At = t.Newest("room").At
		c.change(&bad)
		list := append(recorded("of "+name, 1, 2), bad)
		list = append(list, recorded("behind "+name, 1, 1)...)
		r, k, err := t.J.(journal.Restorer).Restore(tester.Background, list)
		if err == nil || !strings.Contains(err.Error(), c.says) || r != 2 || k != 0 {
			t.Errorf("%s: %d recorded and %d known, error %v", name, r, k, err)
		}
		if n := len(t.All("of " + name)); n != 2 {
			t.Errorf("%s: %d of the entries before it are there", name, n)
		}
		if n := len(t.All("behind " + name)); n != 0 {
			t.Errorf("%s: what came behind it is there", name)
		}
	}
	if entries := t.All("room"); len(entries) != 5 {
		t.Errorf("the room has %d entries", len(entries))
	}
}

func testRestoreExport(t *tester.T) {
	from := t.Suite.Tester(t.T, t.Suite.Open(t.T))
	rooms := busyRooms(from)
	for _, room := range rooms {
		list := from.All(room)
		l := t.NewFollower(room).Begin(0)
		for len(list) > 0 { // an import comes in pieces, and is interrupted
			n := min(len(list), 3)
			t.Restore(list[:n], n, 0)
			t.Restore(list[:n], 0, n)
			list = list[n:]
		}
		t.CheckRoom(room)
		want, first := from.All(room), from.Head(room).First
		l.Wait(len(want))
		for i, e := range t.All(room) {
			if want[i].Position = 0; first > 1 {
				want[i].Count = 0 // what was removed does not count here
			}
			t.CheckSame("restored", e, want[i])
		}
		if h := t.Head(room); h.Count-h.Dropped != from.Head(room).Count-from.Head(room).Dropped || h.State < first && h.State > 0 {
			t.Errorf("the head is %+v, was %+v", h, from.Head(room))
		}
		r := t.Append(tester.Keyed(room, "u1", "k", `"x"`))
		if kept := first == 1; r.Duplicate != kept {
			t.Errorf("the key of an entry that was restored, %v: %+v", kept, r)
		}
	}
	t.CheckKeptInFeed(rooms...)
}

func testRestoreRecords(t *tester.T) {
	guarded := tester.Message("room", "u1", `"x"`)
	guarded.With = []journal.Record{{Key: "newer", Value: []byte("here")}, {Key: "older", Value: []byte("here")}}
	for range 3 {
		t.Append(guarded)
	}
	restored := func(key string, seq journal.Seq) journal.Record {
		return journal.Record{Key: key, Value: []byte("restored"), Stamp: journal.Stamp{Seq: seq, Count: 2, Position: 1 << 40}}
	}
	list := []journal.Record{restored("newer", 3), restored("older", 4), restored("fresh", 7)}
	for i, want := range []int{2, 0} { // it may be repeated
		n, err := t.J.(journal.Restorer).RestoreRecords(tester.Background, list)
		if err != nil || n != want {
			t.Errorf("restored for the %d. time: %d, %v; want %d", i+1, n, err, want)
		}
	}
	got, err := t.J.Records().GetMany(tester.Background, []string{"newer", "older", "fresh"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		value string
		stamp journal.Stamp
	}{{"here", got[0].Stamp}, {"restored", journal.Stamp{Seq: 4, Count: 2}}, {"restored", journal.Stamp{Seq: 7, Count: 2}}} {
		if string(got[i].Value) != want.value || got[i].Stamp != want.stamp || got[0].Stamp.Seq != 3 {
			t.Errorf("record %q is %q with %+v, want %q with %+v", got[i].Key, got[i].Value, got[i].Stamp, want.value, want.stamp)
		}
	}
	if _, err := t.J.(journal.Restorer).RestoreRecords(tester.Background, []journal.Record{{Key: "", Value: []byte("x")}}); !errors.Is(err, journal.ErrLimit) {
		t.Errorf("a record without a key: %v", err)
	}
}
