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
// several users who each believe that it is theirs. Therefore a pattern has {user}
// once at most, beside it there is one * at most, and there is text between the two.
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
	case strings.Count(p, userSlot) > 1:
		return fmt.Errorf("pattern %q has {user} more than once; for rooms of two users there are conversations: direct", p)
	case strings.Count(p, "*") > 1:
		return fmt.Errorf("pattern %q: beside {user} there may be one *", p)
	case strings.Contains(p, userSlot+"*"), strings.Contains(p, "*"+userSlot):
		return fmt.Errorf("pattern %q: there must be text between {user} and *", p)
	}
	return nil
}

// Matches reports whether a room's name matches a valid pattern, whoever asks.
func Matches(pattern, room string) bool {
	ok, _ := match(pattern, room, "")
	return ok
}

// match reports whether a room's name matches a valid pattern, and whether its slot
// has that user's id. It allocates nothing.
func match(pattern, room, user string) (ok, owned bool) {
	if journal.IsReserved(room) && !journal.IsReserved(pattern) {
		return false, false
	}
	before, behind, slotted := strings.Cut(pattern, userSlot)
	if !slotted {
		return glob(pattern, room), false
	}
	id, ok := inSlot(before, behind, room)
	return ok && id != "", ok && id != "" && id == user
}

// inSlot returns what a name has in the place of the slot between two parts of a
// pattern. Beside a part with a star, the slot ends at the first, or begins after the
// last, occurrence of the text that separates them.
func inSlot(before, behind, room string) (id string, ok bool) {
	start, separator, starred := strings.Cut(before, "*")
	if id, ok = strings.CutPrefix(room, start); !ok {
		return "", false
	}
	if starred {
		if id, ok = strings.CutSuffix(id, behind); !ok {
			return "", false
		}
		at := strings.LastIndex(id, separator)
		return id[at+len(separator):], at >= 0
	}
	separator, end, starred := strings.Cut(behind, "*")
	if !starred {
		return strings.CutSuffix(id, separator)
	}
	at := strings.Index(id, separator)
	if at < 0 || !strings.HasSuffix(id[at+len(separator):], end) {
		return "", false
	}
	return id[:at], true
}

// covers reports whether each name that matches the valid pattern other matches p, too. Of
// other's names, a star may be any text and a slot any text but none.
// If p has a slot and a star, it only finds that out of a name that is no pattern.
func covers(p, other string) bool {
	if !strings.Contains(other, "*") && !strings.Contains(other, userSlot) {
		return Matches(p, other)
	}
	before, behind, slotted := strings.Cut(p, userSlot)
	switch {
	case !slotted:
		return other != "*" && glob(p, other) // the pattern * alone also stands for the hub
	case strings.Contains(p, "*"):
		return false
	}
	// What is certain at the beginning and the end of other's names, and how long they are at least.
	start := other[:strings.IndexAny(other+"*", "*{")]
	end := other[strings.LastIndexAny(other, "*}")+1:]
	least := len(strings.NewReplacer("*", "", userSlot, "u").Replace(other))
	return strings.HasPrefix(start, before) && strings.HasSuffix(end, behind) && least > len(before)+len(behind)
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
