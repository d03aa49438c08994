package wire

import "strconv"

// scanner reads JSON (RFC 8259) once, from its first byte to its last, checks
// all of it and allocates nothing until it finds a mistake. p must be UTF-8: the
// scanner does not check that. Its methods return false at the first mistake,
// which fault then describes; after that the scanner must not be used again.
type scanner struct {
	p     []byte
	i     int  // the next byte to read
	space bool // set when white space between two tokens was skipped
	fault string
}

// fail records the mistake at the current byte.
func (s *scanner) fail(what string) bool {
	s.fault = what + " at byte " + strconv.Itoa(s.i)
	return false
}

// take skips c if it is the next byte, and reports whether it was.
func (s *scanner) take(c byte) bool {
	if s.i < len(s.p) && s.p[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) spaces() {
	for s.i < len(s.p) {
		switch s.p[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
			s.space = true
		default:
			return
		}
	}
}

// value reads a value. depth is its depth if it is an object or an array.
func (s *scanner) value(depth int) bool {
	if s.i == len(s.p) {
		return s.fail("JSON ends too early")
	}
	switch s.p[s.i] {
	case '"':
		return s.str()
	case '{':
		return s.object(depth, nil)
	case '[':
		return s.array(depth, nil)
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

func (s *scanner) literal(word string) bool {
	if len(s.p)-s.i < len(word) || string(s.p[s.i:s.i+len(word)]) != word {
		return s.fail("unknown literal")
	}
	s.i += len(word)
	return true
}

// object reads an object. It calls member with the name, in its quotes, of each
// member when it is at the member's value; member must read that value. If member
// is nil, object reads the values itself.
func (s *scanner) object(depth int, member func(name []byte) bool) bool {
	if !s.open('{', depth) {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		name, ok := s.name()
		if !ok {
			return false
		}
		if member == nil && !s.value(depth+1) || member != nil && !member(name) {
			return false
		}
		if more, ok := s.next('}'); !more {
			return ok
		}
	}
}

// array reads an array. It calls element at the start of each element; element
// must read it. If element is nil, array reads the elements itself.
func (s *scanner) array(depth int, element func() bool) bool {
	if !s.open('[', depth) {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if element == nil && !s.value(depth+1) || element != nil && !element() {
			return false
		}
		if more, ok := s.next(']'); !more {
			return ok
		}
	}
}

// open reads the first byte of an object or array.
func (s *scanner) open(c byte, depth int) bool {
	if depth > MaxDepth {
		return s.fail("JSON is nested too deep")
	}
	if !s.take(c) {
		return s.fail("expected " + string(c))
	}
	s.spaces()
	return true
}

// name reads a member's name and the colon, and returns the name in its quotes.
func (s *scanner) name() ([]byte, bool) {
	start := s.i
	if start == len(s.p) || s.p[start] != '"' {
		return nil, s.fail("expected the name of a member")
	}
	if !s.str() {
		return nil, false
	}
	name := s.p[start:s.i]
	s.spaces()
	if !s.take(':') {
		return nil, s.fail("expected a colon")
	}
	s.spaces()
	return name, true
}

// next reads what follows a member or an element: a comma (more is true) or the
// end of the object or array (more is false, ok is true).
func (s *scanner) next(end byte) (more, ok bool) {
	s.spaces()
	if s.take(end) {
		return false, true
	}
	if !s.take(',') {
		return false, s.fail("expected a comma or " + string(end))
	}
	s.spaces()
	return true, true
}

// str reads a string. The next byte must be its quote.
func (s *scanner) str() bool {
	s.i++
	for {
		i := s.i
		for i < len(s.p) && unescaped[s.p[i]] {
			i++
		}
		s.i = i
		switch {
		case i == len(s.p):
			return s.fail("string has no end")
		case s.p[i] == '"':
			s.i++
			return true
		case s.p[i] != '\\':
			return s.fail("control character in a string")
		case !s.escape():
			return false
		}
	}
}

func (s *scanner) escape() bool {
	if s.i+1 == len(s.p) {
		return s.fail("string has no end")
	}
	switch s.p[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return true
	case 'u':
		return s.unicode()
	}
	return s.fail("unknown escape")
}

// unicode reads a \u escape, or two if they are a surrogate pair. It refuses half
// a pair: that is no character, and decoders in many languages refuse the whole
// frame for it.
func (s *scanner) unicode() bool {
	r, ok := hex4(s.p[s.i+2:])
	if !ok {
		return s.fail("\\u without four digits")
	}
	if r < 0xD800 || r > 0xDFFF {
		s.i += 6
		return true
	}
	if r < 0xDC00 && len(s.p) >= s.i+12 && s.p[s.i+6] == '\\' && s.p[s.i+7] == 'u' {
		low, ok := hex4(s.p[s.i+8:])
		if ok && 0xDC00 <= low && low <= 0xDFFF {
			s.i += 12
			return true
		}
	}
	return s.fail("half a surrogate pair")
}

// number reads a number of at most MaxNumber characters that fits in a double.
func (s *scanner) number() bool {
	start := s.i
	s.take('-')
	if !s.take('0') && s.digits() == 0 {
		return s.fail("expected a value")
	}
	if s.take('.') && s.digits() == 0 {
		return s.fail("expected a digit after the decimal point")
	}
	exponent := s.take('e') || s.take('E')
	if exponent {
		if !s.take('+') {
			s.take('-')
		}
		if s.digits() == 0 {
			return s.fail("expected a digit in the exponent")
		}
	}
	text := s.p[start:s.i]
	if len(text) > MaxNumber {
		return s.fail("number is too long")
	}
	if !exponent {
		return true // MaxNumber digits fit in a double
	}
	if _, err := strconv.ParseFloat(string(text), 64); err != nil {
		return s.fail("number is too large")
	}
	return true
}

// digits reads digits and returns how many there were.
func (s *scanner) digits() int {
	start := s.i
	for s.i < len(s.p) && '0' <= s.p[s.i] && s.p[s.i] <= '9' {
		s.i++
	}
	return s.i - start
}
