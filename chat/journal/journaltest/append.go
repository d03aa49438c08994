package journaltest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func testAppend(t *testing.T, s *suite) {
	s.each(t, "numbers a room from 1 without holes", func(t *tester) {
		for i := range 10 {
			r := t.append(message("room", "u1", `"x"`))
			if r.Seq != journal.Seq(i+1) || r.Duplicate {
				t.Fatalf("receipt %d: %+v", i+1, r)
			}
		}
		t.checkNumbers(t.all("room"), 1)
	})
	s.each(t, "gives a receipt that agrees with the entry that is read", func(t *tester) {
		before := time.Now().UnixMilli()
		r := t.append(message("room", "u1", `"x"`))
		page := t.read(journal.Query{Room: "room", Limit: 10})
		e := page.Entries[0]
		if r.Epoch == "" || r.Epoch != page.Epoch || r.Seq != e.Seq || r.At != e.At {
			t.Errorf("receipt %+v, epoch %q, entry %+v", r, page.Epoch, e)
		}
		if r.At < before || r.At > time.Now().UnixMilli() {
			t.Errorf("At is %d, not now", r.At)
		}
	})
	s.each(t, "keeps every field", testFields)
	s.each(t, "keeps the order of the entries of one goroutine", testOrderOfOne)
	s.each(t, "puts the entries of many goroutines in one order", testOrderOfMany)
	s.each(t, "keeps rooms with similar names apart", testRooms)
}

func testFields(t *tester) {
	entries := []journal.Entry{
		{Kind: journal.Message, From: journal.User{ID: "u7", Name: "李", Avatar: "https://a.example/7", Guest: true},
			Key: "k\x00\xff", Body: []byte(`{"text":"你好 😀"}`), Origin: "s1"},
		{Kind: journal.Message, From: journal.User{ID: "u1"}, Body: []byte("plain \"text\""), Text: true},
		{Kind: journal.Message, From: journal.User{ID: "u1"}, Text: true},
		{Kind: journal.Message, From: journal.User{ID: "u1"}, Body: []byte(strings.Repeat("x", 100_000))},
		{Kind: journal.Notice, Body: []byte(`"maintenance"`)},
		{Kind: journal.Recall, From: journal.User{ID: "u2"}, Target: 1<<53 - 1},
	}
	l := t.follow("room")
	for i := range entries {
		entries[i].Room = "room"
		r := t.append(entries[i])
		entries[i].Seq, entries[i].At = r.Seq, r.At
	}
	for i, got := range t.all("room") {
		t.checkSame("read", got, entries[i])
	}
	for i, got := range l.deliveredSoFar() {
		t.checkSame("delivered", got, entries[i])
		if got.Origin != entries[i].Origin {
			t.Errorf("delivered: Origin is %q, want %q", got.Origin, entries[i].Origin)
		}
	}
}

func testOrderOfOne(t *tester) {
	const n = 300
	var sent []pending
	for i := range n {
		sent = append(sent, t.send(message(fmt.Sprintf("room%d", i%3), "u1", fmt.Sprint(i))))
	}
	for i, p := range sent {
		if r := p.must(); r.Seq != journal.Seq(i/3+1) {
			t.Fatalf("message %d got %d, want %d", i, r.Seq, i/3+1)
		}
	}
	for room := range 3 {
		for i, e := range t.all(fmt.Sprintf("room%d", room)) {
			if want := fmt.Sprint(i*3 + room); string(e.Body) != want {
				t.Fatalf("entry %d says %s, want %s", e.Seq, e.Body, want)
			}
		}
	}
}

func testOrderOfMany(t *tester) {
	const goroutines, rooms, each = 8, 3, 40
	receipts := make([][rooms][each]pending, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				for room := range rooms {
					receipts[g][room][i] = t.send(message(fmt.Sprint(room), fmt.Sprint(g), fmt.Sprint(i)))
				}
			}
		})
	}
	wg.Wait()
	for room := range rooms {
		said := map[journal.Seq]string{}
		for g := range goroutines {
			for i := range each {
				said[receipts[g][room][i].must().Seq] = fmt.Sprintf("%d says %d", g, i)
			}
		}
		entries := t.all(fmt.Sprint(room))
		if len(entries) != goroutines*each || len(said) != len(entries) {
			t.Fatalf("%d entries and %d numbers, want %d", len(entries), len(said), goroutines*each)
		}
		t.checkNumbers(entries, 1)
		next := map[string]int{}
		for _, e := range entries {
			if got := fmt.Sprintf("%s says %s", e.From.ID, e.Body); got != said[e.Seq] {
				t.Fatalf("entry %d: %s, but the receipt was for: %s", e.Seq, got, said[e.Seq])
			}
			if string(e.Body) != fmt.Sprint(next[e.From.ID]) {
				t.Fatalf("goroutine %s: %s came when %d was next", e.From.ID, e.Body, next[e.From.ID])
			}
			next[e.From.ID]++
		}
	}
}

func testRooms(t *tester) {
	for round := range 3 {
		for _, room := range similarRooms {
			t.send(message(room, "u1", fmt.Sprintf("%d in %q", round, room)))
		}
	}
	for _, room := range similarRooms {
		t.append(recall(room, "u1", 2))
		entries := t.all(room)
		if len(entries) != 4 {
			t.Fatalf("room %q has %d entries, want 4", room, len(entries))
		}
		t.checkNumbers(entries, 1)
		for i, e := range entries {
			want := fmt.Sprintf("%d in %q", i, room)
			if i == 1 || i == 3 {
				want = ""
			}
			if e.Room != room || string(e.Body) != want {
				t.Errorf("room %q: entry %d is of %q and says %s", room, e.Seq, e.Room, e.Body)
			}
		}
		if page := t.read(journal.Query{Room: room, Backward: true, Limit: 2}); len(page.Entries) != 2 || page.Entries[0].Seq != 3 {
			t.Errorf("room %q: the newest two are %+v", room, page.Entries)
		}
	}
}
