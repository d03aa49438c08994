package tester

import (
	"bytes"
	"errors"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func (t *T) Read(q journal.Query) journal.Page {
	t.Helper()
	page, err := t.J.Read(Background, q)
	if err != nil {
		t.Fatalf("Read(%+v): %v", q, err)
	}
	return page
}

// All returns all entries that are kept of the room, read page by page.
func (t *T) All(room string) []journal.Entry {
	t.Helper()
	var entries []journal.Entry
	q := journal.Query{Room: room, Limit: 100}
	for {
		page := t.Read(q)
		entries = append(entries, page.Entries...)
		if !page.More {
			return entries
		}
		if len(page.Entries) == 0 {
			t.Fatalf("Read(%+v): no entries, and more of them", q)
		}
		q.After = page.Entries[len(page.Entries)-1].Seq
	}
}

// Backward returns all entries of a room, read from its end in pages of limit.
func (t *T) Backward(room string, limit int) []journal.Entry {
	t.Helper()
	var entries []journal.Entry
	q := journal.Query{Room: room, Backward: true, Limit: limit}
	for {
		page := t.Read(q)
		entries = slices.Concat(page.Entries, entries)
		if !page.More {
			return entries
		}
		if len(page.Entries) == 0 {
			t.Fatalf("Read(%+v): no entries, and more of them", q)
		}
		q.Before = page.Entries[0].Seq
	}
}

// Newest returns the newest entry of a room.
func (t *T) Newest(room string) journal.Entry {
	t.Helper()
	page := t.Read(journal.Query{Room: room, Backward: true, Limit: 1})
	if len(page.Entries) != 1 {
		t.Fatalf("Read of the newest: %d entries", len(page.Entries))
	}
	return page.Entries[0]
}

// Entry returns one entry of a room.
func (t *T) Entry(room string, seq journal.Seq) journal.Entry {
	t.Helper()
	page := t.Read(journal.Query{Room: room, After: seq - 1, Limit: 1})
	if len(page.Entries) != 1 || page.Entries[0].Seq != seq {
		t.Fatalf("Read of %d: %d entries", seq, len(page.Entries))
	}
	return page.Entries[0]
}

// CheckNumbers checks that entries are numbered from first without holes.
func (t *T) CheckNumbers(entries []journal.Entry, first journal.Seq) {
	t.Helper()
	for i, e := range entries {
		if e.Seq != first+journal.Seq(i) {
			t.Fatalf("entry %d is numbered %d, want %d", i, e.Seq, first+journal.Seq(i))
		}
		if i > 0 && e.At < entries[i-1].At {
			t.Fatalf("entry %d: At %d is before %d, that of the one before", e.Seq, e.At, entries[i-1].At)
		}
	}
}

// CheckSame checks that an entry is as wanted, except for Origin. Count, Position and
// Epoch count only if they are wanted.
func (t *T) CheckSame(what string, got, want journal.Entry) {
	t.Helper()
	if why := difference(got, want); why != "" {
		t.Fatalf("%s: %s\n got %+v\nwant %+v", what, why, got, want)
	}
}

// Same reports whether an entry is as wanted.
func Same(got, want journal.Entry) bool { return difference(got, want) == "" }

// difference names a field in which an entry is not as wanted.
func difference(a, b journal.Entry) string {
	switch {
	case a.Room != b.Room:
		return "Room"
	case a.Kind != b.Kind:
		return "Kind"
	case a.From != b.From:
		return "From"
	case a.Key != b.Key:
		return "Key"
	case a.Target != b.Target:
		return "Target"
	case !slices.Equal(a.Mentions, b.Mentions):
		return "Mentions"
	case a.Via != b.Via:
		return "Via"
	case a.Quiet != b.Quiet:
		return "Quiet"
	case !bytes.Equal(a.Body, b.Body):
		return "Body"
	case a.Text != b.Text:
		return "Text"
	case a.Seq != b.Seq:
		return "Seq"
	case a.At != b.At:
		return "At"
	case a.Recalled != b.Recalled:
		return "Recalled"
	case a.Edited != b.Edited:
		return "Edited"
	case a.Since != 0 || len(a.With) > 0:
		return "Since or With"
	case b.Count != 0 && a.Count != b.Count:
		return "Count"
	case b.Position != 0 && a.Position != b.Position:
		return "Position"
	case b.Epoch != "" && a.Epoch != b.Epoch:
		return "Epoch"
	}
	return ""
}

// CheckPage checks one page of a room. entries are all entries of the room. The page
// may be shorter than its limit if it says that there are more.
func CheckPage(t *T, q journal.Query, entries []journal.Entry) {
	t.Helper()
	page := t.Read(q)
	first, last := entries[0].Seq, entries[len(entries)-1].Seq
	if page.First != first || page.Last != last {
		t.Fatalf("Read(%+v): First %d and Last %d, want %d and %d", q, page.First, page.Last, first, last)
	}
	want := wanted(q, entries)
	got := page.Entries
	if len(got) > q.Limit || len(got) > len(want) || len(got) == 0 && len(want) > 0 && q.Limit > 0 {
		t.Fatalf("Read(%+v): %d entries of %d that match", q, len(got), len(want))
	}
	size := 0
	for _, e := range got {
		size += e.Size()
	}
	if q.Bytes > 0 && size > q.Bytes && len(got) > 1 {
		t.Fatalf("Read(%+v): %d entries with %d bytes", q, len(got), size)
	}
	if more := len(got) < len(want); page.More != more {
		t.Fatalf("Read(%+v): More is %v with %d entries of %d", q, page.More, len(got), len(want))
	}
	if q.Backward {
		want = want[len(want)-len(got):]
	}
	for i := range got {
		t.CheckSame("read", got[i], want[i])
	}
}

// CheckPages checks every page of a room that can be asked for. entries are all
// entries of the room.
func CheckPages(t *T, room string, entries []journal.Entry) {
	t.Helper()
	end := entries[len(entries)-1].Seq + 3
	for _, limit := range []int{0, 1, 2, 3, len(entries) - 1, len(entries), len(entries) + 1, 1000} {
		for at := journal.Seq(0); at <= end; at++ {
			CheckPage(t, journal.Query{Room: room, After: at, Limit: limit}, entries)
			CheckPage(t, journal.Query{Room: room, Before: at, Backward: true, Limit: limit}, entries)
		}
		CheckPage(t, journal.Query{Room: room, After: 1 << 53, Limit: limit}, entries)
		CheckPage(t, journal.Query{Room: room, Before: 1 << 53, Backward: true, Limit: limit}, entries)
	}
}

// wanted returns the entries that q asks for, without its limit.
func wanted(q journal.Query, entries []journal.Entry) []journal.Entry {
	var want []journal.Entry
	for _, e := range entries {
		if q.Backward && (q.Before == 0 || e.Seq < q.Before) || !q.Backward && e.Seq > q.After {
			want = append(want, e)
		}
	}
	return want
}

func (t *T) Pages(q []journal.Query, bytes int) []journal.Page {
	t.Helper()
	pages, err := t.J.Pages(Background, q, bytes)
	if err != nil || len(pages) != len(q) {
		t.Fatalf("Pages: %d of %d, %v", len(pages), len(q), err)
	}
	return pages
}

// checkVisible checks that an entry that is delivered can be read.
func (t *T) checkVisible(e journal.Entry) {
	page, err := t.J.Read(Background, journal.Query{Room: e.Room, After: e.Seq - 1, Limit: 1})
	switch {
	case errors.Is(err, journal.ErrClosed): // the journal is being closed
	case err != nil:
		t.Errorf("Read while %d was delivered: %v", e.Seq, err)
	case page.Last < e.Seq:
		t.Errorf("%d was delivered when the last one to be read was %d", e.Seq, page.Last)
	}
}
