package access

import (
	"strings"
	"testing"
)

func TestCheckPattern(t *testing.T) {
	for _, p := range []string{
		"lobby", "*", "support-*", "*-de-*", "**", "inbox-{user}", "{user}", "{user}/*", "*/{user}",
		"房间-*", strings.Repeat("a", 256),
	} {
		if err := CheckPattern(p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
	for p, want := range map[string]string{
		"":                       "is empty",
		strings.Repeat("a", 257): "has 257 bytes",
		"a\xff":                  "not UTF-8",
		"a\nb":                   "control character",
		"{room}":                 "braces are for {user} only",
		"{user":                  "braces are for {user} only",
		"a}":                     "braces are for {user} only",
		"dm:{user}:{user}":       "more than once",
		"{user}*":                "text between",
		"a*{user}":               "text between",
		"*-{user}-*":             "one *",
	} {
		if err := CheckPattern(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", p, err, want)
		}
	}
}

func TestPattern_Match(t *testing.T) {
	for _, c := range []struct {
		pattern, room string
		ok            bool
		owners        string // of a, b, a-b, guest~1: those whom the room belongs to
	}{
		{"lobby", "lobby", true, ""},
		{"lobby", "Lobby", false, ""},
		{"lobby", "lobby2", false, ""},
		{"*", "", true, ""},
		{"*", "anything/at all", true, ""},
		{"support-*", "support-", true, ""},
		{"support-*", "support-7", true, ""},
		{"support-*", "xsupport-7", false, ""},
		{"*-de", "team-de", true, ""},
		{"*-de", "team-de-old", false, ""},
		{"a*b*c", "axxbyyc", true, ""},
		{"a*b*c", "abc", true, ""},
		{"a*b*c", "acb", false, ""},
		{"a*a", "a", false, ""},
		{"*ab", "aab", true, ""},
		{"*a*b", "ba", false, ""},

		{"inbox-{user}", "inbox-a", true, "a"},
		{"inbox-{user}", "inbox-a-b", true, "a-b"},
		{"inbox-{user}", "inbox-guest~1", true, "guest~1"},
		{"inbox-{user}", "inbox-c", true, ""},
		{"inbox-{user}", "inbox-", false, ""},
		{"inbox-{user}", "inbox", false, ""},
		{"{user}", "a", true, "a"},
		{"{user}", "", false, ""},
		{"{user}-box", "a-box", true, "a"},
		{"{user}-box", "-box", false, ""},
		{"{user}-box", "a-b-box", true, "a-b"},

		{"{user}/*", "a/", true, "a"},
		{"{user}/*", "a/b/c", true, "a"},
		{"{user}/*", "/b", false, ""},
		{"{user}/*", "a", false, ""},
		{"*/{user}", "x/y/a", true, "a"},
		{"*/{user}", "/a", true, "a"},
		{"*/{user}", "x/", false, ""},
		{"*-{user}", "x-a-b", true, "b"}, // not a-b's as well
		{"*.{user}!", "x.y.a!", true, "a"},
		{"*.{user}!", "x.a", false, ""},
		{"x{user}-*-z", "xa-y-z", true, "a"},
		{"x{user}-*-z", "xa-z", false, ""},
	} {
		var owners []string
		for _, id := range []string{"a", "b", "a-b", "guest~1"} {
			ok, owned := match(c.pattern, c.room, id)
			if ok != c.ok {
				t.Errorf("%q matches %q: %v", c.room, c.pattern, ok)
			}
			if owned {
				owners = append(owners, id)
			}
		}
		if got := strings.Join(owners, " "); got != c.owners {
			t.Errorf("%q by %q belongs to %q, want %q", c.room, c.pattern, got, c.owners)
		}
	}
}

// FuzzPattern lays any pattern over any name. What it may not do is to give a
// room to a user who is not in it, or to several.
func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"lobby", "lobby"}, {"a*b*c", "axbxc"}, {"dm:{user}", "dm:a:b"}, {"{user}:*", "a:x:b"},
		{"*.{user}!", "x.a-b!"}, {"aa{user}aa", "aaaaa"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, room string) {
		if len(room) > 128 || len(pattern) > maxPattern {
			return
		}
		sound := CheckPattern(pattern) == nil
		ok, _ := match(pattern, room, "no such user")
		if !strings.Contains(pattern, userSlot) {
			if want := slowGlob(pattern, room); ok != want {
				t.Errorf("%q matches %q: %v, want %v", room, pattern, ok, want)
			}
			return
		}
		if !sound {
			return
		}
		found := map[string]bool{}
		for i := range room {
			for j := i + 1; j <= len(room); j++ {
				id := room[i:j]
				also, owned := match(pattern, room, id)
				if also != ok {
					t.Fatalf("%q matches %q for %q: %v, for others %v", room, pattern, id, also, ok)
				}
				if owned {
					found[id] = true
				}
			}
		}
		if len(found) > 1 || ok != (len(found) > 0) {
			t.Errorf("%q by %q: belongs to %v, fits %v", room, pattern, found, ok)
		}
		if ok && !slowGlob(strings.ReplaceAll(pattern, userSlot, "*"), room) {
			t.Errorf("%q matches %q, but not with anything in its places", room, pattern)
		}
	})
}

// slowGlob is glob by definition.
func slowGlob(pattern, name string) bool {
	// row[j]: pattern[:i] fits name[:j].
	row := make([]bool, len(name)+1)
	row[0] = true
	for i := range len(pattern) {
		next := make([]bool, len(name)+1)
		for j := range next {
			if pattern[i] == '*' {
				next[j] = row[j] || j > 0 && next[j-1]
			} else {
				next[j] = j > 0 && row[j-1] && pattern[i] == name[j-1]
			}
		}
		row = next
	}
	return row[len(name)]
}
