package journaltest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testFollow(t *testing.T, s *tester.Suite) {
	s.Each(t, "delivers every entry in the order in which it is read", func(t *tester.T) {
		a, b := t.Follow("room"), t.Follow("room")
		other := t.Follow("other")
		tester.SendFromMany(t, "room", 6, 50).Wait()
		t.AppendMany("other", 5)
		record := t.All("room")
		for _, l := range []*tester.RoomFollower{a, b} {
			delivered := l.DeliveredSoFar()
			if len(delivered) != len(record) {
				t.Fatalf("%d delivered, %d recorded", len(delivered), len(record))
			}
			for i := range delivered {
				t.CheckSame("delivered", delivered[i], record[i])
			}
		}
		if delivered := other.DeliveredSoFar(); len(delivered) != 5 {
			t.Errorf("to the other room %d were delivered, want 5", len(delivered))
		}
	})
	s.Each(t, "begins behind any number", testFollowBehind)
	s.Each(t, "begins at any time and has no holes", testFollowAnywhere)
	s.Each(t, "catches up while others append, without a hole or a repetition", func(t *tester.T) {
		t.AppendMany("room", 700)
		wg := tester.SendFromMany(t, "room", 4, 100)
		for i := range 12 {
			after := journal.Seq(i * 60)
			if i%3 == 2 { // it joins a page that was read before
				after = t.Read(journal.Query{Room: "room"}).Last
			}
			l := t.NewFollower("room").Begin(after)
			if l.Start.Last < 700 {
				t.Errorf("Start.Last is %d", l.Start.Last)
			}
			if i%4 == 3 { // stop while it catches up
				t.NewFollower("room").Begin(0).Stop()
			}
			defer func() { t.CheckNumbers(l.Until(tester.UpTo(1101)), after+1) }()
		}
		wg.Wait()
		t.AppendMany("room", 1)
	})
	s.Each(t, "shows a hole where entries have been removed", func(t *tester.T) {
		t.AppendMany("room", 10)
		t.Append(tester.Recall("room", "u1", 8))
		t.Append(tester.Edit("room", "u1", 9, `"edited"`))
		t.Trim("room", 6)
		got, kept := t.NewFollower("room").Begin(3).Until(tester.UpTo(12)), t.All("room")
		if len(got) != len(kept) {
			t.Fatalf("%d were delivered, %d are kept", len(got), len(kept))
		}
		for i := range kept {
			t.CheckSame("delivered", got[i], kept[i])
		}
	})
	s.Each(t, "may be stopped again and by several at once", func(t *tester.T) {
		wg := tester.SendFromMany(t, "room", 2, 50)
		for range 20 {
			l := t.Follow("room")
			var stops sync.WaitGroup
			stops.Go(l.Start.Stop)
			stops.Go(l.Stop)
			stops.Wait()
			l.Start.Stop()
		}
		wg.Wait()
	})
	s.Each(t, "stops one follower and not the others", func(t *tester.T) {
		a, b := t.Follow("room"), t.Follow("room")
		t.AppendMany("room", 3)
		a.Wait(3)
		a.Stop()
		t.AppendMany("room", 2)
		if delivered := b.DeliveredSoFar(); len(delivered) != 5 {
			t.Errorf("to the follower that stays %d were delivered, want 5", len(delivered))
		}
		if delivered := a.Wait(0); len(delivered) != 3 {
			t.Errorf("to the stopped follower %d were delivered, want 3", len(delivered))
		}
		c := t.Follow("room")
		t.AppendMany("room", 1)
		if delivered := c.DeliveredSoFar(); len(delivered) != 1 || delivered[0].Seq != 6 {
			t.Errorf("to a new follower %+v was delivered, want 6", delivered)
		}
	})
	s.Each(t, "returns from Stop after the last call of Deliver", func(t *tester.T) {
		// The follower fails the test if Deliver is called after Stop has returned,
		// or is still running then.
		wg := tester.SendFromMany(t, "room", 4, 100)
		for range 50 {
			l := t.Follow("room")
			l.Stop()
		}
		wg.Wait()
	})
	s.Each(t, "delivers once what is sent twice with one key", func(t *tester.T) {
		l := t.Follow("room")
		for range 5 {
			t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		}
		if delivered := l.DeliveredSoFar(); len(delivered) != 1 {
			t.Errorf("delivered %d, want 1", len(delivered))
		}
	})
	s.Each(t, "allows Deliver to use the journal", testFollowInside)
	testTransient(t, s)
}

func testFollowAnywhere(t *tester.T) {
	wg := tester.SendFromMany(t, "room", 4, 100)
	var followers []*tester.RoomFollower
	var from []journal.Seq
	for range 20 {
		// What is appended after Follow has returned must be delivered.
		l := t.Follow("room")
		followers = append(followers, l)
		from = append(from, t.Append(tester.Message("room", "me", `"x"`)).Seq)
	}
	wg.Wait()
	last := t.Newest("room").Seq
	for i, l := range followers {
		delivered := l.DeliveredSoFar()
		if len(delivered) == 0 || delivered[0].Seq > from[i] {
			t.Fatalf("follower %d did not get %d, appended after Follow", i, from[i])
		}
		t.CheckNumbers(delivered, delivered[0].Seq)
		if end := delivered[len(delivered)-1].Seq; end != last {
			t.Errorf("follower %d got entries up to %d, want %d", i, end, last)
		}
	}
}

func testFollowBehind(t *tester.T) {
	empty := t.Follow("room")
	if empty.Start.Last != 0 || empty.Start.Epoch == "" {
		t.Errorf("an empty room: %+v", empty.Start)
	}
	t.AppendMany("room", 5)
	for after, first := range map[journal.Seq]journal.Seq{0: 1, 1: 2, 4: 5, 5: 6, 6: 6, 1 << 52: 6, journal.Newest: 6} {
		l := t.NewFollower("room").Begin(after)
		if l.Start.Last != 5 || l.Start.Epoch != empty.Start.Epoch {
			t.Errorf("behind %d: %+v, the empty room had the epoch %q", after, l.Start, empty.Start.Epoch)
		}
		defer func() {
			got := l.Until(tester.UpTo(7))
			if t.CheckNumbers(got, first); len(got) != int(8-first) {
				t.Errorf("behind %d: %d were delivered, want %d to 7", after, len(got), first)
			}
			l.Stop()
		}()
	}
	if r := t.Append(tester.Message("room", "u1", `"6"`)); r.Epoch != empty.Start.Epoch {
		t.Errorf("the epoch is %q in the receipt", r.Epoch)
	}
	t.Append(tester.Message("room", "u1", `"7"`))
}

func testFollowInside(t *tester.T) {
	var delivered atomic.Int32
	done := make(chan struct{})
	l := t.NewFollower("room")
	l.Inside = func(journal.Entry) {
		if delivered.Add(1) > 1 {
			return
		}
		if _, err := t.J.Read(tester.Background, journal.Query{Room: "room", Limit: 10}); err != nil {
			t.Errorf("Read inside Deliver: %v", err)
		}
		other, err := t.J.Follow("other", journal.Newest, t.NewFollower("other"))
		if err != nil {
			t.Errorf("Follow inside Deliver: %v", err)
			return
		}
		other.Stop()
		t.J.Append(tester.Background, tester.Message("other", "u1", "1"), func(_ journal.Receipt, err error) {
			if err != nil {
				t.Errorf("Append inside Deliver: %v", err)
			}
			close(done)
		})
	}
	l.Begin(journal.Newest)
	t.AppendMany("room", 2)
	<-done
}

func testTransient(t *testing.T, s *tester.Suite) {
	s.Each(t, "delivers transient entries in order and does not record them", func(t *tester.T) {
		l := t.Follow("room")
		kinds := []journal.Kind{journal.Message, journal.Signal, journal.Binary, journal.Message, journal.Signal, journal.Notice, journal.Binary}
		var sent []tester.Pending
		for i, kind := range kinds {
			sent = append(sent, t.Send(journal.Entry{Room: "room", Kind: kind, From: journal.User{ID: "u1"}, Body: fmt.Append(nil, i), Origin: journal.Origin{Session: "s"}}))
		}
		var at int64
		for i, p := range sent {
			r := p.Must()
			if !kinds[i].Recorded() && r != (journal.Receipt{At: r.At}) || r.At < at {
				t.Errorf("receipt of a %d after %d: %+v", kinds[i], at, r)
			}
			at = r.At
		}
		delivered := l.DeliveredSoFar()
		if len(delivered) != len(kinds) {
			t.Fatalf("delivered %d, want %d", len(delivered), len(kinds))
		}
		seq := journal.Seq(0)
		for i, e := range delivered {
			if string(e.Body) != fmt.Sprint(i) || e.Kind != kinds[i] || e.Origin.Session != "s" || e.At == 0 {
				t.Errorf("delivered %+v as number %d", e, i)
			}
			if !e.Kind.Recorded() && e.Seq != 0 {
				t.Errorf("a transient entry got the number %d", e.Seq)
			}
			if e.Kind.Recorded() {
				if seq++; e.Seq != seq {
					t.Errorf("delivered %d, want %d", e.Seq, seq)
				}
			}
		}
		if record := t.All("room"); len(record) != 3 {
			t.Errorf("%d are recorded, want 3", len(record))
		}
	})
	s.Each(t, "delivers transient entries with whatever key", func(t *tester.T) {
		l := t.Follow("room")
		for i, e := range []journal.Entry{tester.Keyed("room", "u1", "k", "0"), tester.Keyed("room", "u1", "k", "1"), tester.Keyed("room", "u1", "l", "2"), tester.Keyed("room", "u1", "l", "3")} {
			if i == 1 || i == 2 {
				e.Kind = journal.Signal
			}
			if r := t.Append(e); r.Duplicate || (r.Seq > 0) != e.Kind.Recorded() {
				t.Errorf("receipt %d: %+v", i, r)
			}
		}
		if n := len(l.DeliveredSoFar()); n != 4 {
			t.Errorf("delivered %d, want 4", n)
		}
	})
	s.Each(t, "delivers transient entries in an empty room", func(t *tester.T) {
		l := t.Follow("room")
		t.Append(journal.Entry{Room: "room", Kind: journal.Signal})
		if delivered := l.Wait(1); delivered[0].Kind != journal.Signal {
			t.Errorf("delivered %+v", delivered[0])
		}
		if page := t.Read(journal.Query{Room: "room", Limit: 10}); page.Last != 0 || len(page.Entries) != 0 {
			t.Errorf("recorded %+v", page)
		}
	})
}
