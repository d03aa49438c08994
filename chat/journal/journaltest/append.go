package journaltest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testAppend(t *testing.T, s *tester.Suite) {
	s.Each(t, "numbers a room from 1 without holes", func(t *tester.T) {
		for i := range 10 {
			r := t.Append(tester.Message("room", "u1", `"x"`))
			if r.Seq != journal.Seq(i+1) || r.Duplicate {
				t.Fatalf("receipt %d: %+v", i+1, r)
			}
		}
		t.CheckNumbers(t.All("room"), 1)
	})
	s.Each(t, "gives a receipt that agrees with the entry that is read", func(t *tester.T) {
		before := time.Now().UnixMilli()
		r := t.Append(tester.Message("room", "u1", `"x"`))
		page := t.Read(journal.Query{Room: "room", Limit: 10})
		e := page.Entries[0]
		if r.Epoch == "" || r.Epoch != page.Epoch || r.Seq != e.Seq || r.At != e.At {
			t.Errorf("receipt %+v, epoch %q, entry %+v", r, page.Epoch, e)
		}
		if r.At < before || r.At > time.Now().UnixMilli() {
			t.Errorf("At is %d, not now", r.At)
		}
	})
	s.Each(t, "keeps every field", testFields)
	s.Each(t, "gets ErrLimit beyond every limit", testLimits)
	s.Each(t, "is not cancelled once it has returned", func(t *tester.T) {
		for i := range 100 {
			ctx, cancel := context.WithCancel(tester.Background)
			p := t.SendWithin(ctx, tester.Message("room", "u1", `"x"`))
			cancel()
			if r := p.Must(); r.Seq != journal.Seq(i+1) {
				t.Fatalf("receipt %+v, want %d", r, i+1)
			}
		}
	})
	s.Each(t, "records nothing, or all is well, if its context has ended before", func(t *tester.T) {
		ctx, cancel := context.WithCancel(tester.Background)
		cancel()
		for i := range 20 {
			e := tester.With(tester.Keyed("room", "u1", fmt.Sprint("k", i), `"x"`), fmt.Sprint("r", i), "x")
			r, err := t.SendWithin(ctx, e).Wait()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want that of the context", err)
			}
			if found := t.Find("room", "u1", e.Key); (found.Seq != 0) != (err == nil) || found.Seq != r.Seq || (t.Get(e.With[0].Key) != nil) != (err == nil) {
				t.Errorf("with the error %v, found %+v", err, found)
			}
			if again := t.Append(e); again.Duplicate != (err == nil) {
				t.Errorf("after %v, again: %+v", err, again)
			}
		}
		t.CheckRoom("room")
	})
	s.Each(t, "keeps the order of the entries of one goroutine", testOrderOfOne)
	s.Each(t, "puts the entries of many goroutines in one order", testOrderOfMany)
	s.Each(t, "keeps rooms with similar names apart", testRooms)
}

func testFields(t *tester.T) {
	entries := []journal.Entry{
		{Kind: journal.Message, From: journal.User{ID: "u7", Name: "李", Avatar: "https://a.example/7", Guest: true},
			Key: "k\x00\xff", Body: []byte(`{"text":"你好 😀"}`), Origin: journal.Origin{Node: "n1", Session: "s1"}},
		{Kind: journal.Message, From: journal.User{ID: "u1"}, Body: []byte("plain \"text\""), Text: true},
		{Kind: journal.Message, From: journal.User{ID: "u1"}, Text: true, Quiet: true},
		{Kind: journal.Message, From: journal.User{ID: "u1"}, Target: 1, Mentions: []string{"u7", "李"}, Via: "crm", Body: []byte(`"x"`)},
		{Kind: journal.Message, From: journal.User{ID: "u1"}, Target: 1 << 52, Mentions: []string{"*"}, Body: []byte(`"a reply to nothing"`)},
		{Kind: journal.Message, From: journal.User{ID: "u1"}, Body: []byte(strings.Repeat("x", 100_000))},
		{Kind: journal.Notice, Body: []byte(`"maintenance"`), Quiet: true},
		{Kind: journal.Member, From: journal.User{ID: "u1"}, Body: []byte(`{"users":["u7"]}`)},
		{Kind: journal.Info, From: journal.User{ID: "u1"}, Body: []byte(`{"title":"x"}`)},
		{Kind: journal.Tag, From: journal.User{ID: "u1"}, Target: 1, Key: "t", Body: []byte(`{"add":"👍"}`)},
		{Kind: journal.Event, Body: []byte(`{"type":"webhook"}`)},
		{Kind: journal.Recall, From: journal.User{ID: "u2"}, Target: 1<<53 - 1},
	}
	l := t.Follow("room")
	for i := range entries {
		entries[i].Room = "room"
		r := t.Append(entries[i])
		entries[i].Seq, entries[i].At = r.Seq, r.At
	}
	for i, got := range t.All("room") {
		t.CheckSame("read", got, entries[i])
	}
	for i, got := range l.DeliveredSoFar() {
		t.CheckSame("delivered", got, entries[i])
		if got.Origin != entries[i].Origin {
			t.Errorf("delivered: Origin is %v, want %v", got.Origin, entries[i].Origin)
		}
	}
}

func testLimits(t *tester.T) {
	said := func(change func(e *journal.Entry)) journal.Entry {
		e := tester.Message("room", "u1", `"x"`)
		change(&e)
		return e
	}
	records := func(n, key, value int) journal.Entry {
		return said(func(e *journal.Entry) {
			for i := range n {
				e.With = append(e.With, journal.Record{Key: fmt.Sprintf("%0*d", key, i), Value: make([]byte, value)})
			}
		})
	}
	t.Append(said(func(e *journal.Entry) { e.Mentions = make([]string, journal.MaxMentions) }))
	t.Append(records(journal.MaxWith, 12, journal.MaxWithBytes/journal.MaxWith-12))
	t.Append(records(1, journal.MaxRecordKey, journal.MaxRecord))
	for name, e := range map[string]journal.Entry{
		"too many mentions":         said(func(e *journal.Entry) { e.Mentions = make([]string, journal.MaxMentions+1) }),
		"too many records":          records(journal.MaxWith+1, 4, 0),
		"too large records":         records(journal.MaxWithBytes/4096, 20, 4096-19),
		"a record without a key":    tester.With(said(func(*journal.Entry) {}), "", "x"),
		"a large key of a record":   records(1, journal.MaxRecordKey+1, 0),
		"a key that is not UTF-8":   tester.With(said(func(*journal.Entry) {}), "\xff", "x"),
		"a large record":            records(1, 4, journal.MaxRecord+1),
		"a recall without a target": said(func(e *journal.Entry) { e.Kind = journal.Recall }),
		"an edit without a target":  said(func(e *journal.Entry) { e.Kind = journal.Edit }),
		"a tag without a target":    said(func(e *journal.Entry) { e.Kind = journal.Tag }),
		"a signal with a record":    tester.With(journal.Entry{Room: "room", Kind: journal.Signal}, "x", "x"),
		"a signal with a condition": {Room: "room", Kind: journal.Signal, Since: 1},
	} {
		t.Refused(name, e, journal.ErrLimit)
	}
	if v := t.Get("x"); v != nil {
		t.Errorf("a signal has written a record: %q", v)
	}
}

func testOrderOfOne(t *tester.T) {
	const n = 300
	var sent []tester.Pending
	for i := range n {
		sent = append(sent, t.Send(tester.Message(fmt.Sprintf("room%d", i%3), "u1", fmt.Sprint(i))))
	}
	for i, p := range sent {
		if r := p.Must(); r.Seq != journal.Seq(i/3+1) {
			t.Fatalf("message %d got %d, want %d", i, r.Seq, i/3+1)
		}
	}
	for room := range 3 {
		for i, e := range t.All(fmt.Sprintf("room%d", room)) {
			if want := fmt.Sprint(i*3 + room); string(e.Body) != want {
				t.Fatalf("entry %d says %s, want %s", e.Seq, e.Body, want)
			}
		}
	}
}

func testOrderOfMany(t *tester.T) {
	const goroutines, rooms, each = 8, 3, 40
	receipts := make([][rooms][each]tester.Pending, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				for room := range rooms {
					receipts[g][room][i] = t.Send(tester.Message(fmt.Sprint(room), fmt.Sprint(g), fmt.Sprint(i)))
				}
			}
		})
	}
	wg.Wait()
	for room := range rooms {
		said := map[journal.Seq]string{}
		for g := range goroutines {
			for i := range each {
				said[receipts[g][room][i].Must().Seq] = fmt.Sprintf("%d says %d", g, i)
			}
		}
		entries := t.All(fmt.Sprint(room))
		if len(entries) != goroutines*each || len(said) != len(entries) {
			t.Fatalf("%d entries and %d numbers, want %d", len(entries), len(said), goroutines*each)
		}
		t.CheckNumbers(entries, 1)
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

func testRooms(t *tester.T) {
	for round := range 3 {
		for _, room := range tester.SimilarRooms {
			t.Send(tester.Message(room, "u1", fmt.Sprintf("%d in %q", round, room)))
		}
	}
	for _, room := range tester.SimilarRooms {
		t.Append(tester.Recall(room, "u1", 2))
		entries := t.All(room)
		if len(entries) != 4 {
			t.Fatalf("room %q has %d entries, want 4", room, len(entries))
		}
		t.CheckNumbers(entries, 1)
		for i, e := range entries {
			want := fmt.Sprintf("%d in %q", i, room)
			if i == 1 || i == 3 {
				want = ""
			}
			if e.Room != room || string(e.Body) != want {
				t.Errorf("room %q: entry %d is of %q and says %s", room, e.Seq, e.Room, e.Body)
			}
		}
		if page := t.Read(journal.Query{Room: room, Backward: true, Limit: 2}); len(page.Entries) != 2 || page.Entries[0].Seq != 3 {
			t.Errorf("room %q: the newest two are %+v", room, page.Entries)
		}
	}
}
