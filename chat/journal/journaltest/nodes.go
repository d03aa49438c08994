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

func testNodes(t *testing.T, s *tester.Suite) {
	s.Each(t, "are one, which is new after each start", func(t *tester.T) {
		self := t.J.Nodes().Self()
		if list := t.Nodes(); len(list) != 1 || list[0] != self || self.ID == "" {
			t.Errorf("this node is %+v, the list is %+v", self, list)
		}
		if other := s.Tester(t.T, s.Open(t.T)).J.Nodes().Self(); other.ID == self.ID {
			t.Errorf("two nodes have the ID %q", self.ID)
		}
		if s.Reopen != nil {
			t.ReopenJournal()
			if t.J.Nodes().Self().ID == self.ID {
				t.Error("after it was opened again, the node has the same ID")
			}
		}
	})
	s.Each(t, "describe themselves and tell whoever watches", func(t *tester.T) {
		w, other := t.WatchNodes(), t.WatchNodes()
		self := t.J.Nodes().Self()
		for i := range 3 {
			self.Version, self.Config = fmt.Sprint("v", i), fmt.Sprint("c", i)
			if err := t.J.Nodes().Describe(tester.Background, self.Version, self.Config); err != nil {
				t.Fatal(err)
			}
			if list := t.Nodes(); !slices.Equal(list, []journal.Node{self}) || t.J.Nodes().Self() != self {
				t.Errorf("described as %+v: %+v, %+v", self, list, t.J.Nodes().Self())
			}
			w.UntilNewest(self)
			if i == 0 {
				other.Stop() // it fails the test if it is called afterwards
			}
		}
		if first := w.Wait(1)[0]; len(first) != 1 || first[0].Version != "" {
			t.Errorf("the first call was %+v", first)
		}
	})
}

func testTwoNodes(t *testing.T, s *tester.Suite) {
	if s.Nodes == nil {
		t.Skip("one journal uses a store")
	}
	// Each test appends on a and looks at it on b, or uses both at once.
	both := func(name string, test func(a, b *tester.T)) {
		t.Run(name, func(t *testing.T) {
			open := s.Nodes(t)
			test(s.Tester(t, open(t)), s.Tester(t, open(t)))
		})
	}
	both("follow one order", func(a, b *tester.T) {
		first := tester.SendFromMany(a, "room", 2, 30)
		followers := []*tester.RoomFollower{a.Follow("room"), b.Follow("room"), b.NewFollower("room").Begin(0)}
		second := tester.SendFromMany(b, "room", 3, 50)
		first.Wait()
		second.Wait()
		record := a.All("room")
		a.CheckNumbers(record, 1)
		for _, l := range followers {
			got := l.Until(tester.UpTo(210))
			for i, e := range got {
				a.CheckSame("delivered", e, record[int(got[0].Seq)-1+i])
			}
		}
		a.CheckRoom("room")
		b.CheckRoom("room")
	})
	both("show an entry as soon as the other gives its receipt", func(a, b *tester.T) {
		for i := range 50 {
			x, y := a, b
			if i%2 == 0 {
				x, y = b, a
			}
			r := x.Append(tester.With(tester.Message("room", "u1", `"x"`), "a", fmt.Sprint(i)))
			if h := y.Head("room"); h.Last != r.Seq || h.Position != r.Position || h.Epoch != r.Epoch || y.Newest("room").Seq != r.Seq {
				y.Fatalf("receipt %+v, head %+v", r, h)
			}
			y.CheckRecords([]string{"a"}, journal.Record{Value: fmt.Append(nil, i), Stamp: journal.Stamp{Seq: r.Seq, Count: r.Count, Position: r.Position}})
		}
	})
	both("record once what both send with one key", func(a, b *tester.T) {
		for round := range 20 {
			tester.CheckAtOnce(fmt.Sprint("k", round), a, b)
		}
		if n := len(b.All("room")); n != 20 {
			b.Errorf("%d entries, want 20", n)
		}
		tester.CheckDuplicate(b, a.Append(tester.Keyed("room", "u1", "k", `"x"`)), b.Find("room", "u1", "k"))
	})
	both("keep what was answered when one of them closes", func(a, b *tester.T) {
		var sent []tester.Pending
		for i := range 300 {
			sent = append(sent, a.Send(tester.Message("room", "u1", fmt.Sprint(i))))
		}
		a.Close()
		said := map[string]bool{}
		for _, e := range b.All("room") {
			said[string(e.Body)] = true
		}
		for i, p := range sent {
			if r, err := p.Answered(); said[fmt.Sprint(i)] != (err == nil) && !errors.Is(err, journal.ErrUncertain) {
				b.Errorf("the answer to %d was %+v, %v, recorded: %v", i, r, err, said[fmt.Sprint(i)])
			}
		}
		b.Append(tester.Message("room", "u1", `"x"`))
		b.CheckRoom("room")
	})
	both("erase and edit what the other has recorded", func(a, b *tester.T) {
		l := b.Follow("room")
		a.AppendMany("room", 2)
		a.Append(tester.Edit("room", "u1", 2, `"edited"`))
		a.Append(tester.Recall("room", "u1", 1))
		if e := b.Entry("room", 1); !e.Recalled || len(e.Body) > 0 {
			b.Errorf("entry 1 is %+v", e)
		}
		if e := b.Entry("room", 2); e.Edited != 3 || string(e.Body) != `"edited"` {
			b.Errorf("entry 2 is %+v", e)
		}
		b.Refused("an edit", tester.Edit("room", "u1", 1, `"x"`), journal.ErrNoTarget)
		b.Append(tester.Recall("room", "u1", 2))
		for _, e := range a.All("room") {
			if len(e.Body) > 0 {
				a.Errorf("entry %d is %+v", e.Seq, e)
			}
		}
		if got := l.DeliveredSoFar(); len(got) != 5 || string(got[2].Body) != `"edited"` {
			b.Errorf("delivered %+v", got)
		}
	})
	both("keep guarded entries in front of what they did not know", func(a, b *tester.T) { guardRooms(a, b) })
	both("update records exactly", func(a, b *tester.T) {
		watchers := []*tester.Watcher{a.Watch("counter"), b.Watch("")}
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for range 3 {
					[]*tester.T{a, b}[i%2].Update("counter", tester.Increment)
				}
			})
		}
		wg.Wait()
		a.CheckRecord("counter", "192")
		b.CheckRecord("counter", "192")
		for _, w := range watchers {
			checkRising(w, map[string]int{"counter": 192})
		}
		if p := b.Positions(); p[len(p)-1] < b.Records("counter")[0].Stamp.Position {
			b.Errorf("Positions has %d, the counter %+v", p, b.Records("counter")[0].Stamp)
		}
	})
	both("watch what the other changes", func(a, b *tester.T) {
		a.Put("k/1", []byte("1"))
		w := b.Watch("k/")
		a.Put("k/1", []byte("2"))
		a.Put("other", []byte("x"))
		a.Update("k/2", tester.Increment)
		a.Put("k/1", nil)
		b.Put("k/2", []byte("3"))
		if got := strings.Join(tester.Changes(w.Wait(5)), " "); got != "k/1=1 k/1=2 k/2=1 k/1 deleted k/2=3" {
			b.Errorf("told %s", got)
		}
	})
	both("have one feed", func(a, b *tester.T) {
		wg, other := tester.SendFromMany(a, "a", 2, 60), tester.SendFromMany(b, "b", 2, 60)
		for _, t := range []*tester.T{a, b, b} {
			followers := t.FollowParts()
			f := t.Feed()
			defer f.CheckJoined(followers)
		}
		wg.Wait()
		other.Wait()
		a.CheckFeed("a", "b")
		b.CheckFeed("a", "b")
	})
	both("deliver transient entries behind what was sent before, with their origin", func(a, b *tester.T) {
		l := b.Follow("room")
		origin := journal.Origin{Node: a.J.Nodes().Self().ID, Session: "s"}
		for i := range 60 {
			e := tester.Message("room", "u1", fmt.Sprint(i))
			if e.Origin = origin; i%3 > 0 {
				e.Kind = journal.Signal
			}
			a.Send(e)
		}
		a.Append(tester.Message("room", "u1", "60"))
		for i, e := range l.Wait(61)[:60] {
			if string(e.Body) != fmt.Sprint(i) || e.Origin != origin || e.Kind.Recorded() != (i%3 == 0) {
				b.Errorf("as number %d, %+v was delivered", i, e)
			}
		}
	})
	both("forget a room together", func(a, b *tester.T) {
		a.Append(tester.Keyed("room", "u1", "k", `"x"`))
		old := b.Head("room").Epoch
		a.Trim("room", journal.All)
		r := b.Append(tester.Keyed("room", "u1", "k", `"x"`))
		if r.Seq != 1 || r.Duplicate || r.Epoch == old || a.Head("room").Epoch != r.Epoch {
			b.Errorf("the next life begins with %+v, on the other node it is %+v", r, a.Head("room"))
		}
		a.Trim("room", 2)
		if h := b.Head("room"); h.First != 2 || h.Last != 1 {
			b.Errorf("after Trim the head is %+v", h)
		}
	})
	both("know each other", func(a, b *tester.T) {
		w, self, other := a.WatchNodes(), a.J.Nodes().Self(), b.J.Nodes().Self()
		w.UntilNewest(self, other)
		if list := b.Nodes(); len(list) != 2 || self.ID == other.ID {
			b.Errorf("the nodes are %+v", list)
		}
		if err := b.J.Nodes().Describe(tester.Background, "v2", "c2"); err != nil {
			b.Fatal(err)
		}
		other.Version, other.Config = "v2", "c2"
		w.UntilNewest(self, other)
		b.Close()
		w.UntilNewest(self)
		if list := a.Nodes(); !slices.Equal(list, []journal.Node{self}) {
			a.Errorf("after one has closed, the nodes are %+v", list)
		}
	})
}

// testRollback has a store lose what was recorded and shown.
func testRollback(t *testing.T, s *tester.Suite) {
	if s.Rollback == nil {
		t.Skip("no store that can be rolled back")
	}
	s.Each(t, "ends every following with Lost and begins another epoch", func(t *tester.T) {
		t.AppendMany("room", 3)
		l, feed := t.NewFollower("room"), t.FollowFeed(t.J.Part("room"), tester.EveryRoom)
		l.MayLose, feed.MayLose = true, true
		l.Begin(0).Wait(3)
		s.Rollback(t.T, t.J, func() {
			t.AppendMany("room", 2)
			l.Wait(5)
			feed.Wait(2)
		})
		lost, ofFeed := l.UntilLost(), feed.UntilLost()
		again := t.Follow("room")
		r := t.Append(tester.Message("room", "u1", `"x"`))
		if lost.Epoch == l.Start.Epoch || lost.Epoch != "" && lost.Epoch != r.Epoch || lost.Why == nil || ofFeed.Why == nil {
			t.Errorf("%+v and %+v were lost, the next entry is %+v", lost, ofFeed, r)
		}
		if got := again.Wait(1); r.Epoch == l.Start.Epoch || r.Epoch != again.Start.Epoch || got[0].Seq != r.Seq {
			t.Errorf("a new follower began with %+v and got %+v, the next entry is %+v", again.Start, got, r)
		}
		t.CheckRoom("room")
	})
}
