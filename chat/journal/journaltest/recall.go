package journaltest

import (
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func testRecall(t *testing.T, s *suite) {
	s.each(t, "erases the body and nothing else of the entry", func(t *tester) {
		t.appendMany("room", 2)
		e := keyed("room", "u1", "k", `"secret"`)
		e.Text = true
		target := t.append(e)
		t.appendMany("room", 2)
		r := t.append(recall("room", "u1", target.Seq))
		if r.Seq != 6 {
			t.Errorf("the recall got %d, want 6", r.Seq)
		}
		checkRecalled(t, e, target)
		entries := t.all("room")
		t.checkNumbers(entries, 1)
		if last := entries[5]; last.Kind != journal.Recall || last.Target != target.Seq {
			t.Errorf("the recall reads %+v", last)
		}
		for _, e := range entries[:5] {
			if e.Recalled != (e.Seq == target.Seq) {
				t.Errorf("entry %d: Recalled is %v", e.Seq, e.Recalled)
			}
		}
	})
	s.each(t, "erases an entry that is just being written", func(t *tester) {
		for seq := journal.Seq(1); seq < 40; seq += 2 {
			e := message("room", "u1", `"secret"`)
			p := t.send(e)
			t.send(recall("room", "u1", seq)).must()
			checkRecalled(t, e, p.must())
		}
	})
	s.each(t, "erases old entries", func(t *tester) {
		t.appendMany("room", 400)
		for _, seq := range []journal.Seq{1, 200, 399} {
			t.append(recall("room", "u1", seq))
			if e := t.entry("room", seq); !e.Recalled || len(e.Body) != 0 {
				t.Errorf("entry %d: %+v", seq, e)
			}
		}
	})
	s.each(t, "is delivered once, after the entry that it recalls", func(t *tester) {
		l := t.follow("room")
		t.send(message("room", "u1", `"secret"`))
		t.append(recall("room", "u1", 1))
		delivered := l.deliveredSoFar()
		if len(delivered) != 2 || string(delivered[0].Body) != `"secret"` || delivered[1].Kind != journal.Recall || delivered[1].Target != 1 {
			t.Errorf("delivered %+v", delivered)
		}
	})
	s.each(t, "changes no other entry", func(t *tester) {
		t.appendMany("room", 3)
		t.appendMany("other", 3)
		notice := t.append(journal.Entry{Room: "room", Kind: journal.Notice, Body: []byte(`"x"`)})
		for _, target := range []journal.Seq{0, 1000, 1<<53 - 1, notice.Seq, notice.Seq + 1} {
			t.append(recall("room", "u1", target)) // none is an error
		}
		t.append(recall("room", "u1", 2))
		t.append(recall("room", "u1", 2))
		for _, e := range t.all("room") {
			if e.Recalled != (e.Seq == 2) || e.Kind != journal.Recall && e.Seq != 2 && len(e.Body) == 0 {
				t.Errorf("entry %d: %+v", e.Seq, e)
			}
		}
		for _, e := range t.all("other") {
			if e.Recalled {
				t.Errorf("entry %d of another room was recalled", e.Seq)
			}
		}
	})
}

// checkRecalled checks that e, which was recorded with receipt r, has lost its body
// and nothing else, in whatever way it is read.
func checkRecalled(t *tester, e journal.Entry, r journal.Receipt) {
	t.Helper()
	e.Seq, e.At, e.Body, e.Text, e.Recalled = r.Seq, r.At, nil, false, true
	t.checkSame("recalled", t.entry(e.Room, r.Seq), e)
	page := t.read(journal.Query{Room: e.Room, Backward: true, Before: r.Seq + 1, Limit: 1})
	t.checkSame("recalled", page.Entries[0], e)
	page = t.read(journal.Query{Room: e.Room, Backward: true, Limit: 50})
	for _, got := range page.Entries {
		if got.Seq == r.Seq {
			t.checkSame("recalled", got, e)
		}
	}
}
