// Package weburl knows what is a URL that a page can show a picture from.
package weburl

import (
	"net/url"
	"strings"
	"unicode"
)

// Is reports whether a text is an http or https URL with a host, its scheme in lower case. One with
// white space, or with characters that only change how others look, is none.
func Is(text string) bool {
	if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") || strings.ContainsFunc(text, isUnseen) {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != ""
}

func isUnseen(c rune) bool {
	return unicode.IsSpace(c) || unicode.IsControl(c) || unicode.Is(unicode.Cf, c)
}
