package journaltest

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testFeed(t *testing.T, s *tester.Suite) {
	s.Each(t, "is empty in the beginning and has a part for every room", func(t *tester.T) {
		if f := t.Feed(); len(f.Entries)+len(f.Missing) > 0 {
			t.Errorf("an empty feed has %d entries and %d missing ones", len(f.Entries), len(f.Missing))
		}
		for _, room := range tester.SimilarRooms {
			if p := t.J.Part(room); p < 0 || p >= t.J.Parts() || p != t.J.Part(room) {
				t.Errorf("room %q is in part %d of %d", room, p, t.J.Parts())
			}
		}
	})
	s.Each(t, "has the entries of all rooms, each once and in order", func(t *tester.T) {
		rooms := tester.SimilarRooms[:8]
		l := t.Follow(rooms[0])
		for _, room := range rooms {
			defer tester.SendFromMany(t, room, 2, 20).Wait()
			t.Send(journal.Entry{Room: room, Kind: journal.Signal})
		}
		for _, room := range rooms {
			r := t.Append(tester.Message(room, "u1", `"x"`))
			if e := t.Entry(room, r.Seq); e.Position != r.Position || r.Position == 0 {
				t.Errorf("the position is %d in the receipt and %d in the page", r.Position, e.Position)
			}
		}
		tester.SendFromMany(t, rooms[1], 4, 50).Wait()
		for i, e := range l.Wait(10)[:10] {
			if e.Kind.Recorded() && e.Position != t.Entry(rooms[0], e.Seq).Position {
				t.Errorf("as number %d, entry %d was delivered with position %d", i, e.Seq, e.Position)
			}
		}
	})
	s.Each(t, "has the bodies as they are now", func(t *tester.T) {
		t.AppendMany("room", 4)
		t.Append(tester.Edit("room", "u1", 1, `"edited"`))
		t.Append(tester.Edit("room", "u1", 2, `"edited"`))
		t.Append(tester.Edit("room", "u1", 1, `"edited again"`))
		t.Append(tester.Recall("room", "u1", 2))
		t.Append(tester.Recall("room", "u1", 3))
		t.CheckFeed("room")
	})
	s.Each(t, "goes on at any position, in pages of any size", func(t *tester.T) {
		for i := range 24 {
			t.Append(tester.Message(fmt.Sprint("room", i%3), "u1", strings.Repeat("x", i*37%10*100)))
		}
		t.Trim("room1", 5)
		whole := t.Feed()
		for _, limit := range []int{1, 2, 17, 50} {
			for _, bytes := range []int{0, 1, 2000, 1 << 20} {
				f := t.FeedBehind(make([]journal.Position, t.J.Parts()))
				f.Query = journal.FeedQuery{Limit: limit, Bytes: bytes}
				f.Read()
				if fmt.Sprint(f.Entries) != fmt.Sprint(whole.Entries) || fmt.Sprint(f.Seen()) != fmt.Sprint(whole.Seen()) {
					t.Fatalf("with limit %d and %d bytes: %d entries, %v are missing", limit, bytes, len(f.Entries), f.Missing)
				}
			}
		}
		for _, e := range whole.Entries {
			f := t.FeedBehind(make([]journal.Position, t.J.Parts()))
			f.After[t.J.Part(e.Room)] = e.Position
			f.Read()
			for _, other := range f.Entries {
				if t.J.Part(other.Room) == t.J.Part(e.Room) && other.Position <= e.Position {
					t.Fatalf("behind position %d comes %d", e.Position, other.Position)
				}
			}
			if n := f.Seen()[fmt.Sprint(e.Room, " ", e.Seq+1)]; n != 1 && e.Seq < t.Newest(e.Room).Seq {
				t.Fatalf("behind entry %d of %q, the next one comes %d times", e.Seq, e.Room, n)
			}
		}
	})
	s.Each(t, "tells exactly what is missing", func(t *tester.T) {
		for range 10 {
			t.AppendMany("a", 3)
			t.AppendMany("b", 2)
		}
		middle := t.Entry("a", 15).Position
		t.Trim("a", 11)
		t.CheckFeed("a", "b")
		t.Trim("b", 21)
		t.Trim("a", 21)
		t.CheckFeed("a", "b")
		f := t.FeedBehind(make([]journal.Position, t.J.Parts()))
		f.After[t.J.Part("a")] = middle
		f.Read()
		for seq, seen := journal.Seq(1), f.Seen(); seq <= 30; seq++ {
			if n := seen[fmt.Sprint("a ", seq)]; n != 0 && seq <= 15 || n != 1 && seq > 15 {
				t.Errorf("behind entry 15, entry %d comes %d times: missing are %+v", seq, n, f.Missing)
			}
		}
	})
	s.Each(t, "tells of all lives of a room", func(t *tester.T) {
		t.AppendMany("room", 3)
		t.Trim("room", journal.All)
		second := t.Append(tester.Message("room", "u1", `"x"`))
		f := t.Feed()
		if seen := f.Seen(); len(f.Entries) != 1 || f.Entries[0].Epoch != second.Epoch || f.Entries[0].Position != second.Position ||
			seen["room 1"] != 2 || seen["room 2"] != 1 || seen["room 3"] != 1 {
			t.Errorf("the feed has %+v and misses %+v", f.Entries, f.Missing)
		}
	})
	s.Each(t, "never gets an entry at or below what Positions returned", func(t *tester.T) {
		wg := tester.SendFromMany(t, "a", 3, 60)
		other := tester.SendFromMany(t, "b", 3, 60)
		type moment struct {
			positions []journal.Position
			entries   int
		}
		below := func(f *tester.FeedReader, positions []journal.Position) (n int) {
			for _, e := range f.Entries {
				if e.Position <= positions[t.J.Part(e.Room)] {
					n++
				}
			}
			return n
		}
		var moments []moment
		for range 30 {
			p, f := t.Positions(), t.Feed()
			if moments = append(moments, moment{p, below(f, p)}); len(f.Missing) > 0 {
				t.Errorf("missing are %+v, and nothing was removed", f.Missing)
			}
		}
		wg.Wait()
		other.Wait()
		f := t.Feed()
		for _, m := range moments {
			if n := below(f, m.positions); n != m.entries {
				t.Errorf("up to %d there were %d entries, later %d", m.positions, m.entries, n)
			}
		}
		t.CheckFeed("a", "b")
		for i, p := range t.Positions()[:t.J.Parts()] {
			if p != f.After[i] {
				t.Errorf("part %d: Positions has %d, the feed %d", i, p, f.After[i])
			}
		}
	})
	testFollowFeed(t, s)
}

func testFollowFeed(t *testing.T, s *tester.Suite) {
	s.Each(t, "is followed from now on, without a hole", func(t *tester.T) {
		wg := tester.SendFromMany(t, "a", 3, 60)
		other := tester.SendFromMany(t, "b", 3, 60)
		for range 5 {
			followers := t.FollowParts()
			f := t.Feed()
			defer f.CheckJoined(followers)
		}
		wg.Wait()
		other.Wait()
	})
	s.Each(t, "is followed with what the followers of rooms get", func(t *tester.T) {
		l := t.Follow("room")
		feed := t.FollowFeed(t.J.Part("room"), tester.EveryRoom)
		t.Send(tester.Message("room", "u1", `"first"`))
		t.Send(journal.Entry{Room: "room", Kind: journal.Signal})
		t.Send(tester.Edit("room", "u1", 1, `"second"`))
		t.Append(tester.Recall("room", "u1", 1))
		want := slices.DeleteFunc(slices.Clone(l.DeliveredSoFar()), func(e journal.Entry) bool { return !e.Kind.Recorded() })
		for i, e := range feed.Wait(3) {
			want[i].Epoch = l.Start.Epoch
			t.CheckSame("in the feed", e, want[i])
		}
	})
	s.Each(t, "may leave out rooms that nobody wants", func(t *tester.T) {
		var wantsB atomic.Bool
		part := t.J.Part("b")
		l := t.FollowFeed(part, func(room string) bool { return room != "b" || wantsB.Load() })
		t.AppendMany("b", 3)
		wantsB.Store(true)
		t.AppendMany("b", 3)
		t.AppendMany("a", 3)
		l.Until(func(got []journal.Entry) bool {
			got = slices.DeleteFunc(slices.Clone(got), func(e journal.Entry) bool { return e.Room != "b" || e.Seq < 4 })
			return len(got) == 3
		})
		if l.Stop(); part == t.J.Part("a") {
			t.CheckNumbers(slices.DeleteFunc(l.Wait(0), func(e journal.Entry) bool { return e.Room != "a" }), 1)
		}
	})
	s.Each(t, "is not followed any more after stop", func(t *tester.T) {
		wg := tester.SendFromMany(t, "room", 4, 60)
		stays := t.FollowFeed(t.J.Part("room"), tester.EveryRoom)
		from := t.Append(tester.Message("room", "u1", `"x"`)).Seq
		for range 30 {
			t.FollowFeed(t.J.Part("room"), tester.EveryRoom).Stop() // fails the test if it is called afterwards
		}
		wg.Wait()
		got := stays.Until(func(got []journal.Entry) bool { return len(got) > 0 && got[len(got)-1].Seq == 241 })
		if t.CheckNumbers(got, got[0].Seq); got[0].Seq > from {
			t.Errorf("the first one was %d, want %d", got[0].Seq, from)
		}
	})
}
