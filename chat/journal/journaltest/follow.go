package journaltest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func testFollow(t *testing.T, s *suite) {
	s.each(t, "delivers every entry in the order of the record", func(t *tester) {
		a, b := t.follow("room"), t.follow("room")
		other := t.follow("other")
		sendFromMany(t, "room", 6, 50).Wait()
		t.say("other", 5)
		record := t.all("room")
		for _, l := range []*listener{a, b} {
			heard := l.settled()
			if len(heard) != len(record) {
				t.Fatalf("%d delivered, %d recorded", len(heard), len(record))
			}
			for i := range heard {
				t.checkSame("delivered", heard[i], record[i])
			}
		}
		if heard := other.settled(); len(heard) != 5 {
			t.Errorf("the other room's follower heard %d, want 5", len(heard))
		}
	})
	s.each(t, "begins anywhere, without holes", testFollowAnywhere)
	s.each(t, "ends one follower and not the others", func(t *tester) {
		a, b := t.follow("room"), t.follow("room")
		t.say("room", 3)
		a.wait(3)
		a.stop()
		t.say("room", 2)
		if heard := b.settled(); len(heard) != 5 {
			t.Errorf("the one left heard %d, want 5", len(heard))
		}
		if heard := a.wait(0); len(heard) != 3 {
			t.Errorf("the one stopped heard %d, want 3", len(heard))
		}
		c := t.follow("room")
		t.say("room", 1)
		if heard := c.settled(); len(heard) != 1 || heard[0].Seq != 6 {
			t.Errorf("a new one heard %+v, want 6", heard)
		}
	})
	s.each(t, "returns from stop after the last call", func(t *tester) {
		// The listener fails the test if it is called, or being called, after
		// stop has returned.
		wg := sendFromMany(t, "room", 4, 100)
		for range 50 {
			l := t.follow("room")
			l.stop()
		}
		wg.Wait()
	})
	s.each(t, "doesn't deliver twice what is sent twice", func(t *tester) {
		l := t.follow("room")
		for range 5 {
			t.append(keyed("room", "u1", "k", `"x"`))
		}
		if heard := l.settled(); len(heard) != 1 {
			t.Errorf("heard %d, want 1", len(heard))
		}
	})
	s.each(t, "lets deliver use the journal", testFollowInside)
	testTransient(t, s)
}

// sendFromMany sends from several goroutines at once; all is answered once the
// group is done.
func sendFromMany(t *tester, room string, goroutines, each int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			var sent []pending
			for i := range each {
				sent = append(sent, t.send(message(room, fmt.Sprint(g), fmt.Sprint(i))))
			}
			for _, p := range sent {
				if _, err := p.wait(); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	return &wg
}

func testFollowAnywhere(t *tester) {
	wg := sendFromMany(t, "room", 4, 100)
	var listeners []*listener
	var from []journal.Seq
	for range 20 {
		// All that is recorded when Follow returns has been appended before it;
		// what comes later must be heard.
		l := t.follow("room")
		listeners = append(listeners, l)
		from = append(from, t.append(message("room", "me", `"x"`)).Seq)
	}
	wg.Wait()
	last := t.newest("room").Seq
	for i, l := range listeners {
		heard := l.settled()
		if len(heard) == 0 || heard[0].Seq > from[i] {
			t.Fatalf("follower %d didn't hear %d, appended after Follow", i, from[i])
		}
		t.checkNumbers(heard, heard[0].Seq)
		if end := heard[len(heard)-1].Seq; end != last {
			t.Errorf("follower %d heard up to %d, want %d", i, end, last)
		}
	}
}

func testFollowInside(t *tester) {
	var heard atomic.Int32
	done := make(chan struct{})
	stop, err := t.j.Follow("room", func(e journal.Entry) {
		if heard.Add(1) > 1 {
			return
		}
		if _, err := t.j.Read(context.Background(), journal.Query{Room: "room", Limit: 10}); err != nil {
			t.Errorf("Read inside deliver: %v", err)
		}
		stop, err := t.j.Follow("other", func(journal.Entry) {})
		if err != nil {
			t.Errorf("Follow inside deliver: %v", err)
			return
		}
		stop()
		close(done)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.say("room", 2)
	<-done
	stop()
}

func testTransient(t *testing.T, s *suite) {
	s.each(t, "passes transient entries on in order and doesn't record them", func(t *tester) {
		l := t.follow("room")
		kinds := []journal.Kind{journal.Message, journal.Signal, journal.Binary, journal.Message, journal.Signal, journal.Notice, journal.Binary}
		var sent []pending
		for i, kind := range kinds {
			sent = append(sent, t.send(journal.Entry{Room: "room", Kind: kind, From: journal.User{ID: "u1"}, Body: fmt.Append(nil, i), Origin: "s"}))
		}
		var at int64
		for i, p := range sent {
			r := p.must()
			if !kinds[i].Recorded() && r != (journal.Receipt{At: r.At}) || r.At < at {
				t.Errorf("receipt of a %d after %d: %+v", kinds[i], at, r)
			}
			at = r.At
		}
		heard := l.settled()
		if len(heard) != len(kinds) {
			t.Fatalf("heard %d, want %d", len(heard), len(kinds))
		}
		seq := journal.Seq(0)
		for i, e := range heard {
			if string(e.Body) != fmt.Sprint(i) || e.Kind != kinds[i] || e.Origin != "s" || e.At == 0 {
				t.Errorf("heard %+v as number %d", e, i)
			}
			if !e.Kind.Recorded() && e.Seq != 0 {
				t.Errorf("a transient entry got the number %d", e.Seq)
			}
			if e.Kind.Recorded() {
				if seq++; e.Seq != seq {
					t.Errorf("heard %d, want %d", e.Seq, seq)
				}
			}
		}
		if record := t.all("room"); len(record) != 3 {
			t.Errorf("%d are recorded, want 3", len(record))
		}
	})
	s.each(t, "passes transient entries on in an empty room", func(t *tester) {
		l := t.follow("room")
		t.append(journal.Entry{Room: "room", Kind: journal.Signal})
		if heard := l.wait(1); heard[0].Kind != journal.Signal {
			t.Errorf("heard %+v", heard[0])
		}
		if page := t.read(journal.Query{Room: "room", Limit: 10}); page.Last != 0 || len(page.Entries) != 0 {
			t.Errorf("recorded %+v", page)
		}
	})
}
