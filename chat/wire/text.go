package wire

// The bodies that the functions of this file take must come from [Decode] or
// [DecodePost]: they are not checked again.

// TextOf returns the text of a body that is a JSON string.
func TextOf(body []byte) (string, bool) {
	if !isString(body) {
		return "", false
	}
	return unquote(body), true
}

// AppendText appends the text of a body that is a JSON string. For any other body
// it appends nothing and returns false.
func AppendText(dst, body []byte) ([]byte, bool) {
	if !isString(body) {
		return dst, false
	}
	return appendUnquoted(dst, body), true
}

// TextSize returns the length of a body's text in Unicode code points. The text
// is the body itself if it is a string, or its member "text" if it is an object
// and that member is a string; the longest if there are several. Any other body
// has no text: 0.
func TextSize(body []byte) int {
	if isString(body) {
		return codePoints(body)
	}
	if len(body) == 0 || body[0] != '{' {
		return 0
	}
	size := 0
	s := scanner{p: body}
	s.object(1, func(name []byte) bool {
		start := s.i
		ok := s.value(2)
		if value := s.p[start:s.i]; ok && isString(value) && equalsText(name, "text") {
			size = max(size, codePoints(value))
		}
		return ok
	})
	return size
}
