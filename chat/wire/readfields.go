package wire

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// reader reads and checks the fields of a frame, or of one of the rooms of a
// hello. After the first mistake err says what is wrong, and what the methods
// return is meaningless.
type reader struct {
	object
	element int // the index of the hello's room, -1 if this is a whole frame
	id      string
	err     *Error
}

// frame checks that the bytes are one JSON object, and reads the id.
func (r *reader) frame() {
	if !utf8.Valid(r.p) {
		r.refuse(BadFrame, "", "a frame must be UTF-8")
		return
	}
	s := scanner{p: r.p}
	s.spaces()
	ok := r.scan(&s, 1)
	if s.spaces(); ok && s.i < len(s.p) {
		ok = s.fail("more than one value")
	}
	// A frame with a mistake is refused with its id too, if that came first.
	r.id = r.text(fieldID, MaxID)
	if !ok {
		r.refuse(BadFrame, "", "a frame must be one JSON object: "+s.fault)
	}
}

// room reads the name of a room, which is required.
func (r *reader) room() string { return r.required(fieldRoom, r.optionalRoom()) }

func (r *reader) optionalRoom() string {
	v := r.value(fieldRoom)
	if v == nil {
		return ""
	}
	if !isString(v) {
		r.wrong(fieldRoom, "must be a string")
		return ""
	}
	room := unquote(v)
	if journal.CheckRoom(room) != nil {
		r.refuse(BadRoom, r.label(fieldRoom), BadRoom.Reason())
		return ""
	}
	return room
}

func (r *reader) user() string { return r.required(fieldUser, r.userID(fieldUser)) }

// userID reads the id of a user; a missing one is empty.
func (r *reader) userID(f field) string {
	id := r.text(f, MaxUser)
	if id != "" && !IsUserID(id) {
		r.wrong(f, badUserID)
	}
	return id
}

// token reads what shows who somebody is, as access.HandshakeToken does: an empty one is no
// missing one.
func (r *reader) token() string {
	token := r.text(fieldToken, MaxToken)
	if token == "" && r.value(fieldToken) != nil {
		return EmptyToken
	}
	return token
}

// shown reads what is only shown of a user. It refuses nobody, whatever it is: see
// access.CleanUser, which reads the text.
func (r *reader) shown(f field) string {
	if v := r.value(f); isString(v) {
		return unquote(v)
	}
	return ""
}

func (r *reader) body() []byte {
	if r.raw(fieldBody) == nil {
		r.wrong(fieldBody, "is missing")
		return nil
	}
	if r.err != nil {
		return nil // saves the copy
	}
	return r.copyBody()
}

// flag reads true or false; nil for a field that is not there.
func (r *reader) flag(f field) *bool {
	v := r.value(f)
	if v == nil {
		return nil
	}
	set := string(v) == "true"
	if !set && string(v) != "false" {
		r.wrong(f, "must be true or false")
	}
	return &set
}

func (r *reader) seq() uint64 {
	if r.value(fieldSeq) == nil {
		r.wrong(fieldSeq, "is missing")
	}
	return r.number(fieldSeq, 1, MaxSeq)
}

// duration reads how long a mute or a ban lasts.
func (r *reader) duration() time.Duration {
	if r.value(fieldFor) == nil {
		return Forever
	}
	return time.Duration(r.number(fieldFor, 0, uint64(MaxFor/time.Millisecond))) * time.Millisecond
}

// text reads a string of at most max bytes; a missing one is empty.
func (r *reader) text(f field, max int) string {
	v := r.value(f)
	if v == nil {
		return ""
	}
	if isString(v) {
		if text := unquote(v); len(text) <= max {
			return text
		}
	}
	r.wrong(f, fmt.Sprintf("must be a string of at most %d bytes", max))
	return ""
}

// line is text for what a door checks.
func (r *reader) line(f field, t Text) string {
	text := r.text(f, t.bytes)
	if what := t.Wrong(text); what != "" {
		r.wrong(f, what)
	}
	return text
}

// number reads an integer; a missing one is 0. It accepts digits only, because
// languages disagree on whether 1e3 or 3.0 is an integer.
func (r *reader) number(f field, min, max uint64) uint64 {
	v := r.value(f)
	if v == nil {
		return 0
	}
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil || n < min || n > max {
		r.wrong(f, fmt.Sprintf("must be an integer from %d to %d", min, max))
	}
	return n
}

// required refuses a text that is missing or empty.
func (r *reader) required(f field, text string) string {
	if text == "" {
		r.wrong(f, "is missing")
	}
	return text
}

// given refuses a text that is there and empty: whoever sent it has lost a value.
func (r *reader) given(f field, text string) string {
	if text == "" && r.value(f) != nil {
		r.wrong(f, "must not be empty")
	}
	return text
}

// wrong refuses the frame because of a field.
func (r *reader) wrong(f field, what string) {
	r.refuse(BadFrame, r.label(f), r.label(f)+" "+what)
}

// label returns a field's name in errors.
func (r *reader) label(f field) string {
	if r.element >= 0 {
		return roomLabel(r.element) + "." + f.String()
	}
	return f.String()
}

// roomLabel returns the name in errors of one of the rooms of a hello.
func roomLabel(i int) string { return fmt.Sprintf("%s[%d]", fieldRooms, i) }

// refuse records the first mistake and ignores those that follow.
func (r *reader) refuse(code Code, label, message string) {
	if r.err != nil {
		return
	}
	r.err = code.Error(r.id)
	r.err.Field, r.err.Message = label, message
}
