package journaltest

import (
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testKey(t *testing.T, s *tester.Suite) {
	s.Each(t, "records once what is sent twice with one key", func(t *tester.T) {
		t.AppendMany("room", 3)
		first := t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		t.AppendMany("room", 3)
		again := t.Append(tester.Keyed("room", "u1", "k", `"something else"`))
		tester.CheckDuplicate(t, first, again)
		if n := len(t.All("room")); n != 7 {
			t.Errorf("%d entries, want 7", n)
		}
		if e := t.Entry("room", first.Seq); string(e.Body) != `"x"` {
			t.Errorf("its body is %s", e.Body)
		}
	})
	s.Each(t, "records once what several goroutines send with one key", func(t *tester.T) {
		for round := range 20 {
			tester.CheckAtOnce(fmt.Sprint("k", round), t)
		}
		if n := len(t.All("room")); n != 20 {
			t.Errorf("%d entries, want 20", n)
		}
	})
	s.Each(t, "works while the first entry is still being written", func(t *tester.T) {
		for i := range 50 {
			e := tester.Keyed("room", "u1", fmt.Sprint("k", i), `"x"`)
			first, again := t.Send(e), t.Send(e)
			tester.CheckDuplicate(t, first.Must(), again.Must())
		}
	})
	s.Each(t, "tells the keys of users and rooms apart", func(t *tester.T) {
		for _, e := range []journal.Entry{
			tester.Keyed("room", "u1", "k", "1"), tester.Keyed("room", "u2", "k", "2"), tester.Keyed("other", "u1", "k", "3"), tester.Keyed("room", "u1", "K", "4"),
			tester.Keyed("room", "u", "1k", "5"), tester.Keyed("room", "", "u1k", "6"), tester.Keyed("roomu", "1", "k", "7"), tester.Keyed("roo", "mu1", "k", "8"),
			tester.Keyed("room", "u1", "k\x00", "9"), tester.Keyed("room", "u1\x00", "k", "10"),
		} {
			if r := t.Append(e); r.Duplicate {
				t.Errorf("room %q, user %q, key %q: taken for a duplicate", e.Room, e.From.ID, e.Key)
			}
			if r := t.Append(e); !r.Duplicate {
				t.Errorf("room %q, user %q, key %q: recorded twice", e.Room, e.From.ID, e.Key)
			}
		}
	})
	s.Each(t, "records twice what is sent twice without a key", func(t *tester.T) {
		a, b := t.Append(tester.Message("room", "u1", `"x"`)), t.Append(tester.Message("room", "u1", `"x"`))
		if b.Seq != a.Seq+1 || b.Duplicate {
			t.Errorf("receipts %+v and %+v", a, b)
		}
	})
	s.Each(t, "works for every recorded kind", func(t *tester.T) {
		t.AppendMany("room", 1)
		for kind := journal.Event; kind > 0; kind-- {
			e := tester.Governing("room", kind)
			e.Key, e.Target = fmt.Sprint("k", kind), 1
			tester.CheckDuplicate(t, t.Append(e), t.Append(e))
		}
	})
	s.Each(t, "still works after the entry was recalled", func(t *tester.T) {
		first := t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		t.Append(tester.Recall("room", "u1", first.Seq))
		tester.CheckDuplicate(t, first, t.Append(tester.Keyed("room", "u1", "k", `"x"`)))
		if e := t.Entry("room", first.Seq); !e.Recalled {
			t.Error("sent again, it is no longer recalled")
		}
	})
}
