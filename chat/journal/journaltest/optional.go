package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testLister(t *testing.T, s *tester.Suite) {
	list := func(t *tester.T, each func(string) error) error {
		l, ok := t.J.(journal.Lister)
		if !ok {
			t.Skip("not a journal.Lister")
		}
		return l.Rooms(tester.Background, each)
	}
	s.Each(t, "lists every room that has a head", func(t *tester.T) {
		want := slices.Clone(tester.SimilarRooms)
		for _, room := range want {
			t.Send(tester.Message(room, "u1", `"x"`))
		}
		t.Append(tester.Message("trimmed", "u1", `"x"`))
		t.Trim("trimmed", 2)
		t.Append(tester.Message("forgotten", "u1", `"x"`))
		t.Trim("forgotten", journal.All)
		t.Append(journal.Entry{Room: "signals", Kind: journal.Signal})
		t.Follow("followed")
		t.Read(journal.Query{Room: "read", Limit: 1})
		t.Put("record", []byte("x"))
		var rooms []string
		if err := list(t, func(room string) error { rooms = append(rooms, room); return nil }); err != nil {
			t.Fatal(err)
		}
		want = append(want, "trimmed")
		slices.Sort(want)
		if slices.Sort(rooms); !slices.Equal(rooms, want) {
			t.Errorf("the rooms are\n%q\nwant\n%q", rooms, want)
		}
	})
	s.Each(t, "stops at an error of its function, which may use the journal", func(t *tester.T) {
		for i := range 10 {
			t.Append(tester.Message(fmt.Sprint("room", i), "u1", `"x"`))
		}
		errStop, calls := errors.New("errStop"), 0
		err := list(t, func(room string) error {
			t.Append(tester.Message(room, "u1", `"x"`))
			if calls++; calls == 3 {
				return errStop
			}
			return nil
		})
		if !errors.Is(err, errStop) || calls != 3 {
			t.Errorf("%v after %d calls", err, calls)
		}
	})
}

func testReporter(t *testing.T, s *tester.Suite) {
	s.Each(t, "counts what is recorded and kept", func(t *tester.T) {
		r, ok := t.J.(journal.Reporter)
		if !ok {
			t.Skip("not a journal.Reporter")
		}
		before := r.Stats()
		t.AppendMany("room", 10)
		t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		t.Append(tester.Keyed("room", "u1", "k", `"x"`))
		t.Append(journal.Entry{Room: "room", Kind: journal.Signal})
		t.Trim("room", 5)
		t.Enforce()
		after := r.Stats()
		if before.Entries != 0 || before.Recorded != 0 || after.Entries != 7 || after.Recorded != 11 || after.Commits == 0 || after.Commits > 11 || after.Bytes <= 0 || after.Damaged+after.Lost > 0 || after.Unavailable {
			t.Errorf("after 11 entries, of which 7 are kept: %+v, before: %+v", after, before)
		}
		if err := r.Unavailable(); err != nil {
			t.Errorf("Unavailable: %v", err)
		}
		if w := r.Warnings(); len(w) > 0 {
			t.Errorf("Warnings: %q", w)
		}
	})
}
