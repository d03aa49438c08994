package access

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// userSlot stands for a user's id in a pattern of room names.
const userSlot = "{user}"

// maxPattern is the length of a pattern, in bytes, at most.
const maxPattern = 256

// CheckPattern returns an error that says what is wrong with a pattern of room
// names. A pattern is a name in which * stands for any text, even none, and
// {user} for a user's id. Neither stands for the @ with which the name of a room
// of the server begins: only a pattern that begins with @ itself matches such a name.
//
// A name must match a pattern in one way only. Otherwise a room could belong to
// several users who each believe that it is theirs. Therefore a pattern with
// {user} has at most one *, and there is text between its slots. If there are
// several slots, an id that contains the text between two slots matches neither:
// a room of dm:{user}:{user} belongs to nobody whose id has a colon.
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
	case strings.ContainsAny(strings.ReplaceAll(p, userSlot, ""), "{}"):
		return fmt.Errorf("pattern %q: braces are for {user} only", p)
	case !strings.Contains(p, userSlot):
		return nil
	case strings.Count(p, "*") > 1:
		return fmt.Errorf("pattern %q: beside {user} there may be one *", p)
	}
	for _, pair := range []string{userSlot + userSlot, userSlot + "*", "*" + userSlot} {
		if strings.Contains(p, pair) {
			return fmt.Errorf("pattern %q: there must be text between the parts of %s", p, pair)
		}
	}
	return nil
}

// match reports whether a room's name matches a valid pattern, and whether one of
// its slots has that user's id. It allocates nothing.
func match(pattern, room, user string) (ok, owned bool) {
	if journal.IsReserved(room) && !journal.IsReserved(pattern) {
		return false, false
	}
	if !strings.Contains(pattern, userSlot) {
		return glob(pattern, room), false
	}
	m := matching{room: room, user: user}
	front, back, starred := strings.Cut(pattern, "*")
	if starred {
		ok = m.front(front) && m.back(back)
	} else {
		// The text after the last slot is the end of the name.
		i := strings.LastIndex(pattern, userSlot)
		separator := ""
		if before := strings.LastIndex(pattern[:i], userSlot); before >= 0 {
			separator = pattern[before+len(userSlot) : i]
		}
		ok = m.front(pattern[:i]) && m.whole(separator, pattern[i+len(userSlot):])
	}
	return ok, ok && m.owned
}

// covers reports whether each name that matches the valid pattern other matches p, too.
// If p has slots, it may not find that out. Of other's names, a star and a slot may be any
// text, so only a star of p can stand for them.
func covers(p, other string) bool {
	// The pattern * alone also stands for the hub.
	return !strings.Contains(p, userSlot) && other != "*" && glob(p, other)
}

// matching compares a room's name with a pattern that has slots.
type matching struct {
	room  string // the part that is not matched yet
	user  string
	owned bool
}

// front matches a pattern with the beginning of the name. A slot ends before the
// first occurrence of the text that follows it.
func (m *matching) front(pattern string) (ok bool) {
	text, rest, more := strings.Cut(pattern, userSlot)
	if m.room, ok = strings.CutPrefix(m.room, text); !ok {
		return false
	}
	for before := ""; more; before = text {
		text, rest, more = strings.Cut(rest, userSlot)
		i := strings.Index(m.room, text)
		if i < 0 || !m.slot(m.room[:i], before) {
			return false
		}
		m.room = m.room[i+len(text):]
	}
	return true
}

// back matches a pattern with the end of the name. A slot begins after the last
// occurrence of the text before it.
func (m *matching) back(pattern string) (ok bool) {
	i := strings.LastIndex(pattern, userSlot)
	if i < 0 {
		m.room, ok = strings.CutSuffix(m.room, pattern)
		return ok
	}
	if m.room, ok = strings.CutSuffix(m.room, pattern[i+len(userSlot):]); !ok {
		return false
	}
	for behind := ""; i >= 0; {
		pattern = pattern[:i]
		i = strings.LastIndex(pattern, userSlot)
		text := pattern
		if i >= 0 {
			text = pattern[i+len(userSlot):]
		}
		at := strings.LastIndex(m.room, text)
		if at < 0 || !m.slot(m.room[at+len(text):], behind) {
			return false
		}
		m.room, behind = m.room[:at], text
	}
	return true
}

// whole matches the rest of the name with one slot and the text at the end.
func (m *matching) whole(separator, end string) bool {
	id, ok := strings.CutSuffix(m.room, end)
	return ok && m.slot(id, separator)
}

// slot puts id into a slot. An id is not empty and does not contain the text
// between this slot and the previous one.
func (m *matching) slot(id, separator string) bool {
	if id == "" || separator != "" && strings.Contains(id, separator) {
		return false
	}
	m.owned = m.owned || id == m.user
	return true
}

// glob reports whether a name matches a pattern without slots.
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
