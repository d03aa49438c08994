// Package succession has the tests of a journal.Successor.
package succession

import (
	"errors"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

// above is a position of the journal whose place is taken.
const above journal.Position = 5_000_000

// successor returns the journal of a test, or skips that.
func successor(t *tester.T) journal.Successor {
	t.Helper()
	j, ok := t.J.(journal.Successor)
	if !ok {
		t.Skip("not a journal.Successor")
	}
	return j
}

func succeed(t *tester.T, fresh string) journal.Successor {
	t.Helper()
	j := successor(t)
	if err := j.Succeed(tester.Background, fresh, above); err != nil {
		t.Fatal("Succeed:", err)
	}
	return j
}

func restoreHead(t *tester.T, room string, h journal.Head) {
	t.Helper()
	if err := successor(t).RestoreHead(tester.Background, room, h); err != nil {
		t.Fatalf("RestoreHead of %q: %v", room, err)
	}
}

// old is the entry of another journal with a number.
func old(room string, seq journal.Seq, count uint64) journal.Entry {
	e := tester.Message(room, "u1", `"old"`)
	e.Seq, e.Count, e.At = seq, count, 1_700_000_000_000+int64(seq)
	return e
}

// Test runs the tests of a journal.Successor.
func Test(t *testing.T, s *tester.Suite) {
	s.Each(t, "goes on in the epoch of another journal, at higher positions", func(t *tester.T) {
		j := succeed(t, "first")
		succeed(t, "other")
		t.Restore([]journal.Entry{old("a", 1, 1), old("a", 2, 2)}, 2, 0)
		r := t.Append(tester.Message("b", "u1", `"new"`))
		if r.Epoch != "other" || r.Position <= above {
			t.Errorf("the first entry of a room gets %+v, want the epoch other and a position above %d", r, above)
		}
		if r := t.Append(tester.Message("a", "u1", `"new"`)); r.Epoch != "other" || r.Seq != 3 || r.Count != 3 {
			t.Errorf("the next entry of a restored room gets %+v", r)
		}
		if err := j.Succeed(tester.Background, "late", above); !errors.Is(err, journal.ErrNotEmpty) {
			t.Errorf("Succeed after an entry: %v, want ErrNotEmpty", err)
		}
		t.CheckRoom("a")
		t.CheckFeed("a", "b")
	})
	s.Each(t, "takes no place where there is a record", func(t *tester.T) {
		j := successor(t)
		t.Put("record", []byte("x"))
		if err := j.Succeed(tester.Background, "other", above); !errors.Is(err, journal.ErrNotEmpty) {
			t.Errorf("Succeed after a record: %v, want ErrNotEmpty", err)
		}
		for _, epoch := range []string{"", ".", ".7", "a.", "a.0", "a.x"} {
			if err := j.Succeed(tester.Background, epoch, above); !errors.Is(err, journal.ErrLimit) {
				t.Errorf("Succeed in the epoch %q: %v, want ErrLimit", epoch, err)
			}
		}
	})
	s.Each(t, "tells the lives of rooms apart", testLives)
	s.Each(t, "goes on behind entries that are gone", testHeads)
	s.Each(t, "refuses heads that no room can have", testBadHeads)
	s.Each(t, "forgets the feed", testFeed)
	s.Each(t, "keeps it", func(t *tester.T) {
		successor(t)
		if t.Suite.Reopen == nil {
			t.Skip("not a durable journal")
		}
		succeed(t, "other.7")
		t.ReopenJournal()
		restoreHead(t, "a", journal.Head{Epoch: "other.3", First: 8, Last: 7, At: 99, Count: 5, Dropped: 5, State: 6})
		before := t.Head("a")
		t.ReopenJournal()
		if after := t.Head("a"); after.Epoch != "other.3" || after.Last != 7 || after.Count != 5 || after.Dropped != 5 || after.State != 6 || after.At != 99 {
			t.Errorf("opened again, the head is %+v, was %+v", after, before)
		}
	})
}

func testLives(t *tester.T) {
	succeed(t, "other.7")
	restoreHead(t, "first", journal.Head{Epoch: "other", First: 1, Last: 1})
	restoreHead(t, "third", journal.Head{Epoch: "other.6", First: 4, Last: 4, Dropped: 3})
	t.Restore([]journal.Entry{old("first", 1, 1)}, 1, 0)
	t.Restore([]journal.Entry{old("third", 4, 4)}, 1, 0)
	restoreHead(t, "third", journal.Head{Epoch: "other.6", First: 1, Last: 9}) // again: it stays as it is
	for room, want := range map[string]string{"first": "other", "third": "other.6"} {
		if h := t.Head(room); h.Epoch != want {
			t.Errorf("the room %s has the epoch %q, want %q", room, h.Epoch, want)
		}
		t.CheckRoom(room)
	}
	if r := t.Append(tester.Message("third", "u1", `"new"`)); r.Epoch != "other.6" || r.Seq != 5 || r.Count != 5 {
		t.Errorf("the next entry gets %+v", r)
	}
	r := t.Append(tester.Message("new", "u1", `"new"`))
	if store, born, ok := journal.CutEpoch(r.Epoch); !ok || store != "other" || born < above {
		t.Errorf("a new room has the epoch %q: a life that began behind all others", r.Epoch)
	}
	err := successor(t).RestoreHead(tester.Background, "third", journal.Head{Epoch: "other", First: 1, Last: 9})
	if !errors.Is(err, journal.ErrLimit) {
		t.Errorf("the head of another life: %v, want ErrLimit", err)
	}
}

func testHeads(t *tester.T) {
	succeed(t, "other")
	restoreHead(t, "gone", journal.Head{Epoch: "other", First: 10, Last: 9, At: 500, Count: 7, Dropped: 7, State: 4})
	restoreHead(t, "cut", journal.Head{Epoch: "other", First: 10, Last: 11, At: 500, Count: 9, Dropped: 7, State: 11})
	restoreHead(t, "cut", journal.Head{Epoch: "other", First: 10, Last: 11, At: 500, Count: 9, Dropped: 7, State: 4})
	member := old("cut", 11, 0)
	member.Kind, member.Count = journal.Member, 0
	t.Restore([]journal.Entry{old("cut", 10, 8), member}, 2, 0)
	if h := t.Head("gone"); h.First != 10 || h.Last != 9 || h.At != 500 || h.Count != 7 || h.Dropped != 7 || h.State != 4 || h.Newest.Seq != 0 {
		t.Errorf("the head of a room without entries is %+v", h)
	}
	if h := t.Head("cut"); h.First != 10 || h.Last != 11 || h.Dropped != 7 || h.State != 11 || h.Newest.Seq != 10 || h.Count != t.Entry("cut", 11).Count {
		t.Errorf("the head of a room with entries is %+v", h)
	}
	since := tester.Message("gone", "u1", `"new"`)
	since.Since = 4
	t.Refused("judged before the newest governing entry", since, journal.ErrStale)
	since.Since = 5
	if r := t.Append(since); r.Seq != 10 || r.Count != 8 || r.At < 500 {
		t.Errorf("the next entry gets %+v", r)
	}
	t.CheckRoom("gone")
	t.CheckRoom("cut")
}

func testBadHeads(t *tester.T) {
	j := succeed(t, "other")
	for name, h := range map[string]journal.Head{
		"without a first entry":  {Epoch: "other"},
		"with too high a number": {Epoch: "other", First: journal.MaxSeq + 2},
		"that lost too much":     {Epoch: "other", First: 3, Dropped: 3},
		"before 1970":            {Epoch: "other", First: 3, Last: 2, At: -1},
		"of another epoch":       {Epoch: "another", First: 3},
		"of no epoch":            {First: 3},
	} {
		if err := j.RestoreHead(tester.Background, "room", h); !errors.Is(err, journal.ErrLimit) {
			t.Errorf("a head %s: %v, want ErrLimit", name, err)
		}
	}
}

func testFeed(t *tester.T) {
	j := succeed(t, "other")
	before := t.Positions()
	t.Restore([]journal.Entry{old("a", 1, 1), old("a", 2, 2)}, 2, 0)
	if err := j.ForgetFeed(tester.Background); err != nil {
		t.Fatal("ForgetFeed:", err)
	}
	for part, now := range t.Positions()[:t.J.Parts()] {
		page, err := t.J.Feed(tester.Background, journal.FeedQuery{Part: part, After: before[part], Limit: 10})
		if err != nil || len(page.Entries) > 0 || page.First != now || page.Next != now || now < above {
			t.Errorf("part %d has %+v, %v, want nothing behind %d", part, page, err, now)
		}
	}
	r := t.Append(tester.Message("a", "u1", `"new"`))
	page, err := t.J.Feed(tester.Background, journal.FeedQuery{Part: t.J.Part("a"), After: r.Position - 1, Limit: 10})
	if err != nil || len(page.Entries) != 1 || page.Entries[0].Seq != 3 || page.First > r.Position {
		t.Errorf("the feed has %+v, %v, want the entry 3 alone", page, err)
	}
}
