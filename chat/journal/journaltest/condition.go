package journaltest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testSince(t *testing.T, s *tester.Suite) {
	s.Each(t, "gets ErrStale if a governing entry has that number or a higher one", func(t *tester.T) {
		l := t.Follow("room")
		t.Append(tester.Since(tester.Message("room", "u1", `"1"`), 1)) // nobody governs yet
		t.Append(tester.Since(tester.Governing("room", journal.Member), 1))
		t.AppendMany("room", 1)
		t.Append(tester.Since(tester.Governing("room", journal.Info), 3))
		t.AppendMany("room", 1)
		for n := journal.Seq(1); n <= 4; n++ {
			for _, e := range []journal.Entry{tester.Keyed("room", "u1", "k", `"x"`), tester.Governing("room", journal.Member), tester.Recall("room", "u1", 1)} {
				t.Refused(fmt.Sprint("since ", n), tester.Since(e, n), journal.ErrStale)
			}
		}
		for i, n := range []journal.Seq{5, 6, 1000, 1<<53 - 1, 0} {
			if r := t.Append(tester.Since(tester.Keyed("room", "u1", fmt.Sprint("k", n), `"x"`), n)); r.Seq != journal.Seq(6+i) || r.Duplicate {
				t.Errorf("since %d: %+v", n, r)
			}
		}
		if r := t.Append(tester.Keyed("room", "u1", "k", `"x"`)); r.Duplicate {
			t.Error("a refused entry has used up its key")
		}
		if n := len(l.DeliveredSoFar()); n != 11 {
			t.Errorf("%d were delivered, want 11", n)
		}
	})
	s.Each(t, "sees a governing entry that is just being written", func(t *tester.T) {
		for range 20 {
			governs := t.Send(tester.Governing("room", journal.Member))
			late := t.Send(tester.Since(tester.Message("room", "u1", `"late"`), 1))
			if _, err := late.Wait(); !errors.Is(err, journal.ErrStale) {
				t.Errorf("behind a governing entry: %v", err)
			}
			r := governs.Must()
			if _, err := t.Send(tester.Since(tester.Message("room", "u1", `"x"`), r.Seq+1)).Wait(); err != nil {
				t.Errorf("since the newest governing entry: %v", err)
			}
		}
	})
	s.Each(t, "lets one of many found a room", func(t *tester.T) {
		for round := range 10 {
			room, founded := fmt.Sprint("room", round), make([]error, 16)
			var wg sync.WaitGroup
			for i := range founded {
				wg.Go(func() { _, founded[i] = t.Send(tester.Since(tester.Governing(room, journal.Member), 1)).Wait() })
			}
			wg.Wait()
			won := 0
			for _, err := range founded {
				if err == nil {
					won++
				} else if !errors.Is(err, journal.ErrStale) {
					t.Error(err)
				}
			}
			if n := len(t.All(room)); won != 1 || n != 1 {
				t.Errorf("%d have founded the room, it has %d entries", won, n)
			}
		}
	})
	s.Each(t, "knows governing entries that are no longer kept", func(t *tester.T) {
		t.Append(tester.Governing("room", journal.Member))
		t.AppendMany("room", 3)
		t.Trim("room", 4)
		t.Refused("since 1", tester.Since(tester.Message("room", "u1", `"x"`), 1), journal.ErrStale)
		if h := t.Head("room"); h.State != 1 {
			t.Errorf("State is %d, want 1", h.State)
		}
		t.Append(tester.Since(tester.Message("room", "u1", `"x"`), 2))
	})
	s.Each(t, "comes behind a known key and ErrNoTarget", func(t *tester.T) {
		t.AppendMany("room", 1)
		said, edited := tester.Keyed("room", "u1", "said", `"x"`), tester.Edit("room", "u1", 1, `"y"`)
		edited.Key = "edited"
		receipts := []journal.Receipt{t.Append(said), t.Append(edited)}
		t.Append(tester.Governing("room", journal.Member))
		for i, e := range []journal.Entry{said, edited} {
			tester.CheckDuplicate(t, receipts[i], t.Append(tester.Since(e, 1)))
		}
		t.Append(tester.Recall("room", "u1", 1))
		tester.CheckDuplicate(t, receipts[1], t.Append(tester.Since(edited, 1)))
		t.Refused("of an edit without a target", tester.Since(tester.Edit("room", "u1", 1, `"z"`), 1), journal.ErrNoTarget)
		t.Refused("of an edit with a target", tester.Since(tester.Edit("room", "u1", 2, `"z"`), 1), journal.ErrStale)
	})
	s.Each(t, "keeps guarded entries in front of what they did not know", func(t *tester.T) {
		guardRooms(t)
	})
}

// guardRooms has writers on several nodes append guarded entries while others govern,
// and checks that no guarded entry stands behind a governing entry that it did not know.
func guardRooms(nodes ...*tester.T) {
	const rooms, each = 2, 30
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			t, random := nodes[g%len(nodes)], nodes[0].Suite.Random(uint64(g))
			for i := range each {
				e := tester.Message(fmt.Sprint("room", i%rooms), fmt.Sprint("u", g), `"x"`)
				if random.IntN(4) == 0 {
					e.Kind = []journal.Kind{journal.Member, journal.Info}[random.IntN(2)]
				}
				for round, err := 0, journal.ErrStale; errors.Is(err, journal.ErrStale); round++ {
					heads, readErr := t.J.Heads(tester.Background, []string{e.Room})
					if readErr != nil || round == 1000 {
						t.Errorf("round %d: %v", round, readErr)
						return
					}
					e.Body, e.Since = fmt.Appendf(nil, "%d", heads[0].State), heads[0].State+1
					if _, err = t.Send(e).Wait(); err != nil && !errors.Is(err, journal.ErrStale) {
						t.Errorf("append: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
	for room := range rooms {
		var state journal.Seq
		entries := nodes[0].All(fmt.Sprint("room", room))
		for _, e := range entries {
			if string(e.Body) != fmt.Sprint(state) {
				nodes[0].Errorf("entry %d knew the room as of %s, but %d governs", e.Seq, e.Body, state)
			}
			if e.Kind.Governs() {
				state = e.Seq
			}
		}
		if len(entries) != 6*each/rooms {
			nodes[0].Errorf("%d entries, want %d", len(entries), 6*each/rooms)
		}
	}
}

func testWith(t *testing.T, s *tester.Suite) {
	s.Each(t, "writes records with the stamp of the entry", func(t *tester.T) {
		t.Put("a/old", []byte("x"))
		l := t.NewFollower("room")
		l.Inside = func(e journal.Entry) {
			if r, err := t.J.Records().Get(tester.Background, "a/1"); err != nil || r.Stamp.Seq < e.Seq {
				t.Errorf("entry %d was delivered when its record had the stamp %+v, %v", e.Seq, r.Stamp, err)
			}
		}
		l.Begin(journal.Newest)
		for i, e := range []journal.Entry{tester.Message("room", "u1", `"x"`), tester.Governing("room", journal.Member), tester.Message("room", "u1", `"x"`)} {
			r := t.Append(tester.With(e, "a/1", fmt.Sprint(i), "a/2", "", fmt.Sprint("a/", i+3), "x"))
			stamp := journal.Stamp{Seq: r.Seq, Count: r.Count, Position: r.Position}
			if r.Position == 0 || r.Count != uint64(1+i/2) {
				t.Errorf("receipt %+v", r)
			}
			t.CheckRecords([]string{"a/2", "a/1", fmt.Sprint("a/", i+3), "a/none"}, journal.Record{Value: []byte{}, Stamp: stamp},
				journal.Record{Value: fmt.Append(nil, i), Stamp: stamp}, journal.Record{Value: []byte("x"), Stamp: stamp}, journal.Record{})
		}
		if found := t.Scan("a/"); strings.Join(found, " ") != "a/1=2 a/2= a/3=x a/4=x a/5=x a/old=x" {
			t.Errorf("Scan = %q", found)
		}
		l.DeliveredSoFar()
	})
	s.Each(t, "deletes by a nil value", func(t *tester.T) {
		t.Append(tester.With(tester.Message("room", "u1", `"x"`), "a", "1", "b", "1"))
		t.Append(tester.With(tester.Message("room", "u1", `"x"`), "a", nil, "c", nil))
		if found := t.Scan(""); strings.Join(found, " ") != "b=1" {
			t.Errorf("Scan = %q", found)
		}
		t.CheckRecords([]string{"a", "c"}, journal.Record{}, journal.Record{})
	})
	s.Each(t, "writes nothing for a duplicate", func(t *tester.T) {
		e := tester.Keyed("room", "u1", "k", `"x"`)
		first := t.Append(tester.With(e, "a", "1"))
		tester.CheckDuplicate(t, first, t.Append(tester.With(e, "a", "2", "b", "2")))
		t.CheckRecords([]string{"a", "b"}, journal.Record{Value: []byte("1"), Stamp: journal.Stamp{Seq: 1, Count: 1, Position: first.Position}}, journal.Record{})
		var wg sync.WaitGroup
		var originals [8]bool
		for i := range 8 {
			wg.Go(func() {
				r, _ := t.Send(tester.With(tester.Keyed("room", "u1", "at once", `"x"`), fmt.Sprint("c/", i), "x")).Wait()
				originals[i] = r.Seq == 2 && !r.Duplicate
			})
		}
		wg.Wait()
		if found := t.Scan("c/"); len(found) != 1 || !originals[found[0][2]-'0'] {
			t.Errorf("of entries with one key %q were written", found)
		}
	})
	s.Each(t, "lets the last word for a key count", func(t *tester.T) {
		t.Append(tester.With(tester.Message("room", "u1", `"x"`), "a", "1", "b", "1", "a", nil, "b", "2"))
		if found := t.Scan(""); strings.Join(found, " ") != "b=2" {
			t.Errorf("of one entry: %q", found)
		}
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				var sent []tester.Pending
				for i := range 30 {
					// Every third entry deletes what the others write.
					sent = append(sent, t.Send(tester.With(tester.Message("room", fmt.Sprint(g), fmt.Sprint(i)), "a", []any{"x", "x", nil}[(i+g)%3], "last", fmt.Sprint(g, "/", i))))
				}
				tester.Must(sent)
			})
		}
		wg.Wait()
		last := t.Newest("room")
		stamp := journal.Stamp{Seq: 121, Count: 121, Position: last.Position}
		want := []journal.Record{{Value: []byte(last.From.ID + "/" + string(last.Body)), Stamp: stamp}, {Value: []byte("x"), Stamp: stamp}}
		if last.From.ID == "0" || last.From.ID == "3" { // its entry 29 has deleted a
			want[1] = journal.Record{}
		}
		t.CheckRecords([]string{"last", "a"}, want...)
	})
	s.Each(t, "lets the last word count across rooms", func(t *tester.T) {
		for round := range 10 {
			var sent []tester.Pending
			last := map[int]journal.Stamp{} // by part
			for i := range 12 {
				room := fmt.Sprint("room", (12-i)%5)
				sent = append(sent, t.Send(tester.With(tester.Message(room, "u1", `"x"`), fmt.Sprint("of part ", t.J.Part(room)), fmt.Sprint(round, "/", i))))
			}
			for i, p := range sent {
				part := t.J.Part(fmt.Sprint("room", (12-i)%5))
				if r := p.Must(); r.Position > last[part].Position {
					last[part] = journal.Stamp{Seq: r.Seq, Count: r.Count, Position: r.Position}
				}
			}
			for part, stamp := range last {
				if r := t.Records(fmt.Sprint("of part ", part))[0]; r.Stamp != stamp {
					t.Errorf("the last word has the stamp %+v, want %+v", r.Stamp, stamp)
				}
			}
		}
	})
	s.Each(t, "writes the records of one entry at once", func(t *tester.T) {
		stop, wg := make(chan struct{}), sync.WaitGroup{}
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					t.Send(tester.With(tester.Message("room", "u1", `"x"`), "a", fmt.Sprint(i), "z", fmt.Sprint(i))).Must()
				}
			}
		})
		for range 100 {
			if found := t.Scan(""); len(found) == 2 && found[0][1:] != found[1][1:] || len(found) == 1 {
				t.Errorf("Scan = %q", found)
			}
		}
		close(stop)
		wg.Wait()
	})
}
