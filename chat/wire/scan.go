package wire

import (
	"fmt"
	"strconv"
)

// scanner walks over JSON (RFC 8259) once and checks all of it, without
// allocating. Its methods report false once something is wrong; fault says what.
// They count on p being UTF-8.
type scanner struct {
	p     []byte
	i     int
	space bool // white space between tokens has been passed
	fault string
}

// fail notes what is wrong at the present place.
func (s *scanner) fail(what string) bool {
	s.fault = what + " at byte " + strconv.Itoa(s.i)
	return false
}

// eat steps over c, if it is what comes.
func (s *scanner) eat(c byte) bool {
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

// value passes a value. depth is how deep it is if it is an object or an array.
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
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *scanner) word(w string) bool {
	if len(s.p)-s.i < len(w) || string(s.p[s.i:s.i+len(w)]) != w {
		return s.fail("unknown word")
	}
	s.i += len(w)
	return true
}

// object passes an object and tells f of its members, unless f is nil.
func (s *scanner) object(depth int, f *frame) bool {
	if !s.open('{', depth) {
		return false
	}
	if s.eat('}') {
		return true
	}
	for {
		name, ok := s.name()
		if !ok {
			return false
		}
		start := s.i
		if f != nil {
			s.space = false // for this member, however many lie within it
		}
		if !s.value(depth + 1) {
			return false
		}
		if f != nil && !f.note(name, start, s.i, s.space) {
			return s.fail(fmt.Sprintf("%s comes twice", unquote(name)))
		}
		if more, ok := s.next('}'); !more {
			return ok
		}
	}
}

// array passes an array and calls each where an element begins, which must pass
// it; a nil each passes any.
func (s *scanner) array(depth int, each func() bool) bool {
	if !s.open('[', depth) {
		return false
	}
	if s.eat(']') {
		return true
	}
	for {
		if each == nil && !s.value(depth+1) || each != nil && !each() {
			return false
		}
		if more, ok := s.next(']'); !more {
			return ok
		}
	}
}

// open steps into an object or array.
func (s *scanner) open(c byte, depth int) bool {
	if depth > MaxDepth {
		return s.fail("JSON is nested too deep")
	}
	if !s.eat(c) {
		return s.fail("no " + string(c))
	}
	s.spaces()
	return true
}

// name passes a member's name and its colon, and returns the name in its quotes.
func (s *scanner) name() ([]byte, bool) {
	start := s.i
	if start == len(s.p) || s.p[start] != '"' {
		return nil, s.fail("no name of a member")
	}
	if !s.str() {
		return nil, false
	}
	name := s.p[start:s.i]
	s.spaces()
	if !s.eat(':') {
		return nil, s.fail("no colon")
	}
	s.spaces()
	return name, true
}

// next passes what stands behind a member or an element. more reports that
// another one follows; if it does not, ok reports whether end has come.
func (s *scanner) next(end byte) (more, ok bool) {
	s.spaces()
	if s.eat(end) {
		return false, true
	}
	if !s.eat(',') {
		return false, s.fail("neither comma nor " + string(end))
	}
	s.spaces()
	return true, true
}

// each calls f for the members of an object that was let pass before, with their
// names in quotes. Any other value has none.
func (s *scanner) each(f func(name, value []byte)) {
	if !s.eat('{') {
		return
	}
	s.spaces()
	for more := !s.eat('}'); more; more, _ = s.next('}') {
		name, _ := s.name()
		start := s.i
		s.value(1)
		f(name, s.p[start:s.i])
	}
}

// str passes a string. Its quote must be what comes.
func (s *scanner) str() bool {
	s.i++
	for {
		i := s.i
		for i < len(s.p) && plain[s.p[i]] {
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

// escape passes an escape.
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

// unicode passes a \u escape, both halves of it where it is a surrogate pair.
// Half a pair is refused: it is no character, and decoders in many languages
// refuse the whole frame for it.
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

// number passes a number that fits into a double and is not too long to read.
func (s *scanner) number() bool {
	start := s.i
	s.eat('-')
	switch {
	case s.eat('0'):
	case s.digits() == 0:
		return s.fail("no value")
	}
	if s.eat('.') && s.digits() == 0 {
		return s.fail("no digit behind the point")
	}
	power := s.eat('e') || s.eat('E')
	if power {
		if !s.eat('+') {
			s.eat('-')
		}
		if s.digits() == 0 {
			return s.fail("no digit in the exponent")
		}
	}
	text := s.p[start:s.i]
	if len(text) > MaxNumber {
		return s.fail("number is too long")
	}
	if !power {
		return true // too short to be too large
	}
	if _, err := strconv.ParseFloat(string(text), 64); err != nil {
		return s.fail("number is too large")
	}
	return true
}

func (s *scanner) digits() int {
	start := s.i
	for s.i < len(s.p) && '0' <= s.p[s.i] && s.p[s.i] <= '9' {
		s.i++
	}
	return s.i - start
}

// compact appends a value that was let pass, without the white space between its
// tokens.
func compact(dst, value []byte) []byte {
	inString := false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case !inString && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		case c == '"':
			inString = !inString
		case c == '\\': // only in strings; its next byte may be a quote
			dst = append(dst, c)
			i++
			c = value[i]
		}
		dst = append(dst, c)
	}
	return dst
}
