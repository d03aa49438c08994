package journaltest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func testKey(t *testing.T, s *suite) {
	s.each(t, "records once what is sent twice with one key", func(t *tester) {
		t.appendMany("room", 3)
		first := t.append(keyed("room", "u1", "k", `"x"`))
		t.appendMany("room", 3)
		again := t.append(keyed("room", "u1", "k", `"something else"`))
		checkDuplicate(t, first, again)
		if n := len(t.all("room")); n != 7 {
			t.Errorf("%d entries, want 7", n)
		}
		if e := t.entry("room", first.Seq); string(e.Body) != `"x"` {
			t.Errorf("its body is %s", e.Body)
		}
	})
	s.each(t, "records once what several goroutines send with one key", func(t *tester) {
		for round := range 20 {
			checkAtOnce(t, fmt.Sprint("k", round))
		}
		if n := len(t.all("room")); n != 20 {
			t.Errorf("%d entries, want 20", n)
		}
	})
	s.each(t, "tells the keys of users and rooms apart", func(t *tester) {
		for _, e := range []journal.Entry{
			keyed("room", "u1", "k", "1"), keyed("room", "u2", "k", "2"), keyed("other", "u1", "k", "3"), keyed("room", "u1", "K", "4"),
			keyed("room", "u", "1k", "5"), keyed("room", "", "u1k", "6"), keyed("roomu", "1", "k", "7"), keyed("roo", "mu1", "k", "8"),
			keyed("room", "u1", "k\x00", "9"), keyed("room", "u1\x00", "k", "10"),
		} {
			if r := t.append(e); r.Duplicate {
				t.Errorf("room %q, user %q, key %q: taken for a duplicate", e.Room, e.From.ID, e.Key)
			}
			if r := t.append(e); !r.Duplicate {
				t.Errorf("room %q, user %q, key %q: recorded twice", e.Room, e.From.ID, e.Key)
			}
		}
	})
	s.each(t, "records twice what is sent twice without a key", func(t *tester) {
		a, b := t.append(message("room", "u1", `"x"`)), t.append(message("room", "u1", `"x"`))
		if b.Seq != a.Seq+1 || b.Duplicate {
			t.Errorf("receipts %+v and %+v", a, b)
		}
	})
	s.each(t, "works for every recorded kind", func(t *tester) {
		t.appendMany("room", 1)
		for _, e := range []journal.Entry{recall("room", "u1", 1), {Room: "room", Kind: journal.Notice, From: journal.User{ID: "u1"}, Body: []byte(`"x"`)}} {
			e.Key = fmt.Sprint("k", e.Kind)
			checkDuplicate(t, t.append(e), t.append(e))
		}
	})
	s.each(t, "still works after the entry was recalled", func(t *tester) {
		first := t.append(keyed("room", "u1", "k", `"x"`))
		t.append(recall("room", "u1", first.Seq))
		checkDuplicate(t, first, t.append(keyed("room", "u1", "k", `"x"`)))
		if e := t.entry("room", first.Seq); !e.Recalled {
			t.Error("sent again, it is no longer recalled")
		}
	})
}

// checkAtOnce sends entries with one key from several goroutines. One of them must be
// recorded, and all must get its receipt.
func checkAtOnce(t *tester, key string) {
	t.Helper()
	const n = 8
	receipts := make([]journal.Receipt, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { receipts[i], _ = t.send(keyed("room", "u1", key, fmt.Sprint(i))).wait() })
	}
	wg.Wait()
	originals := 0
	for i, r := range receipts {
		if r.Seq == 0 || r.Seq != receipts[0].Seq || r.At != receipts[0].At || r.Epoch != receipts[0].Epoch {
			t.Errorf("receipts differ: %+v and %+v", r, receipts[0])
		}
		if !r.Duplicate {
			originals++
			if e := t.entry("room", r.Seq); string(e.Body) != fmt.Sprint(i) {
				t.Errorf("%d was recorded and the body is %s", i, e.Body)
			}
		}
	}
	if originals != 1 {
		t.Errorf("%d of %d were recorded", originals, n)
	}
}

// checkDuplicate checks that again is the receipt first, marked as a duplicate.
func checkDuplicate(t *tester, first, again journal.Receipt) {
	t.Helper()
	first.Duplicate = true
	if again != first {
		t.Errorf("receipt %+v, want %+v", again, first)
	}
}
