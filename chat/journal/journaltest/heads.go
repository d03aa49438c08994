package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testCounts(t *testing.T, s *tester.Suite) {
	s.Each(t, "rise with every counting entry that is not quiet", func(t *tester.T) {
		l := t.Follow("room")
		for range 2 { // they are targets
			t.Append(journal.Entry{Room: "room", Kind: journal.Message, Quiet: true, From: journal.User{ID: "u1"}, Body: []byte("1")})
		}
		count, want := uint64(0), []uint64{0, 0}
		for _, quiet := range []bool{false, true, false} {
			for kind := journal.Message; kind <= journal.Event; kind++ {
				e := tester.Governing("room", kind)
				if e.Quiet, e.Target = quiet, 1; kind == journal.Recall {
					e.Target = 2
				}
				if !quiet && (kind == journal.Message || kind == journal.Notice) {
					count++
				}
				if r := t.Append(e); r.Count != count {
					t.Errorf("%s, quiet %v: Count is %d in the receipt, want %d", kind.Name(), quiet, r.Count, count)
				}
				want = append(want, count)
				t.CheckRoom("room")
			}
		}
		for i, e := range l.DeliveredSoFar() {
			if e.Count != want[i] {
				t.Errorf("entry %d was delivered with Count %d, want %d", e.Seq, e.Count, want[i])
			}
		}
	})
	s.Each(t, "keep counting what was recalled, edited or removed", func(t *tester.T) {
		t.AppendMany("room", 10)
		t.Append(tester.Recall("room", "u1", 10))
		t.Append(tester.Edit("room", "u1", 9, `"x"`))
		for i, below := range []journal.Seq{1, 4, 2} {
			t.Trim("room", below)
			if h := t.Head("room"); h.Count != 10 || h.Dropped != []uint64{0, 3, 3}[i] || h.Newest.Seq != 10 || !h.Newest.Recalled || len(h.Newest.Body) > 0 {
				t.Errorf("trimmed below %d: %+v", below, h)
			}
			t.CheckRoom("room")
		}
		t.Trim("room", 12)
		if h := t.Head("room"); h.Count != 10 || h.Dropped != 10 || h.Newest.Seq != 0 || h.Unread(3) != 0 {
			t.Errorf("without a counting entry: %+v", h)
		}
		if r := t.Append(tester.Message("room", "u1", `"x"`)); r.Count != 11 {
			t.Errorf("the next one: %+v", r)
		}
		if h := t.Head("room"); h.Unread(3) != 1 || h.Unread(11) != 0 || h.Unread(12) != 0 {
			t.Errorf("Unread is %d and %d", h.Unread(3), h.Unread(11))
		}
		t.CheckRoom("room")
	})
	s.Each(t, "are exact when many append", func(t *tester.T) {
		tester.SendFromMany(t, "room", 6, 30).Wait()
		t.CheckRoom("room")
		if h := t.Head("room"); h.Count != 180 {
			t.Errorf("Count is %d", h.Count)
		}
	})
}

func testHeads(t *testing.T, s *tester.Suite) {
	s.Each(t, "are in the order asked, and zero for a room without entries", func(t *tester.T) {
		t.AppendMany("a", 3)
		t.Append(tester.Message("b", "u1", `"x"`))
		t.Append(tester.Governing("b", journal.Info))
		t.Append(journal.Entry{Room: "none", Kind: journal.Signal})
		rooms := []string{"b", "none", "a", "b", "nobody"}
		heads, err := t.J.Heads(tester.Background, rooms)
		if err != nil || len(heads) != len(rooms) {
			t.Fatalf("%d heads, %v", len(heads), err)
		}
		for i, room := range rooms {
			t.CheckRoom(room)
			if !tester.SameHead(heads[i], t.Head(room)) || (heads[i].Last == 0) != (len(room) > 1) {
				t.Errorf("the head of %q is %+v", room, heads[i])
			}
		}
		if heads[0].State != 2 || heads[0].Last != 2 || heads[2].State != 0 || heads[2].Last != 3 || string(heads[2].Newest.Body) != `"3"` {
			t.Errorf("heads %+v", heads)
		}
		if heads, err := t.J.Heads(tester.Background, nil); err != nil || len(heads) != 0 {
			t.Errorf("of no rooms: %d heads, %v", len(heads), err)
		}
	})
	s.Each(t, "show the newest counting entry as it is now", func(t *tester.T) {
		t.AppendMany("room", 2)
		t.Append(tester.Governing("room", journal.Member))
		t.Append(tester.Edit("room", "u1", 2, `"edited"`))
		if e := t.Head("room").Newest; e.Seq != 2 || string(e.Body) != `"edited"` || e.Edited != 4 {
			t.Errorf("Newest is %+v", e)
		}
		t.Append(tester.Recall("room", "u1", 2))
		if e := t.Head("room").Newest; e.Seq != 2 || !e.Recalled || len(e.Body) > 0 {
			t.Errorf("Newest is %+v", e)
		}
		t.CheckRoom("room")
	})
	s.Each(t, "go with the receipt", func(t *tester.T) {
		for range 50 {
			if r, h := t.Append(tester.Message("room", "u1", `"x"`)), t.Head("room"); h.Last != r.Seq || h.At != r.At || h.Count != r.Count || h.Position != r.Position || h.Epoch != r.Epoch {
				t.Fatalf("receipt %+v, head %+v", r, h)
			}
		}
	})
	s.Each(t, "may be asked for of many rooms", func(t *tester.T) {
		var rooms []string
		var sent []tester.Pending
		for i := range 700 {
			if rooms = append(rooms, fmt.Sprint("room", i)); i%7 > 0 {
				sent = append(sent, t.Send(tester.Message(rooms[i], "u1", fmt.Sprint(i))))
			}
		}
		tester.Must(sent)
		slices.Reverse(rooms)
		heads, err := t.J.Heads(tester.Background, rooms)
		if err != nil || len(heads) != len(rooms) {
			t.Fatalf("%d heads, %v", len(heads), err)
		}
		for i, h := range heads {
			if n := 699 - i; n%7 > 0 && (h.Last != 1 || h.Newest.Room != rooms[i] || string(h.Newest.Body) != fmt.Sprint(n)) || n%7 == 0 && !tester.SameHead(h, journal.Head{}) {
				t.Fatalf("the head of %q is %+v", rooms[i], h)
			}
		}
	})
	s.Each(t, "of many rooms agree with their pages", func(t *tester.T) {
		var sent []tester.Pending
		for i, room := range tester.SimilarRooms {
			for kind := journal.Message; kind <= journal.Info; kind++ {
				if e := tester.Governing(room, kind); i>>(kind-1)&1 == 0 {
					e.Target = 1
					sent = append(sent, t.Send(e))
				}
			}
		}
		tester.Must(sent)
		for _, room := range tester.SimilarRooms {
			t.CheckRoom(room)
		}
	})
}

func testPages(t *testing.T, s *tester.Suite) {
	s.Each(t, "are those of Read, in the order asked", func(t *tester.T) {
		t.AppendMany("a", 10)
		t.AppendMany("b", 5)
		queries := []journal.Query{{Room: "b", Limit: 2}, {Room: "nobody", Limit: 5}, {Room: "a", Backward: true, Limit: 3}, {Room: "a", After: 9, Limit: 3}, {Room: "a"}, {Room: "b", Backward: true, Before: 2, Limit: 9}}
		pages := t.Pages(queries, 0)
		for i, q := range queries {
			if want := t.Read(q); fmt.Sprintf("%+v", pages[i]) != fmt.Sprintf("%+v", want) {
				t.Errorf("%+v:\n%+v\nwant\n%+v", q, pages[i], want)
			}
		}
	})
	s.Each(t, "have no entries once the bytes are reached", func(t *tester.T) {
		size := 0
		for i := range 4 {
			t.Append(tester.Message(fmt.Sprint(i), "u1", strings.Repeat("x", 1000*i)))
			t.Append(tester.Message(fmt.Sprint(i), "u1", `"x"`))
			for _, e := range t.All(fmt.Sprint(i)) {
				size += e.Size()
			}
		}
		var queries []journal.Query
		for _, room := range []string{"0", "1", "nobody", "2", "3"} {
			queries = append(queries, journal.Query{Room: room, Limit: 10}, journal.Query{Room: room, Limit: 1, Backward: true})
		}
		for bytes := 1; bytes < 3*size; bytes += 100 {
			checkBudget(t, queries, bytes)
		}
	})
	s.Each(t, "stop before the entry that would exceed the bytes of the query", func(t *tester.T) {
		for i := range 20 {
			t.Append(tester.Message("room", "u1", strings.Repeat("x", i*37%10*100)))
		}
		entries := t.All("room")
		for bytes := 1; bytes < 20_000; bytes += 150 {
			tester.CheckPage(t, journal.Query{Room: "room", After: journal.Seq(bytes % 7), Limit: 15, Bytes: bytes}, entries)
			tester.CheckPage(t, journal.Query{Room: "room", Backward: true, Limit: 15, Bytes: bytes}, entries)
		}
	})
}

// checkBudget checks pages that may have so many bytes together. The entry that
// reaches the bound may exceed it, because a page has at least one.
func checkBudget(t *tester.T, queries []journal.Query, bytes int) {
	t.Helper()
	used := 0
	for i, page := range t.Pages(queries, bytes) {
		want := t.Read(queries[i])
		if page.Epoch != want.Epoch || page.First != want.First || page.Last != want.Last || page.Count != want.Count {
			t.Errorf("%d bytes, page %d: %+v, want %+v", bytes, i, page, want)
		}
		if n := len(page.Entries); page.More != (want.More || n < len(want.Entries)) || n > len(want.Entries) {
			t.Errorf("%d bytes, page %d: %d entries of %d, More is %v", bytes, i, n, len(want.Entries), page.More)
		} else if n == 0 && len(want.Entries) > 0 && used+want.Entries[0].Size() <= bytes {
			t.Errorf("%d bytes, page %d has no entries after %d bytes", bytes, i, used)
		}
		for j, e := range page.Entries {
			if used >= bytes || j > 0 && used+e.Size() > bytes {
				t.Errorf("%d bytes, page %d has %d entries after %d bytes", bytes, i, j+1, used)
			}
			used += e.Size()
		}
	}
}

func testFind(t *testing.T, s *tester.Suite) {
	s.Each(t, "returns the receipt that Append would give", func(t *tester.T) {
		t.AppendMany("room", 2)
		first := t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		t.Append(tester.Message("other", "u1", `"x"`))
		for _, c := range [][3]string{{"room", "u1", "new"}, {"room", "u2", "k"}, {"other", "u1", "k"}, {"nobody", "u1", "k"}, {"room", "u1", ""}} {
			if r := t.Find(c[0], c[1], c[2]); r != (journal.Receipt{}) {
				t.Errorf("Find(%q) = %+v", c, r)
			}
		}
		tester.CheckDuplicate(t, first, t.Find("room", "u1", "k"))
		t.Append(tester.Recall("room", "u1", first.Seq))
		tester.CheckDuplicate(t, first, t.Find("room", "u1", "k"))
		t.Trim("room", first.Seq+1)
		first.Count, first.Position = 0, 0 // they went with the entry
		tester.CheckDuplicate(t, first, t.Find("room", "u1", "k"))
		tester.CheckDuplicate(t, first, t.Append(tester.Keyed("room", "u1", "k", `"x"`)))
	})
	s.Each(t, "knows an entry that is just being written", func(t *tester.T) {
		for i := range 50 {
			key := fmt.Sprint("k", i)
			p := t.Send(tester.Keyed("room", "u1", key, `"x"`))
			found := t.Find("room", "u1", key)
			tester.CheckDuplicate(t, p.Must(), found)
		}
	})
	s.Each(t, "knows nothing of a refused entry", func(t *tester.T) {
		t.Append(tester.Governing("room", journal.Member))
		t.Refused("a stale one", tester.Since(tester.Keyed("room", "u1", "k", `"x"`), 1), journal.ErrStale)
		if r := t.Find("room", "u1", "k"); r != (journal.Receipt{}) {
			t.Errorf("found %+v", r)
		}
	})
	s.Each(t, "may be called while many append", func(t *tester.T) {
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 25 {
					key := fmt.Sprint("k", i)
					found, findErr := t.J.Find(tester.Background, "room", "u1", key)
					r, err := t.Send(tester.Keyed("room", "u1", key, fmt.Sprint(g))).Wait()
					if err := errors.Join(findErr, err); err != nil || found.Seq != 0 && (found.Seq != r.Seq || !found.Duplicate || !r.Duplicate) {
						t.Errorf("found %+v, then %+v, %v", found, r, err)
					}
				}
			})
		}
		wg.Wait()
	})
}
