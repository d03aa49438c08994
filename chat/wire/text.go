package wire

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendString appends s as a JSON string. It escapes what JSON demands and
// nothing else: the result is at most six times as long as s, which takes a text
// of control characters, and usually just two bytes longer. What is not UTF-8
// becomes U+FFFD.
func AppendString[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	start, done := len(dst), 0
	for i := 0; i < len(s); i++ {
		if plain[s[i]] {
			continue
		}
		dst = appendEscape(append(dst, s[done:i]...), s[i])
		done = i + 1
	}
	dst = append(dst, s[done:]...)
	if !utf8.Valid(dst[start:]) {
		dst = append(dst[:start], bytes.ToValidUTF8(dst[start:], []byte("\uFFFD"))...)
	}
	return append(dst, '"')
}

// plain are the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// TextOf returns the text of a body that is a JSON string. The body must be one
// that [Decode] has let pass.
func TextOf(body []byte) (string, bool) {
	if !isString(body) {
		return "", false
	}
	return unquote(body), true
}

// AppendText appends the text of a body that is a JSON string, or reports false
// and appends nothing. The body must be one that [Decode] has let pass.
func AppendText(dst, body []byte) ([]byte, bool) {
	if !isString(body) {
		return dst, false
	}
	return appendUnquoted(dst, body), true
}

// TextSize returns how many characters a body says to people, in Unicode code
// points: those of the string that it is, or of its member "text" where it is an
// object with a string of that name. Any other body says none. The body must be
// one that [Decode] has let pass.
func TextSize(body []byte) int {
	if isString(body) {
		return characters(body)
	}
	size := 0
	s := scanner{p: body}
	s.each(func(name, value []byte) {
		if isString(value) && sameName(name, "text") {
			size = max(size, characters(value)) // it may come twice
		}
	})
	return size
}

func isString(value []byte) bool { return len(value) > 0 && value[0] == '"' }

// sameName reports whether a member's name, as it is written in JSON, is name.
func sameName(quoted []byte, name string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == name
	}
	return unquote(quoted) == name
}

// unquote returns the text of a JSON string that a scanner has let pass.
func unquote(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	return string(appendUnquoted(make([]byte, 0, len(inner)), quoted))
}

func appendUnquoted(dst, quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	for {
		i := bytes.IndexByte(inner, '\\')
		if i < 0 {
			return append(dst, inner...)
		}
		dst = append(dst, inner[:i]...)
		r, n := escaped(inner[i:])
		dst = utf8.AppendRune(dst, r)
		inner = inner[i+n:]
	}
}

// characters counts the code points of a JSON string that a scanner has let
// pass.
func characters(quoted []byte) int {
	inner := quoted[1 : len(quoted)-1]
	count := 0
	for {
		i := bytes.IndexByte(inner, '\\')
		if i < 0 {
			return count + utf8.RuneCount(inner)
		}
		_, n := escaped(inner[i:])
		count += utf8.RuneCount(inner[:i]) + 1
		inner = inner[i+n:]
	}
}

// escaped returns the character that the escape at the start of p stands for and
// the length of the escape. A scanner has seen to it that it is sound.
func escaped(p []byte) (rune, int) {
	switch p[1] {
	case 'b':
		return '\b', 2
	case 't':
		return '\t', 2
	case 'n':
		return '\n', 2
	case 'f':
		return '\f', 2
	case 'r':
		return '\r', 2
	case 'u':
		r, _ := hex4(p[2:])
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		low, _ := hex4(p[8:])
		return utf16.DecodeRune(r, low), 12
	}
	return rune(p[1]), 2
}

// hex4 reads the four digits of a \u escape.
func hex4(p []byte) (rune, bool) {
	if len(p) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range p[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
