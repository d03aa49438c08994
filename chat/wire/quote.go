package wire

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendString appends s as a JSON string. It escapes only what JSON requires:
// usually the result is two bytes longer than s, and six times as long if s
// consists of control characters. It replaces each run of bytes that are not
// UTF-8 by U+FFFD.
func AppendString[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	start, done := len(dst), 0
	for i := 0; i < len(s); i++ {
		if unescaped[s[i]] {
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

// unescaped are the bytes that a JSON string contains without an escape.
var unescaped = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

// quotedSize returns how long s is as a JSON string at most.
func quotedSize[S string | []byte](s S) int {
	n := len(s) + 2
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ':
			n += 5 // \u00xx
		case c == '"', c == '\\':
			n++
		}
	}
	return n
}

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

// The functions below read JSON strings, in their quotes, that a scanner has
// accepted. They do not check them again.

func isString(value []byte) bool { return len(value) > 0 && value[0] == '"' }

// equalsText reports whether a JSON string stands for text.
func equalsText(quoted []byte, text string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == text
	}
	return unquote(quoted) == text
}

// unquote returns the text of a JSON string.
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
		r, n := unescape(inner[i:])
		dst = utf8.AppendRune(dst, r)
		inner = inner[i+n:]
	}
}

// codePoints counts the code points of a JSON string.
func codePoints(quoted []byte) int {
	inner := quoted[1 : len(quoted)-1]
	count := 0
	for {
		i := bytes.IndexByte(inner, '\\')
		if i < 0 {
			return count + utf8.RuneCount(inner)
		}
		_, n := unescape(inner[i:])
		count += utf8.RuneCount(inner[:i]) + 1
		inner = inner[i+n:]
	}
}

// unescape returns the code point of the escape at the start of p and the length
// of the escape.
func unescape(p []byte) (rune, int) {
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
	return rune(p[1]), 2 // \" \\ \/
}

// hex4 reads the four digits of a \u escape and reports whether they are there.
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
