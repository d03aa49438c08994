// Package redaction has the tests of a journal.Redactor.
package redaction

import (
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

// withoutName is a change for Redact: it takes out what shows a user, and what they have tagged.
func withoutName(user string) func(*journal.Entry) bool {
	return func(e *journal.Entry) bool {
		if e.From.ID != user {
			return false
		}
		e.From.Name, e.From.Avatar = "", ""
		switch e.Kind {
		case journal.Member:
			e.Body = []byte(`{}`)
		case journal.Tag:
			e.Body = nil
		}
		return true
	}
}

// Test runs the tests of a journal.Redactor.
func Test(t *testing.T, s *tester.Suite) {
	redact := func(t *tester.T, room string, seqs ...journal.Seq) {
		t.Helper()
		r, ok := t.J.(journal.Redactor)
		if !ok {
			t.Skip("not a journal.Redactor")
		}
		if err := r.Redact(tester.Background, room, seqs, withoutName("u1")); err != nil {
			t.Fatalf("Redact: %v", err)
		}
	}
	named := func(kind journal.Kind, user, key string) journal.Entry {
		e := tester.Keyed("room", user, key, `{"says":"a word"}`)
		e.Kind, e.From.Name, e.From.Avatar = kind, "Ann", "https://a/b.png"
		return e
	}
	s.Each(t, "changes names, pictures and what is no message, and nothing else", func(t *tester.T) {
		for i := range 300 {
			t.Send(named(journal.Message, fmt.Sprint("u", 1+i%2), fmt.Sprint(i)))
		}
		t.Append(named(journal.Member, "u1", "m"))
		t.Append(named(journal.Message, "u1", "last"))
		l := t.Follow("room")
		before := t.All("room")
		redact(t, "room", 0, 1, 2, 200, 299, 301, 302, 303, 1<<40)
		redact(t, "nobody", 1)
		check := func() {
			t.Helper()
			after := t.All("room")
			for i := range before {
				want := before[i]
				switch want.Seq {
				case 1, 299, 301, 302:
					withoutName("u1")(&want)
				}
				t.CheckSame(fmt.Sprintf("entry %d", want.Seq), after[i], want)
				if after[i].From != want.From || string(after[i].Body) != string(want.Body) {
					t.Errorf("entry %d is %+v, want %+v", want.Seq, after[i], want)
				}
			}
			if h := t.Head("room"); h.Newest.From.Name != "" || h.Newest.Seq != 302 {
				t.Errorf("the head has %+v", h.Newest)
			}
		}
		check()
		t.CheckFeed("room")
		if r := t.Find("room", "u1", "0"); r.Seq != 1 {
			t.Errorf("the key of entry 1 finds %+v", r)
		}
		if next := t.Append(tester.Message("room", "u2", `"x"`)); next.Seq != 303 || next.Count != 302 {
			t.Errorf("the next entry gets %+v", next)
		}
		before = append(before, t.Entry("room", 303))
		if got := l.DeliveredSoFar(); len(got) != 1 || got[0].Seq != 303 {
			t.Errorf("a follower got %+v", got)
		}
	})
	s.Each(t, "takes the body of an entry about a message, and changes nothing at that", func(t *tester.T) {
		t.Append(named(journal.Message, "u2", "m"))
		tag := named(journal.Tag, "u1", "")
		tag.Target = 1
		t.Append(tag)
		before := t.All("room")
		for range 2 { // the second time there is no body
			redact(t, "room", 1, 2)
			after := t.All("room")
			want := before[1]
			withoutName("u1")(&want)
			t.CheckSame("the message", after[0], before[0])
			t.CheckSame("the tag", after[1], want)
			if len(after[1].Body) != 0 || after[1].From.Name != "" || after[1].Recalled || after[1].Target != 1 {
				t.Errorf("the tag is %+v", after[1])
			}
		}
		t.CheckFeed("room")
	})
	s.Each(t, "meets recalls and edits of the same entries", func(t *tester.T) {
		const n = 60
		var seqs []journal.Seq
		for i := range n {
			seqs = append(seqs, t.Append(named(journal.Message, "u1", fmt.Sprint(i))).Seq)
		}
		var pending []tester.Pending
		for i, seq := range seqs {
			change := tester.Recall("room", "u1", seq)
			if i%2 == 0 {
				change = tester.Edit("room", "u1", seq, `"new"`)
			}
			pending = append(pending, t.Send(change))
			if i%10 == 0 {
				redact(t, "room", seqs...)
			}
		}
		for _, p := range pending {
			p.Must()
		}
		for _, e := range t.All("room")[:n] {
			edited := e.Seq%2 == 1
			if e.From.Name != "" || e.Recalled == edited || string(e.Body) != map[bool]string{true: `"new"`}[edited] {
				t.Errorf("entry %d is %+v", e.Seq, e)
			}
		}
	})
	s.Each(t, "lasts", func(t *tester.T) {
		if s.Reopen == nil {
			t.Skip("not durable")
		}
		t.Append(named(journal.Message, "u1", "k"))
		redact(t, "room", 1)
		t.ReopenJournal()
		if e := t.Entry("room", 1); e.From.Name+e.From.Avatar != "" || string(e.Body) != `{"says":"a word"}` {
			t.Errorf("it is %+v", e)
		}
	})
}
