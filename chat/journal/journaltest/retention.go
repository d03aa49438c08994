package journaltest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func testRetention(t *testing.T, s *suite) {
	if s.retain == nil {
		t.Skip("no retention")
	}
	keeping := func(name string, keep journal.Retention, test func(t *tester)) {
		t.Run(name, func(t *testing.T) {
			j := s.retain(t, func(room string) journal.Retention {
				if room == "all" {
					return journal.Retention{}
				}
				return keep
			})
			test(s.tester(t, j))
		})
	}
	keeping("keeps the newest entries by count", journal.Retention{Count: 10}, func(t *tester) {
		t.appendMany("all", 100)
		t.appendMany("room", 100)
		t.enforce()
		checkKept(t, "room", 91, 100)
		checkKept(t, "all", 1, 100)
		t.appendMany("room", 5)
		t.enforce()
		checkKept(t, "room", 96, 105)
	})
	keeping("keeps the newest entries by bytes", journal.Retention{Bytes: 100_000}, func(t *tester) {
		big := strings.Repeat("x", 10_000)
		for range 50 {
			t.send(message("all", "u1", big))
			t.send(message("room", "u1", big))
		}
		t.append(message("room", "u1", big))
		t.enforce()
		if n := len(t.all("room")); n < 5 || n > 10 {
			t.Errorf("%d entries of 10 kB are kept in 100 kB", n)
		}
		if n := len(t.all("all")); n != 50 {
			t.Errorf("%d entries are kept of 50", n)
		}
	})
	keeping("deletes entries by age", journal.Retention{Age: time.Nanosecond}, testAge)
	keeping("never gives a number twice", journal.Retention{Age: time.Nanosecond}, func(t *tester) {
		for i := range 5 {
			r := t.append(message("room", "u1", `"x"`))
			if r.Seq != journal.Seq(i+1) {
				t.Fatalf("receipt %+v, want %d", r, i+1)
			}
			t.waitUntilOlder(r)
			checkGone(t, "room", r.Seq)
			if t.suite.reopen != nil {
				t.reopenJournal()
				checkGone(t, "room", r.Seq)
			}
		}
	})
	keeping("keeps the key of a deleted entry", journal.Retention{Count: 1}, func(t *tester) {
		first := t.append(keyed("room", "u1", "k", `"x"`))
		t.appendMany("room", 10)
		t.enforce()
		checkKept(t, "room", 11, 11)
		checkDuplicate(t, first, t.append(keyed("room", "u1", "k", `"x"`)))
		t.append(recall("room", "u1", first.Seq)) // its target has gone: no error
	})
	keeping("counts the age of restored entries from their own time", journal.Retention{Age: time.Hour}, func(t *tester) {
		if _, ok := t.j.(journal.Restorer); !ok {
			t.Skip("not a journal.Restorer")
		}
		old := recorded("room", 5, 3)
		old[0].At -= time.Hour.Milliseconds()
		t.restore(old, 3, 0)
		t.enforce()
		checkKept(t, "room", 6, 7)
		t.restore(old, 0, 3) // known, although it has gone
	})
	keeping("leaves pages without holes", journal.Retention{Count: 7}, func(t *tester) {
		t.appendMany("room", 40)
		t.enforce()
		checkPages(t, "room", t.all("room"))
	})
	keeping("works while entries are appended and read", journal.Retention{Count: 5}, func(t *tester) {
		wg := sendFromMany(t, "room", 4, 100)
		l := t.follow("room")
		for range 100 {
			page := t.read(journal.Query{Room: "room", Limit: 3})
			t.checkNumbers(page.Entries, page.First)
			page = t.read(journal.Query{Room: "room", Backward: true, Limit: 3})
			t.checkNumbers(page.Entries, page.Last+1-journal.Seq(len(page.Entries)))
			t.enforce()
		}
		wg.Wait()
		delivered := l.deliveredSoFar()
		if len(delivered) > 0 {
			t.checkNumbers(delivered, delivered[0].Seq)
		}
	})
}

func testAge(t *tester) {
	t.appendMany("all", 3)
	r := t.append(message("room", "u1", `"old"`))
	t.waitUntilOlder(r)
	checkGone(t, "room", r.Seq)
	if n := len(t.all("all")); n != 3 {
		t.Errorf("%d entries are kept of 3", n)
	}
}

// enforce returns once the journal has deleted what it may delete.
func (t *tester) enforce() {
	t.Helper()
	if t.suite.enforce != nil {
		t.suite.enforce(t.T, t.j)
	}
}

// waitUntilOlder returns once the entry of r is older than any Age of these tests, and
// retention has been enforced.
func (t *tester) waitUntilOlder(r journal.Receipt) {
	t.Helper()
	for time.Now().UnixMilli() <= r.At+1 {
		runtime.Gosched() // for a millisecond or two
	}
	t.enforce()
}

// checkKept checks that exactly the entries first to last are kept.
func checkKept(t *tester, room string, first, last journal.Seq) {
	t.Helper()
	page := t.read(journal.Query{Room: room, Limit: 1})
	if page.First != first || page.Last != last {
		t.Fatalf("room %q: First is %d and Last %d, want %d and %d", room, page.First, page.Last, first, last)
	}
	entries := t.all(room)
	if len(entries) != int(last+1-first) {
		t.Fatalf("room %q: %d entries, want %d", room, len(entries), last+1-first)
	}
	t.checkNumbers(entries, first)
}

// checkGone checks that no entry is kept and that last was the newest number.
func checkGone(t *tester, room string, last journal.Seq) {
	t.Helper()
	for _, q := range []journal.Query{{Limit: 5}, {Backward: true, Limit: 5}} {
		q.Room = room
		page := t.read(q)
		if page.First != last+1 || page.Last != last || len(page.Entries) != 0 || page.More {
			t.Fatalf("Read(%+v) = %s, want nothing kept up to %d", q, fmt.Sprintf("%+v", page), last)
		}
	}
}
