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
	s.each(t, "delivers every entry in the order in which it is read", func(t *tester) {
		a, b := t.follow("room"), t.follow("room")
		other := t.follow("other")
		sendFromMany(t, "room", 6, 50).Wait()
		t.appendMany("other", 5)
		record := t.all("room")
		for _, l := range []*roomFollower{a, b} {
			delivered := l.deliveredSoFar()
			if len(delivered) != len(record) {
				t.Fatalf("%d delivered, %d recorded", len(delivered), len(record))
			}
			for i := range delivered {
				t.checkSame("delivered", delivered[i], record[i])
			}
		}
		if delivered := other.deliveredSoFar(); len(delivered) != 5 {
			t.Errorf("to the other room %d were delivered, want 5", len(delivered))
		}
	})
	s.each(t, "begins at any time and has no holes", testFollowAnywhere)
	s.each(t, "stops one follower and not the others", func(t *tester) {
		a, b := t.follow("room"), t.follow("room")
		t.appendMany("room", 3)
		a.wait(3)
		a.stop()
		t.appendMany("room", 2)
		if delivered := b.deliveredSoFar(); len(delivered) != 5 {
			t.Errorf("to the follower that stays %d were delivered, want 5", len(delivered))
		}
		if delivered := a.wait(0); len(delivered) != 3 {
			t.Errorf("to the stopped follower %d were delivered, want 3", len(delivered))
		}
		c := t.follow("room")
		t.appendMany("room", 1)
		if delivered := c.deliveredSoFar(); len(delivered) != 1 || delivered[0].Seq != 6 {
			t.Errorf("to a new follower %+v was delivered, want 6", delivered)
		}
	})
	s.each(t, "returns from stop after the last call of deliver", func(t *tester) {
		// The follower fails the test if deliver is called after stop has returned,
		// or is still running then.
		wg := sendFromMany(t, "room", 4, 100)
		for range 50 {
			l := t.follow("room")
			l.stop()
		}
		wg.Wait()
	})
	s.each(t, "delivers once what is sent twice with one key", func(t *tester) {
		l := t.follow("room")
		for range 5 {
			t.append(keyed("room", "u1", "k", `"x"`))
		}
		if delivered := l.deliveredSoFar(); len(delivered) != 1 {
			t.Errorf("delivered %d, want 1", len(delivered))
		}
	})
	s.each(t, "allows deliver to use the journal", testFollowInside)
	testTransient(t, s)
}

// sendFromMany appends from several goroutines at once. The returned group is done
// when everything is answered.
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
	var followers []*roomFollower
	var from []journal.Seq
	for range 20 {
		// What is appended after Follow has returned must be delivered.
		l := t.follow("room")
		followers = append(followers, l)
		from = append(from, t.append(message("room", "me", `"x"`)).Seq)
	}
	wg.Wait()
	last := t.newest("room").Seq
	for i, l := range followers {
		delivered := l.deliveredSoFar()
		if len(delivered) == 0 || delivered[0].Seq > from[i] {
			t.Fatalf("follower %d did not get %d, appended after Follow", i, from[i])
		}
		t.checkNumbers(delivered, delivered[0].Seq)
		if end := delivered[len(delivered)-1].Seq; end != last {
			t.Errorf("follower %d got entries up to %d, want %d", i, end, last)
		}
	}
}

func testFollowInside(t *tester) {
	var delivered atomic.Int32
	done := make(chan struct{})
	stop, err := t.j.Follow("room", func(e journal.Entry) {
		if delivered.Add(1) > 1 {
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
	t.appendMany("room", 2)
	<-done
	stop()
}

func testTransient(t *testing.T, s *suite) {
	s.each(t, "delivers transient entries in order and does not record them", func(t *tester) {
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
		delivered := l.deliveredSoFar()
		if len(delivered) != len(kinds) {
			t.Fatalf("delivered %d, want %d", len(delivered), len(kinds))
		}
		seq := journal.Seq(0)
		for i, e := range delivered {
			if string(e.Body) != fmt.Sprint(i) || e.Kind != kinds[i] || e.Origin != "s" || e.At == 0 {
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
		if record := t.all("room"); len(record) != 3 {
			t.Errorf("%d are recorded, want 3", len(record))
		}
	})
	s.each(t, "delivers transient entries in an empty room", func(t *tester) {
		l := t.follow("room")
		t.append(journal.Entry{Room: "room", Kind: journal.Signal})
		if delivered := l.wait(1); delivered[0].Kind != journal.Signal {
			t.Errorf("delivered %+v", delivered[0])
		}
		if page := t.read(journal.Query{Room: "room", Limit: 10}); page.Last != 0 || len(page.Entries) != 0 {
			t.Errorf("recorded %+v", page)
		}
	})
}
