package memjournal

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Rooms that have nothing to lose are in no list, so no append walks past them.
func TestAppend_LooksAtNoSilentRoom(t *testing.T) {
	j := open(t, Options{MaxBytes: 1 << 20, Retention: keepAll})
	for i := range 5000 { // more than MaxBytes
		follow(t, j, fmt.Sprint("silent", i))
	}
	if n := j.silent.Len() + j.empty.Len() + j.oldKeys.Len(); n != 0 {
		t.Errorf("%d rooms may be looked at", n)
	}
	for i := range 100 {
		say(t, j, "room", fmt.Sprint(i), "x")
	}
	if n := j.silent.Len() + j.empty.Len() + j.oldKeys.Len(); n > 1 || len(j.rooms) != 5001 {
		t.Errorf("%d of %d rooms may be looked at", n, len(j.rooms))
	}
	checkBytes(t, j.store)
}

// Nobody walks past rooms that were emptied while somebody follows them either.
func TestAppend_LooksAtNoEmptiedRoom(t *testing.T) {
	j := open(t, Options{MaxBytes: 1 << 20, Retention: keepAll})
	for i := range 1000 {
		name := fmt.Sprint("silent", i)
		follow(t, j, name)
		say(t, j, name, "k", "x")
	}
	for i := range 5000 {
		say(t, j, "room", fmt.Sprint(i), strings.Repeat("x", 200))
	}
	if n := j.silent.Len() + j.empty.Len() + j.oldKeys.Len(); n > 2 || len(j.rooms) != 1001 {
		t.Errorf("%d of %d rooms may be looked at", n, len(j.rooms))
	}
	checkBytes(t, j.store)
}

// epochOf returns the epoch that somebody sees who follows a room, and leaves it.
func epochOf(t *testing.T, j *Journal, room string) string {
	t.Helper()
	start := follow(t, j, room)
	start.Stop()
	return start.Epoch
}

func trimAll(t *testing.T, j *Journal, room string) {
	t.Helper()
	if err := j.Trim(background, room, journal.All); err != nil {
		t.Fatal(err)
	}
}

func TestEpoch_OfEachLifeIsAnother(t *testing.T) {
	j := open(t, Options{})
	first := say(t, j, "a", "", "x").Epoch
	if strings.Contains(first, ".") || say(t, j, "b", "", "x").Epoch != first || epochOf(t, j, "c") != first {
		t.Errorf("the first rooms do not have the store's epoch %q", first)
	}
	trimAll(t, j, "never")
	trimAll(t, j, "c")
	if epochOf(t, j, "never") != first {
		t.Error("trimming a room without entries changed an epoch")
	}
	seen := map[string]bool{first: true}
	for range 5 {
		trimAll(t, j, "a")
		for _, room := range []string{"a", "new"} {
			r := say(t, j, room, "", "x")
			if r.Seq != 1 || seen[r.Epoch] || !strings.HasPrefix(r.Epoch, first+".") {
				t.Errorf("%q begins again with %d in epoch %q", room, r.Seq, r.Epoch)
			}
			seen[r.Epoch] = true
		}
		trimAll(t, j, "new")
	}
	if h := head(t, j, "b"); h.Epoch != first {
		t.Errorf("the epoch of another room is %q", h.Epoch)
	}
	page, err := j.Feed(background, journal.FeedQuery{Limit: 100})
	if err != nil || page.Epoch != first || len(page.Missing) != 10 || len(page.Entries) != 2 {
		t.Errorf("the feed is %+v, %v", page, err)
	}
}

// What a client was shown for an empty room that somebody follows remains true.
func TestEpoch_OfAFollowedEmptyRoomStays(t *testing.T) {
	for _, dropped := range []bool{false, true} {
		t.Run(fmt.Sprint("dropped=", dropped), func(t *testing.T) {
			j := open(t, Options{})
			if dropped {
				say(t, j, "other", "", "x")
				trimAll(t, j, "other")
			}
			start := follow(t, j, "room")
			say(t, j, "another", "", "x")
			trimAll(t, j, "another")
			trimAll(t, j, "room")
			second := follow(t, j, "room")
			page, err := j.Read(background, journal.Query{Room: "room"})
			if err != nil || page.Epoch != start.Epoch || second.Epoch != start.Epoch || page.Last != 0 {
				t.Errorf("%q became %q in a page and %q for another follower, %v", start.Epoch, page.Epoch, second.Epoch, err)
			}
			if r := say(t, j, "room", "", "x"); r.Epoch != start.Epoch || r.Seq != 1 {
				t.Errorf("%q became %q with entry %d", start.Epoch, r.Epoch, r.Seq)
			}
			trimAll(t, j, "room")
			if r := say(t, j, "room", "", "x"); r.Epoch != start.Epoch || r.Seq != 2 {
				t.Errorf("%q became %q with entry %d, after all was trimmed", start.Epoch, r.Epoch, r.Seq)
			}
		})
	}
}

// A room that was empty for as long as keys live goes with the next entry of any room.
func TestHead_OfAnEmptyRoomExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := open(t, Options{Retention: func(room string) journal.Retention {
			return journal.Retention{Age: map[string]time.Duration{"old": time.Hour}[room]}
		}})
		for _, room := range []string{"old", "trimmed", "followed", "kept"} {
			say(t, j, room, "k", "x")
		}
		must(t, j, journal.Entry{Room: "governed", Kind: journal.Member})
		must(t, j, journal.Entry{Room: "tagged", Kind: journal.Tag, Target: 1})
		start := follow(t, j, "followed")
		rooms := []string{"trimmed", "followed", "governed", "tagged"}
		for _, room := range rooms {
			if err := j.Trim(background, room, 2); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Hour)
		head(t, j, "old") // somebody asks, so the journal sees that it is empty
		time.Sleep(keyLife - 3*time.Hour)
		say(t, j, "kept", "", "x")
		rooms = append(rooms, "old", "kept")
		for _, room := range rooms {
			if head(t, j, room).Last == 0 {
				t.Errorf("the head of %q is gone after 23 hours", room)
			}
		}
		time.Sleep(time.Hour)
		say(t, j, "kept", "", "x")
		if head(t, j, "trimmed").Last != 0 || head(t, j, "old").Last == 0 {
			t.Error("after 24 hours not the right heads are gone")
		}
		start.Stop()
		time.Sleep(keyLife - time.Minute)
		say(t, j, "kept", "", "x")
		if head(t, j, "old").Last != 0 || head(t, j, "followed").Last == 0 {
			t.Error("after 47 hours not the right heads are gone")
		}
		time.Sleep(time.Minute)
		say(t, j, "kept", "", "x")
		for _, room := range []string{"followed", "governed", "tagged", "kept"} {
			if gone := head(t, j, room).Last == 0; gone != (room == "followed") {
				t.Errorf("%q: its head is gone: %v", room, gone)
			}
		}
		checkBytes(t, j.store)
	})
}

// A key of a room that had nothing more to say goes when somebody asks for it.
func TestKey_IsKeptForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := open(t, Options{Retention: func(string) journal.Retention { return journal.Retention{Count: 1} }})
		first := say(t, j, "room", "a", "x")
		say(t, j, "room", "b", "x")
		time.Sleep(keyLife - time.Millisecond)
		if r := say(t, j, "room", "a", "x"); !r.Duplicate || r.Seq != first.Seq || r.Count != 0 || r.Position != 0 {
			t.Errorf("the key of an entry that is gone got %+v", r)
		}
		time.Sleep(time.Millisecond)
		if r, err := j.Find(background, "room", "li", "a"); err != nil || r != (journal.Receipt{}) {
			t.Errorf("after a day the key is %+v, %v", r, err)
		}
		if r, err := j.Find(background, "room", "li", "b"); err != nil || r.Seq != 2 || r.Count != 2 {
			t.Errorf("the key of an entry that is kept is %+v, %v", r, err)
		}
	})
}

func TestFeed_IsKeptFor72Hours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := open(t, Options{})
		say(t, j, "room", "", "x")
		time.Sleep(time.Hour)
		say(t, j, "room", "", "x")
		time.Sleep(feedLife - time.Hour)
		say(t, j, "room", "", "x")
		if page, _ := j.Feed(background, journal.FeedQuery{Limit: 9}); page.First != 0 || len(page.Entries) != 3 {
			t.Errorf("after 72 hours: %+v", page)
		}
		time.Sleep(time.Millisecond)
		say(t, j, "room", "", "x")
		if page, _ := j.Feed(background, journal.FeedQuery{Limit: 9}); page.First != 1 || len(page.Entries) != 3 || len(page.Missing) != 0 {
			t.Errorf("later: %+v", page)
		}
	})
}

// What is too old is shown nowhere, although nobody removed it before it was asked for.
func TestRetention_AgeHoldsWhereverOneLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j *Journal
		looks := map[string]func(room string) int{
			"Read": func(room string) int {
				page, _ := j.Read(background, journal.Query{Room: room, Limit: 9})
				return len(page.Entries) + int(page.Count-page.Dropped)
			},
			"Heads": func(room string) int { h := head(t, j, room); return int(h.Newest.Seq) + int(h.Count-h.Dropped) },
			"Follow": func(room string) (n int) {
				start, _ := j.Follow(room, 0, deliverer(func(journal.Entry) { n++ }))
				start.Stop()
				return n
			},
			"Feed": func(room string) (n int) {
				page, _ := j.Feed(background, journal.FeedQuery{Limit: 99})
				for _, e := range page.Entries {
					if e.Room == room {
						n++
					}
				}
				return n
			},
			"Find": func(room string) int { r, _ := j.Find(background, room, "li", "k"); return int(r.Count) },
			"Edit": func(room string) int {
				r, _ := tryAppend(j, journal.Entry{Room: room, Kind: journal.Edit, Target: 1})
				return int(r.Seq)
			},
		}
		for name, look := range looks {
			j = open(t, Options{Retention: func(string) journal.Retention { return journal.Retention{Age: time.Hour} }})
			say(t, j, name, "k", "x")
			time.Sleep(time.Hour + time.Second)
			if n := look(name); n != 0 {
				t.Errorf("%s shows %d of what is too old", name, n)
			}
		}
	})
}

// deliverer is a follower that is a function.
type deliverer func(journal.Entry)

func (d deliverer) Deliver(e journal.Entry) { d(e) }
func (deliverer) Lost(journal.Lost)         {}
