package journal

import (
	"strings"
	"testing"
)

func TestEntry_Counts_UnlessQuiet(t *testing.T) {
	for kind := range kinds {
		e := Entry{Kind: Kind(kind)}
		quiet := Entry{Kind: Kind(kind), Quiet: true}
		if want := e.Kind == Message || e.Kind == Notice; e.Counts() != want || quiet.Counts() {
			t.Errorf("kind %d: Counts is %v, quiet %v", kind, e.Counts(), quiet.Counts())
		}
	}
}

func TestEntry_Size_CountsEveryText(t *testing.T) {
	empty := Entry{}
	if empty.Size() != 320 {
		t.Errorf("an empty entry counts for %d bytes", empty.Size())
	}
	text := strings.Repeat("x", 100)
	for name, c := range map[string]struct {
		e    Entry
		want int
	}{
		"Body":     {Entry{Body: []byte(text)}, 100},
		"Key":      {Entry{Key: text}, 100},
		"ID":       {Entry{From: User{ID: text}}, 100},
		"Name":     {Entry{From: User{Name: text}}, 100},
		"Avatar":   {Entry{From: User{Avatar: text}}, 100},
		"Via":      {Entry{Via: text}, 100},
		"Mentions": {Entry{Mentions: []string{text, "*"}}, 133},
	} {
		if got := c.e.Size() - empty.Size(); got != c.want {
			t.Errorf("%s counts for %d bytes, want %d", name, got, c.want)
		}
	}
}

func TestHead_Unread(t *testing.T) {
	for _, c := range []struct{ count, dropped, mark, want uint64 }{
		{0, 0, 0, 0}, {10, 0, 0, 10}, {10, 0, 4, 6}, {10, 3, 0, 7}, {10, 3, 3, 7}, {10, 3, 4, 6}, {10, 3, 10, 0}, {10, 10, 2, 0}, {10, 0, 11, 0},
	} {
		h, p := Head{Count: c.count, Dropped: c.dropped}, Page{Count: c.count, Dropped: c.dropped}
		if h.Unread(c.mark) != c.want || p.Unread(c.mark) != c.want {
			t.Errorf("%+v: %d and %d are unread", c, h.Unread(c.mark), p.Unread(c.mark))
		}
	}
}
