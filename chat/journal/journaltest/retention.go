package journaltest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testRetention(t *testing.T, s *tester.Suite) {
	if s.Retain == nil {
		t.Skip("no retention")
	}
	keeping := func(name string, keep journal.Retention, test func(t *tester.T)) {
		t.Run(name, func(t *testing.T) {
			j := s.Retain(t, func(room string) journal.Retention {
				if room == "all" {
					return journal.Retention{}
				}
				return keep
			})
			test(s.Tester(t, j))
		})
	}
	keeping("keeps the newest entries by count", journal.Retention{Count: 10}, func(t *tester.T) {
		t.AppendMany("all", 100)
		t.AppendMany("room", 100)
		t.Enforce()
		checkKept(t, "room", 91, 100)
		checkKept(t, "all", 1, 100)
		t.AppendMany("room", 5)
		t.Enforce()
		checkKept(t, "room", 96, 105)
	})
	keeping("keeps the newest entries by bytes", journal.Retention{Bytes: 100_000}, func(t *tester.T) {
		big := strings.Repeat("x", 10_000)
		for range 50 {
			t.Send(tester.Message("all", "u1", big))
			t.Send(tester.Message("room", "u1", big))
		}
		t.Append(tester.Message("room", "u1", big))
		t.Enforce()
		if n := len(t.All("room")); n < 5 || n > 10 {
			t.Errorf("%d entries of 10 kB are kept in 100 kB", n)
		}
		if n := len(t.All("all")); n != 50 {
			t.Errorf("%d entries are kept of 50", n)
		}
	})
	keeping("keeps Events whatever is kept of other rooms", journal.Retention{Count: 1}, func(t *tester.T) {
		t.AppendMany("@hub-7", 20)
		t.Enforce()
		checkKept(t, "@hub-7", 1, 20)
	})
	keeping("deletes entries by age", journal.Retention{Age: time.Nanosecond}, testAge)
	keeping("never gives a number twice", journal.Retention{Age: time.Nanosecond}, func(t *tester.T) {
		for i := range 5 {
			r := t.Append(tester.Message("room", "u1", `"x"`))
			if r.Seq != journal.Seq(i+1) {
				t.Fatalf("receipt %+v, want %d", r, i+1)
			}
			waitUntilOlder(t, r)
			checkGone(t, "room", r.Seq)
			if t.Suite.Reopen != nil {
				t.ReopenJournal()
				checkGone(t, "room", r.Seq)
			}
		}
	})
	keeping("keeps the key of a deleted entry", journal.Retention{Count: 1}, func(t *tester.T) {
		first := t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		t.AppendMany("room", 10)
		t.Enforce()
		checkKept(t, "room", 11, 11)
		first.Count, first.Position = 0, 0 // they went with the entry
		tester.CheckDuplicate(t, first, t.Append(tester.Keyed("room", "u1", "k", `"x"`)))
		t.Append(tester.Recall("room", "u1", first.Seq)) // its target has gone: no error
	})
	keeping("counts the age of restored entries from their own time", journal.Retention{Age: time.Hour}, func(t *tester.T) {
		if _, ok := t.J.(journal.Restorer); !ok {
			t.Skip("not a journal.Restorer")
		}
		old := recorded("room", 5, 3)
		old[0].At -= time.Hour.Milliseconds()
		t.Restore(old, 3, 0)
		t.Enforce()
		checkKept(t, "room", 6, 7)
		t.Restore(old, 0, 3) // known, although it has gone
	})
	keeping("leaves pages without holes", journal.Retention{Count: 7}, func(t *tester.T) {
		t.AppendMany("room", 40)
		t.Enforce()
		tester.CheckPages(t, "room", t.All("room"))
		t.CheckRoom("room")
		t.CheckFeed("room", "all")
	})
	keeping("works while entries are appended and read", journal.Retention{Count: 5}, func(t *tester.T) {
		wg := tester.SendFromMany(t, "room", 4, 100)
		l := t.Follow("room")
		for range 100 {
			page := t.Read(journal.Query{Room: "room", Limit: 3})
			t.CheckNumbers(page.Entries, page.First)
			page = t.Read(journal.Query{Room: "room", Backward: true, Limit: 3})
			t.CheckNumbers(page.Entries, page.Last+1-journal.Seq(len(page.Entries)))
			t.Enforce()
		}
		wg.Wait()
		delivered := l.DeliveredSoFar()
		if len(delivered) > 0 {
			t.CheckNumbers(delivered, delivered[0].Seq)
		}
	})
}

func testAge(t *tester.T) {
	t.AppendMany("all", 3)
	r := t.Append(tester.Message("room", "u1", `"old"`))
	waitUntilOlder(t, r)
	checkGone(t, "room", r.Seq)
	if n := len(t.All("all")); n != 3 {
		t.Errorf("%d entries are kept of 3", n)
	}
}

func testTrim(t *testing.T, s *tester.Suite) {
	s.Each(t, "forgets entries and gives no number again", func(t *tester.T) {
		for i, c := range []struct{ below, first journal.Seq }{{0, 1}, {1, 1}, {5, 5}, {3, 5}, {11, 11}, {1 << 52, 11}} {
			room, key := fmt.Sprint("room", i), "k"
			first := t.Append(tester.With(tester.Keyed(room, "u1", key, `"x"`), room, "x"))
			t.AppendMany(room, 9)
			if i == 3 {
				t.Trim(room, 5) // a lower bound brings nothing back
			}
			l := t.Follow(room)
			t.Trim(room, c.below)
			if page := t.Read(journal.Query{Room: room}); page.First != c.first || page.Last != 10 || page.Count != 10 || page.Dropped != uint64(c.first-1) {
				t.Errorf("trimmed below %d: %+v", c.below, page)
			}
			t.CheckRoom(room)
			if c.first > 1 {
				first.Count, first.Position = 0, 0 // they went with the entry
			}
			tester.CheckDuplicate(t, first, t.Append(tester.Keyed(room, "u1", key, `"x"`)))
			if r := t.Append(tester.Message(room, "u1", `"x"`)); r.Seq != 11 || r.Count != 11 || r.Epoch != first.Epoch {
				t.Errorf("trimmed below %d, the next one: %+v", c.below, r)
			}
			if got := l.DeliveredSoFar(); len(got) != 1 || got[0].Seq != 11 {
				t.Errorf("trimmed below %d: %+v was delivered", c.below, got)
			}
			t.CheckRecord(room, "x") // records are not the room's
			t.CheckFeed(room)
		}
		t.Trim("nobody", 5)
		if h := t.Head("nobody"); h.Last != 0 {
			t.Errorf("a room without entries: %+v", h)
		}
	})
	s.Each(t, "of all lets a room begin again", func(t *tester.T) {
		other := t.Append(tester.Message("other", "u1", `"x"`))
		epochs := map[string]bool{other.Epoch: true} // that of the store, which is that of the first life
		for life := range 3 {
			if h := t.Head("room"); !tester.SameHead(h, journal.Head{}) || t.Find("room", "u1", "k").Seq != 0 {
				t.Errorf("life %d begins with %+v", life, h)
			}
			t.CheckRoom("room")
			l := t.NewFollower("room").Begin(2)
			r := t.Append(tester.Since(tester.Keyed("room", "u1", "k", `"x"`), 1))
			t.Append(tester.Governing("room", journal.Member))
			if r.Seq != 1 || r.Count != 1 || r.Duplicate || r.Epoch != l.Start.Epoch || epochs[r.Epoch] != (life == 0) {
				t.Errorf("life %d: %+v, the follower began with %+v", life, r, l.Start)
			}
			epochs[r.Epoch] = true
			t.AppendMany("room", 3)
			if page := t.Read(journal.Query{Room: "room", Limit: 1}); page.Epoch != r.Epoch {
				t.Errorf("life %d: the page has the epoch %q, the receipt %q", life, page.Epoch, r.Epoch)
			}
			t.CheckRoom("room")
			if got := l.DeliveredSoFar(); len(got) != 5 {
				t.Errorf("life %d: %d were delivered", life, len(got))
			}
			l.Stop()
			t.Trim("room", journal.All)
		}
		// Whoever follows a room before its first entry knows its epoch, whatever happens.
		for _, room := range []string{"room", "new"} {
			l := t.Follow(room)
			if r := t.Append(tester.Message("other", "u1", `"x"`)); r.Epoch != other.Epoch || r.Duplicate {
				t.Errorf("another room: %+v", r)
			}
			t.Append(tester.Message("before "+room, "u1", `"x"`))
			t.Trim("before "+room, journal.All)
			if r := t.Append(tester.Message(room, "u1", `"x"`)); r.Epoch != l.Start.Epoch || r.Seq != 1 || room == "room" && epochs[r.Epoch] {
				t.Errorf("the follower began with %+v, the first entry is %+v", l.Start, r)
			}
		}
	})
	s.Each(t, "of all keeps the head of a room that somebody follows", func(t *tester.T) {
		l := t.Follow("room")
		first := t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		t.Append(tester.Governing("room", journal.Member))
		t.Trim("room", journal.All)
		h := t.Head("room")
		if h.First != 3 || h.Last != 2 || h.Count != 1 || h.Dropped != 1 || h.State != 2 || h.Epoch != first.Epoch {
			t.Errorf("the head is %+v", h)
		}
		t.CheckRoom("room")
		again := t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		if again.Seq != 3 || again.Duplicate || again.Epoch != first.Epoch {
			t.Errorf("with the key of a forgotten entry: %+v", again)
		}
		t.CheckNumbers(l.DeliveredSoFar(), 1)
		t.CheckFeed("room")
	})
	s.Each(t, "may be called by several at once", func(t *tester.T) {
		for round := range 10 {
			room := fmt.Sprint("room", round)
			t.AppendMany(room, 50)
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() { t.Trim(room, journal.Seq(5+8*i)) })
			}
			if wg.Wait(); t.Head(room).First != 45 {
				t.Errorf("trimmed below 5 to 45, the first one is %d", t.Head(room).First)
			}
			t.CheckRoom(room)
		}
	})
	s.Each(t, "may be called while others append", func(t *tester.T) {
		var mu sync.Mutex
		given := map[string]bool{}
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				first := map[string]string{} // the numbers that the keys got first
				for i := range 60 {
					key := fmt.Sprint(i % 2)
					r := t.Append(tester.Keyed("room", fmt.Sprint(g), key, `"x"`))
					number := fmt.Sprint(r.Epoch, " ", r.Seq)
					mu.Lock()
					if r.Duplicate && first[key] != number || !r.Duplicate && given[number] {
						t.Errorf("the key %s of %q got %+v", key, first[key], r)
					}
					first[key], given[number] = number, true
					mu.Unlock()
				}
			})
		}
		for i := range 20 {
			below := t.Read(journal.Query{Room: "room"}).Last
			if i%2 == 0 {
				below = journal.All
			}
			t.Trim("room", below)
		}
		wg.Wait()
		last := t.Read(journal.Query{Room: "room"}).Last
		if t.Trim("room", last); last > 0 && t.Head("room").First != last {
			t.Errorf("trimmed below %d: %+v", last, t.Head("room"))
		}
		t.CheckRoom("room")
	})
}

// waitUntilOlder returns once the entry of r is older than any Age of these tests, and
// retention has been enforced.
func waitUntilOlder(t *tester.T, r journal.Receipt) {
	t.Helper()
	for time.Now().UnixMilli() <= r.At+1 {
		runtime.Gosched() // for a millisecond or two
	}
	t.Enforce()
}

// checkKept checks that exactly the entries first to last are kept.
func checkKept(t *tester.T, room string, first, last journal.Seq) {
	t.Helper()
	page := t.Read(journal.Query{Room: room, Limit: 1})
	if page.First != first || page.Last != last {
		t.Fatalf("room %q: First is %d and Last %d, want %d and %d", room, page.First, page.Last, first, last)
	}
	entries := t.All(room)
	if len(entries) != int(last+1-first) {
		t.Fatalf("room %q: %d entries, want %d", room, len(entries), last+1-first)
	}
	t.CheckNumbers(entries, first)
}

// checkGone checks that no entry is kept and that last was the newest number.
func checkGone(t *tester.T, room string, last journal.Seq) {
	t.Helper()
	for _, q := range []journal.Query{{Limit: 5}, {Backward: true, Limit: 5}} {
		q.Room = room
		page := t.Read(q)
		if page.First != last+1 || page.Last != last || len(page.Entries) != 0 || page.More {
			t.Fatalf("Read(%+v) = %s, want nothing kept up to %d", q, fmt.Sprintf("%+v", page), last)
		}
	}
}
