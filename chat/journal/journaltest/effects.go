package journaltest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testRecall(t *testing.T, s *tester.Suite) {
	s.Each(t, "erases the body and nothing else of the entry", func(t *tester.T) {
		t.AppendMany("room", 2)
		e := tester.Keyed("room", "u1", "k", `"secret"`)
		e.Text = true
		target := t.Append(e)
		t.AppendMany("room", 2)
		r := t.Append(tester.Recall("room", "u1", target.Seq))
		if r.Seq != 6 {
			t.Errorf("the recall got %d, want 6", r.Seq)
		}
		checkRecalled(t, e, target)
		entries := t.All("room")
		t.CheckNumbers(entries, 1)
		if last := entries[5]; last.Kind != journal.Recall || last.Target != target.Seq {
			t.Errorf("the recall reads %+v", last)
		}
		for _, e := range entries[:5] {
			if e.Recalled != (e.Seq == target.Seq) {
				t.Errorf("entry %d: Recalled is %v", e.Seq, e.Recalled)
			}
		}
	})
	s.Each(t, "erases an entry that is just being written", func(t *tester.T) {
		for seq := journal.Seq(1); seq < 40; seq += 2 {
			e := tester.Message("room", "u1", `"secret"`)
			p := t.Send(e)
			t.Send(tester.Recall("room", "u1", seq)).Must()
			checkRecalled(t, e, p.Must())
		}
	})
	s.Each(t, "erases old entries", func(t *tester.T) {
		t.AppendMany("room", 400)
		for _, seq := range []journal.Seq{1, 200, 399} {
			t.Append(tester.Recall("room", "u1", seq))
			if e := t.Entry("room", seq); !e.Recalled || len(e.Body) != 0 {
				t.Errorf("entry %d: %+v", seq, e)
			}
		}
	})
	s.Each(t, "erases what edits have put there, once and for all", func(t *tester.T) {
		e := tester.Message("room", "u1", `"first"`)
		target := t.Append(e)
		t.Append(tester.Edit("room", "u1", target.Seq, `"second"`))
		e.Edited = t.Append(tester.Edit("room", "u1", target.Seq, `"third"`)).Seq
		t.Append(tester.Recall("room", "u1", target.Seq))
		t.Refused("an edit of what was recalled", tester.Edit("room", "u1", target.Seq, `"fourth"`), journal.ErrNoTarget)
		checkRecalled(t, e, target)
		for _, e := range t.All("room") {
			if len(e.Body) > 0 {
				t.Errorf("entry %d still has the body %s", e.Seq, e.Body)
			}
		}
	})
	s.Each(t, "is delivered once, after the entry that it recalls", func(t *tester.T) {
		l := t.Follow("room")
		t.Send(tester.Message("room", "u1", `"secret"`))
		t.Append(tester.Recall("room", "u1", 1))
		delivered := l.DeliveredSoFar()
		if len(delivered) != 2 || string(delivered[0].Body) != `"secret"` || delivered[1].Kind != journal.Recall || delivered[1].Target != 1 {
			t.Errorf("delivered %+v", delivered)
		}
	})
	s.Each(t, "changes no other entry", func(t *tester.T) {
		t.AppendMany("room", 3)
		t.AppendMany("other", 3)
		notice := t.Append(journal.Entry{Room: "room", Kind: journal.Notice, Body: []byte(`"x"`)})
		for _, target := range []journal.Seq{1000, 1<<53 - 1, notice.Seq, notice.Seq + 1} {
			t.Append(tester.Recall("room", "u1", target)) // none is an error
		}
		t.Append(tester.Recall("room", "u1", 2))
		t.Append(tester.Recall("room", "u1", 2))
		for _, e := range t.All("room") {
			if e.Recalled != (e.Seq == 2) || e.Kind != journal.Recall && e.Seq != 2 && len(e.Body) == 0 {
				t.Errorf("entry %d: %+v", e.Seq, e)
			}
		}
		for _, e := range t.All("other") {
			if e.Recalled {
				t.Errorf("entry %d of another room was recalled", e.Seq)
			}
		}
	})
}

// checkRecalled checks that e, which was recorded with receipt r, has lost its body
// and nothing else, in whatever way it is read.
func checkRecalled(t *tester.T, e journal.Entry, r journal.Receipt) {
	t.Helper()
	e.Seq, e.At, e.Body, e.Text, e.Recalled = r.Seq, r.At, nil, false, true
	t.CheckSame("recalled", t.Entry(e.Room, r.Seq), e)
	page := t.Read(journal.Query{Room: e.Room, Backward: true, Before: r.Seq + 1, Limit: 1})
	t.CheckSame("recalled", page.Entries[0], e)
	page = t.Read(journal.Query{Room: e.Room, Backward: true, Limit: 50})
	for _, got := range page.Entries {
		if got.Seq == r.Seq {
			t.CheckSame("recalled", got, e)
		}
	}
}

func testEdit(t *testing.T, s *tester.Suite) {
	s.Each(t, "without a body leaves none", func(t *tester.T) {
		target := t.Append(tester.Message("room", "u1", `"secret"`)).Seq
		e := tester.Edit("room", "u1", target, "")
		e.Body, e.Text = nil, false
		r := t.Append(e)
		if m := t.Entry("room", target); len(m.Body) > 0 || m.Edited != r.Seq {
			t.Errorf("the message reads %+v", m)
		}
	})
	s.Each(t, "puts its body in the place of the target's and keeps none itself", func(t *tester.T) {
		t.AppendMany("room", 2)
		e := tester.Keyed("room", "u1", "k", `plain`)
		e.Text, e.Mentions, e.Quiet, e.Via, e.Target = true, []string{"u2"}, true, "crm", 1
		target := t.Append(e)
		t.AppendMany("room", 2)
		for i, ed := range []journal.Entry{tester.Edit("room", "u2", 3, `"second"`), tester.Edit("room", "u1", 3, `third`), tester.Edit("room", "u1", 3, ""), tester.Edit("room", "u1", 3, `"last"`)} {
			ed.Text, ed.Key = i == 1 || i == 2, fmt.Sprint("e", i)
			r := t.Append(ed)
			e.Seq, e.At, e.Edited, e.Body, e.Text, e.Count, e.Position = 3, target.At, r.Seq, ed.Body, ed.Text, target.Count, target.Position
			t.CheckSame("the edited message", t.Entry("room", 3), e)
			ed.Seq, ed.At, ed.Position = r.Seq, r.At, r.Position
			t.CheckSame("the edit", t.Newest("room"), ed)
			t.CheckSame("the first edit", t.Entry("room", 6), journal.Entry{Room: "room", Kind: journal.Edit, From: t.Entry("room", 6).From, Key: "e0",
				Target: 3, Body: ed.Body, Text: ed.Text, Seq: 6, At: t.Entry("room", 6).At})
		}
		t.CheckRoom("room")
	})
	s.Each(t, "changes an entry that is just being written", func(t *tester.T) {
		for seq := journal.Seq(1); seq < 60; seq += 3 {
			t.Send(tester.Message("room", "u1", `"first"`))
			t.Send(tester.Edit("room", "u1", seq, `"second"`))
			t.Send(tester.Edit("room", "u1", seq, `"third"`)).Must()
			if e := t.Entry("room", seq); string(e.Body) != `"third"` || e.Edited != seq+2 {
				t.Fatalf("entry %d: %+v", seq, e)
			}
		}
		t.Append(tester.Message("recalled", "u1", `"first"`))
		recalled := t.Send(tester.Recall("recalled", "u1", 1))
		if r, err := t.Send(tester.Edit("recalled", "u1", 1, `"x"`)).Wait(); !errors.Is(err, journal.ErrNoTarget) {
			t.Errorf("an edit behind a recall that is just being written: %+v, %v", r, err)
		}
		recalled.Must()
	})
	s.Each(t, "is the last word if it is the newest of several at once", func(t *tester.T) {
		target := t.Append(tester.Message("room", "u1", `"first"`)).Seq
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 10 {
					t.Send(tester.Edit("room", fmt.Sprint(g), target, fmt.Sprintf(`"%d of %d"`, i, g))).Wait()
				}
			})
		}
		l := t.Follow("room")
		wg.Wait()
		last := t.Newest("room")
		l.Until(func(got []journal.Entry) bool { return len(got) > 0 && got[len(got)-1].Seq >= 81 })
		if e := t.Entry("room", target); last.Seq != 81 || e.Edited != 81 || string(e.Body) != string(l.Wait(0)[len(l.Wait(0))-1].Body) {
			t.Errorf("after %d edits the message is %+v", last.Seq-1, e)
		}
		t.CheckRoom("room")
	})
	s.Each(t, "gets ErrNoTarget without a message that is kept and not recalled", testNoTarget)
	s.Each(t, "does not win again when it is sent again with its key", func(t *tester.T) {
		target := t.Append(tester.Message("room", "u1", `"first"`)).Seq
		e := tester.Edit("room", "u1", target, `"second"`)
		e.Key = "k"
		first := t.Append(e)
		last := t.Append(tester.Edit("room", "u1", target, `"third"`))
		tester.CheckDuplicate(t, first, t.Append(e))
		if m := t.Entry("room", target); string(m.Body) != `"third"` || m.Edited != last.Seq {
			t.Errorf("the message is %+v", m)
		}
	})
	s.Each(t, "is delivered with its own body", func(t *tester.T) {
		l := t.Follow("room")
		t.Send(tester.Message("room", "u1", `"first"`))
		t.Send(tester.Edit("room", "u1", 1, `"second"`))
		t.Append(tester.Edit("room", "u1", 1, `"third"`))
		for i, e := range l.DeliveredSoFar() {
			if want := []string{`"first"`, `"second"`, `"third"`}[i]; string(e.Body) != want {
				t.Errorf("entry %d was delivered with %s, want %s", e.Seq, e.Body, want)
			}
		}
	})
	s.Each(t, "has no body when its target is no longer kept", func(t *tester.T) {
		t.AppendMany("room", 2)
		t.Append(tester.Edit("room", "u1", 1, `"second"`))
		t.Trim("room", 2)
		if e := t.Entry("room", 3); e.Kind != journal.Edit || len(e.Body) > 0 {
			t.Errorf("the edit reads %+v", e)
		}
		t.Refused("another edit", tester.Edit("room", "u1", 1, `"third"`), journal.ErrNoTarget)
	})
}

func testNoTarget(t *tester.T) {
	t.AppendMany("other", 12)
	l := t.Follow("room")
	kinds := []journal.Kind{journal.Message, journal.Notice, journal.Member, journal.Info, journal.Event, journal.Message, journal.Edit, journal.Tag, journal.Recall}
	for _, kind := range kinds {
		e := tester.Governing("room", kind)
		if kind.HasTarget() {
			e.Target = 6
		}
		t.Append(e)
	}
	before := t.All("room")
	for _, target := range []journal.Seq{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1<<53 - 1} {
		e := tester.Edit("room", "u1", target, `"edited"`)
		e.Key = "k"
		t.Refused(fmt.Sprint("edit of ", target), e, journal.ErrNoTarget)
	}
	for i, e := range t.All("room") {
		t.CheckSame("after refused edits", e, before[i])
	}
	e := tester.Edit("room", "u1", 1, `"edited"`)
	e.Key = "k" // nothing is known of the refused ones
	if r := t.Append(e); r.Seq != 10 || r.Duplicate {
		t.Errorf("after refused edits with its key: %+v", r)
	}
	t.Append(tester.Recall("room", "u1", 1))
	tester.CheckDuplicate(t, journal.Receipt{Epoch: l.Start.Epoch, Seq: 10, At: t.Entry("room", 10).At, Count: 3, Position: t.Entry("room", 10).Position}, t.Append(e))
	if n := len(l.DeliveredSoFar()); n != 11 {
		t.Errorf("%d were delivered, want 11", n)
	}
}
