package chat

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// place is what stands for a user's id in a pattern of room names.
const place = "{user}"

// maxPattern bounds a pattern, in bytes.
const maxPattern = 256

// CheckPattern returns an error that says what is wrong with a pattern of room
// names: a name in which * stands for anything, or nothing, and {user} for a
// user's id.
//
// A name must have one reading only, or it would belong to several people who
// each believe it theirs. So a pattern with {user} has one * at most, its places
// have text between them, and of several places none takes an id that contains
// the text that parts it from the next: a room of dm:{user}:{user} belongs to
// nobody whose id has a colon.
func CheckPattern(p string) error {
	switch {
	case p == "":
		return fmt.Errorf("pattern is empty")
	case len(p) > maxPattern:
		return fmt.Errorf("pattern has %d bytes, at most %d are allowed", len(p), maxPattern)
	case !utf8.ValidString(p):
		return fmt.Errorf("pattern is not UTF-8")
	case strings.ContainsFunc(p, unicode.IsControl):
		return fmt.Errorf("pattern %q has a control character", p)
	case strings.ContainsAny(strings.ReplaceAll(p, place, ""), "{}"):
		return fmt.Errorf("pattern %q: braces are for {user} only", p)
	case !strings.Contains(p, place):
		return nil
	case strings.Count(p, "*") > 1:
		return fmt.Errorf("pattern %q: beside {user} there may be one *", p)
	}
	for _, pair := range []string{place + place, place + "*", "*" + place} {
		if strings.Contains(p, pair) {
			return fmt.Errorf("pattern %q: there must be text between the parts of %s", p, pair)
		}
	}
	return nil
}

// fits reports whether a room's name fits a sound pattern, and whether the user
// of that id is one of those in its places. It allocates nothing.
func fits(pattern, room, user string) (ok, owned bool) {
	if !strings.Contains(pattern, place) {
		return glob(pattern, room), false
	}
	r := reading{room: room, user: user}
	front, back, starred := strings.Cut(pattern, "*")
	if starred {
		ok = r.front(front) && r.back(back)
	} else {
		// What follows the last place is the end of the name.
		i := strings.LastIndex(pattern, place)
		parting := ""
		if before := strings.LastIndex(pattern[:i], place); before >= 0 {
			parting = pattern[before+len(place) : i]
		}
		ok = r.front(pattern[:i]) && r.whole(parting, pattern[i+len(place):])
	}
	return ok, ok && r.owned
}

// reading is a room's name while a pattern with places is laid over it.
type reading struct {
	room  string // what is left of it
	user  string
	owned bool
}

// front takes a pattern off the front of the name. Each place ends where the
// text behind it first comes up.
func (r *reading) front(pattern string) (ok bool) {
	text, rest, more := strings.Cut(pattern, place)
	if r.room, ok = strings.CutPrefix(r.room, text); !ok {
		return false
	}
	for before := ""; more; before = text {
		text, rest, more = strings.Cut(rest, place)
		i := strings.Index(r.room, text)
		if i < 0 || !r.take(r.room[:i], before) {
			return false
		}
		r.room = r.room[i+len(text):]
	}
	return true
}

// back takes a pattern off the end of the name. Each place begins where the text
// ahead of it last comes up.
func (r *reading) back(pattern string) (ok bool) {
	i := strings.LastIndex(pattern, place)
	if i < 0 {
		r.room, ok = strings.CutSuffix(r.room, pattern)
		return ok
	}
	if r.room, ok = strings.CutSuffix(r.room, pattern[i+len(place):]); !ok {
		return false
	}
	for behind := ""; i >= 0; {
		pattern = pattern[:i]
		i = strings.LastIndex(pattern, place)
		text := pattern
		if i >= 0 {
			text = pattern[i+len(place):]
		}
		at := strings.LastIndex(r.room, text)
		if at < 0 || !r.take(r.room[at+len(text):], behind) {
			return false
		}
		r.room, behind = r.room[:at], text
	}
	return true
}

// whole takes all that is left but the text at its end as one place.
func (r *reading) whole(parting, end string) bool {
	id, ok := strings.CutSuffix(r.room, end)
	return ok && r.take(id, parting)
}

// take reads id in a place. An id is not empty and does not have the text that
// parts it from the place on the other side.
func (r *reading) take(id, parting string) bool {
	if id == "" || parting != "" && strings.Contains(id, parting) {
		return false
	}
	r.owned = r.owned || id == r.user
	return true
}

// glob reports whether a name fits a pattern without places.
func glob(pattern, name string) bool {
	text, rest, starred := strings.Cut(pattern, "*")
	if !starred {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, text)
	if !ok {
		return false
	}
	for {
		text, rest, starred = strings.Cut(rest, "*")
		if !starred {
			return strings.HasSuffix(name, text)
		}
		i := strings.Index(name, text)
		if i < 0 {
			return false
		}
		name = name[i+len(text):]
	}
}
