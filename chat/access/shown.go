package access

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/internal/weburl"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// CleanUser returns u with a name and an avatar that clients may be sent. Both are
// only shown: what is wrong with them is removed, and never a reason to refuse the
// user.
//
// The name is cut to 64 characters. White space that is a control character
// becomes a space, other control characters are removed. The avatar is dropped
// unless it is an http or https URL with a host, of at most 512 bytes without control
// characters or white space; its scheme becomes lower case. Text that is not UTF-8 is read as
// ISO 8859-1, in which older servers write HTTP headers.
func CleanUser(u journal.User) journal.User {
	u.Name = cleanName(toUTF8(u.Name))
	u.Avatar = cleanAvatar(toUTF8(u.Avatar))
	return u
}

func cleanName(name string) string {
	name = strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case !unicode.IsControl(c):
			return c
		case unicode.IsSpace(c):
			return ' '
		}
		return -1
	}, name))
	n := 0
	for i := range name {
		if n == wire.MaxName {
			return strings.TrimSpace(name[:i])
		}
		n++
	}
	return name
}

func cleanAvatar(url string) string {
	if len(url) > wire.MaxAvatar || strings.ContainsFunc(url, unicode.IsControl) {
		return ""
	}
	scheme, rest, _ := strings.Cut(url, "://")
	scheme = strings.ToLower(scheme)
	if url = scheme + "://" + rest; !weburl.Is(url) {
		return ""
	}
	return url
}

// toUTF8 returns text unchanged if it is UTF-8. Otherwise each byte is a character
// of ISO 8859-1.
func toUTF8(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	chars := make([]rune, len(text))
	for i := range len(text) {
		chars[i] = rune(text[i])
	}
	return string(chars)
}
