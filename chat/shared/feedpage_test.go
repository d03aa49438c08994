package shared

import (
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// What is still to be read begins behind the last entry that was. Nothing was if retention has
// removed all of it.
func TestBehindOf(t *testing.T) {
	ranges := func() []Range { return []Range{{"a", 1, 5}, {"b", 3, 4}} }
	for _, c := range []struct {
		last *journal.Entry
		want string
	}{
		{nil, "[]"}, {&journal.Entry{Room: "a", Seq: 2}, "[{a 3 5} {b 3 4}]"}, {&journal.Entry{Room: "a", Seq: 5}, "[{b 3 4}]"},
		{&journal.Entry{Room: "b", Seq: 3}, "[{b 4 4}]"}, {&journal.Entry{Room: "b", Seq: 4}, "[]"},
	} {
		var entries []journal.Entry
		if c.last != nil {
			entries = append(entries, *c.last)
		}
		if got := fmt.Sprint(behindOf(ranges(), entries)); got != c.want {
			t.Errorf("behind %v: %s, want %s", c.last, got, c.want)
		}
	}
}

func TestFeedPage(t *testing.T) {
	rows := []Row{
		{Number: 1, Ranges: []Range{{"a", 1, 2}, {"b", 1, 1}}}, // positions 1, 2, 3
		{Number: 2, Ranges: []Range{{"a", 3, 3}}},              // 1024
		{Number: 3, Ranges: []Range{{"b", 1, 1}}},              // 2047, another life of b
		{Number: 4, Ranges: []Range{{"c", 1, 1}}},              // it came after the marks were read
	}
	kept := map[string]journal.Entry{}
	for i, at := range []journal.Position{2, 1024, 2047} {
		e := journal.Entry{Room: []string{"a", "a", "b"}[i], Seq: []journal.Seq{2, 3, 1}[i], Position: at}
		kept[fmt.Sprint(e.Room, e.Seq)] = e
	}
	for _, c := range []struct {
		after journal.Position
		limit int
		stop  int // so many entries are read; 0: all
		want  string
		cut   bool
	}{
		{0, 9, 0, "a1? a2 b1? a3 b1 at 2047", false},
		{0, 2, 0, "a1? a2 at 2", true},
		{2, 9, 0, "b1? a3 b1 at 2047", false},
		{3, 1, 0, "a3 at 1024", true},
		{1023, 9, 0, "a3 b1 at 2047", false},
		{2047, 9, 0, " at 2047", false},
		{0, 9, 1, "a1? a2 at 2", false},
		{0, 9, 2, "a1? a2 b1? a3 at 1024", false},
	} {
		places, cut := placesOf(rows, c.after, 3, c.limit)
		var read []journal.Entry
		for _, r := range rangesOf(places) {
			for seq := r.Lo; seq <= r.Hi; seq++ {
				if e, is := kept[fmt.Sprint(r.Room, seq)]; is {
					read = append(read, e)
				}
			}
		}
		if c.stop > 0 { // as of the order of positions, of which the first life of b has none
			read = []journal.Entry{kept["a2"], kept["a3"]}[:c.stop]
		}
		page := journal.FeedPage{Next: c.after}
		fillPage(&page, places, read, c.stop == 0)
		got, e, m := "", 0, 0
		for _, p := range places {
			if p.position > page.Next {
				break
			}
			if e < len(page.Entries) && page.Entries[e].Position == p.position {
				got += fmt.Sprint(p.room, p.seq, " ")
				e++
				continue
			}
			if m < len(page.Missing) && page.Missing[m].Room == p.room && page.Missing[m].From == p.seq {
				got += fmt.Sprint(p.room, p.seq, "? ")
				m++
			}
		}
		got += fmt.Sprint("at ", page.Next)
		if c.want[0] == ' ' {
			got = " " + got
		}
		if got != c.want || cut != c.cut || e != len(page.Entries) || m != len(page.Missing) {
			t.Errorf("behind %d: %s, cut %v, want %s", c.after, got, cut, c.want)
		}
	}
}
