package tester

import (
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Head returns the head of a room.
func (t *T) Head(room string) journal.Head {
	t.Helper()
	heads, err := t.J.Heads(Background, []string{room})
	if err != nil || len(heads) != 1 {
		t.Fatalf("Heads(%q): %d, %v", room, len(heads), err)
	}
	return heads[0]
}

// CheckRoom checks that nothing in a room contradicts itself: numbers, times, counts
// and positions of the entries, its pages and its head. Nobody may append meanwhile.
func (t *T) CheckRoom(room string) {
	t.Helper()
	page, entries, head := t.Read(journal.Query{Room: room}), t.All(room), t.Head(room)
	if page.Last == 0 {
		if !SameHead(head, journal.Head{}) || len(entries) > 0 || page.First != 1 || page.Count != 0 || page.Dropped != 0 {
			t.Fatalf("room %q without entries: page %+v, head %+v", room, page, head)
		}
		return
	}
	want := journal.Head{Epoch: page.Epoch, First: page.First, Last: page.Last, At: head.At, Position: head.Position, Count: page.Count, Dropped: page.Dropped, State: head.State}
	if page.Epoch == "" || len(entries) != int(page.Last+1-page.First) || page.More != (len(entries) > 0) {
		t.Fatalf("room %q: %d entries, page %+v", room, len(entries), page)
	}
	t.CheckNumbers(entries, page.First)
	count, position := page.Dropped, journal.Position(0)
	for _, e := range entries {
		if e.Counts() {
			count, want.Newest = count+1, e
		}
		if e.Kind.Governs() {
			want.State = e.Seq
		}
		if e.Count != count || e.Position < position || e.Position == position && position > 0 {
			t.Fatalf("room %q, entry %d: Count %d, want %d, Position %d behind %d", room, e.Seq, e.Count, count, e.Position, position)
		}
		want.At, want.Position, position = e.At, e.Position, e.Position
	}
	if count != page.Count || head.State > head.Last || head.State >= page.First && head.State != want.State {
		t.Fatalf("room %q: Count is %d, want %d; State %d, want %d", room, page.Count, count, head.State, want.State)
	}
	if !SameHead(head, want) {
		t.Fatalf("room %q has the head\n%+v\nwant\n%+v", room, head, want)
	}
	if n := head.Count - head.Dropped; head.Unread(0) != n || page.Unread(head.Dropped+n/2) != n-n/2 || page.Unread(page.Count) != 0 {
		t.Fatalf("room %q: %d are unread of %d", room, head.Unread(0), n)
	}
}

func SameHead(a, b journal.Head) bool {
	if difference(a.Newest, b.Newest) != "" || a.Newest.Count != b.Newest.Count || a.Newest.Position != b.Newest.Position {
		return false
	}
	a.Newest, b.Newest = journal.Entry{}, journal.Entry{}
	return fmt.Sprint(a) == fmt.Sprint(b)
}
