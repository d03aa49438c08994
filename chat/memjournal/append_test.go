package memjournal

import (
	"context"
	"slices"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func TestRestore_GoesOnCounting(t *testing.T) {
	j := open(t, Options{})
	old := journal.Entry{Room: "room", Kind: journal.Message, Seq: 500, At: 1, Count: 400, Since: 1, With: []journal.Record{{Key: "a", Value: []byte("x")}}}
	if n, _, err := j.Restore(background, []journal.Entry{old}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if r := say(t, j, "room", "", "x"); r.Seq != 501 || r.Count != 401 {
		t.Errorf("the next receipt is %+v", r)
	}
	if list := slices.Collect(j.records.scan("")); len(list) > 0 {
		t.Errorf("records were written: %v", list)
	}
	if h := head(t, j, "room"); h.Count != 401 || h.Dropped != 399 || h.Unread(0) != 2 {
		t.Errorf("the head is %+v", h)
	}
	for name, e := range map[string]journal.Entry{
		"a transient entry":  {Room: "other", Kind: journal.Signal, Seq: 1},
		"one without number": {Room: "other", Kind: journal.Message},
	} {
		if n, _, err := j.Restore(background, []journal.Entry{e}); n != 0 || err == nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

// A key that an export has twice belongs to the first entry.
func TestRestore_TheFirstOfTwoKeysCounts(t *testing.T) {
	j := open(t, Options{Retention: keepAll})
	twice := func(seq journal.Seq) journal.Entry {
		return journal.Entry{Room: "room", Kind: journal.Message, From: journal.User{ID: "li"}, Key: "k", Seq: seq, At: 1}
	}
	if n, _, err := j.Restore(background, []journal.Entry{twice(1), twice(2)}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if r := say(t, j, "room", "k", "x"); !r.Duplicate || r.Seq != 1 {
		t.Errorf("the receipt is %+v", r)
	}
	checkBytes(t, j.store)
}

// Nothing is kept for a transient entry that nobody hears.
func TestAppend_MakesNoRoomForATransientEntry(t *testing.T) {
	j := open(t, Options{})
	before := j.Stats().Bytes
	if r := must(t, j, journal.Entry{Room: "room", Kind: journal.Signal}); r.At == 0 || r != (journal.Receipt{At: r.At}) {
		t.Errorf("the receipt is %+v", r)
	}
	if n := j.Stats().Bytes; n != before || len(j.rooms) != 0 {
		t.Errorf("it takes %d bytes", n-before)
	}
}

// Nothing cancels an entry here, since nothing waits.
func TestAppend_NeverWaitsForItsContext(t *testing.T) {
	j := open(t, Options{})
	ctx, cancel := context.WithCancel(background)
	cancel()
	answered := false
	j.Append(ctx, journal.Entry{Room: "room", Kind: journal.Message}, func(r journal.Receipt, err error) {
		answered = r.Seq == 1 && err == nil
	})
	if !answered {
		t.Error("Append did not record")
	}
}

// What a caller sets of the fields that the journal sets is ignored.
func TestAppend_SetsItsOwnFields(t *testing.T) {
	j := open(t, Options{})
	var got []journal.Entry
	if _, err := j.Follow("room", journal.Newest, deliverer(func(e journal.Entry) { got = append(got, e) })); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []journal.Kind{journal.Message, journal.Signal} {
		must(t, j, journal.Entry{Room: "room", Kind: kind, Seq: 7, At: 7, Count: 7, Position: 7, Edited: 7, Epoch: "7", Recalled: true, Origin: journal.Origin{Session: "s"}})
	}
	page, err := j.Read(background, journal.Query{Room: "room", Limit: 1})
	if err != nil || page.Entries[0].Origin != (journal.Origin{}) || got[0].Origin.Session != "s" {
		t.Errorf("kept %+v, %v; delivered %+v", page.Entries, err, got[0])
	}
	for i, want := range []journal.Entry{{Seq: 1, Count: 1, Position: 1}, {}} {
		e := got[i]
		if e.Seq != want.Seq || e.Count != want.Count || e.Position != want.Position || e.Edited != 0 || e.Epoch != "" || e.Recalled || e.At == 7 {
			t.Errorf("delivered %+v", e)
		}
	}
}
