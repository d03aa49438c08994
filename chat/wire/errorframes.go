package wire

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/internal/weburl"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Error is the frame that refuses a command. It is a Go error too.
type Error struct {
	Code Code
	// ID is the id of the refused command; empty if it has none or it could not
	// be read.
	ID string
	// Field names the field that the error is about, such as "rooms[2].after".
	// Only [BadFrame], [BadRoom], [Forbidden] and [TooMany] have one.
	Field string
	// Message is the text for developers and logs. It contains no secrets.
	Message string
	// Retry is how long to wait before trying again, or [Never].
	Retry time.Duration
	// Uncertain means that the command may have been carried out all the same. Only
	// [Unavailable] has it. Without it, an error promises that nothing was done.
	Uncertain bool
}

// Error returns a frame that refuses the command with this id, with the code's
// default message and retry.
func (c Code) Error(id string) *Error {
	return &Error{Code: c, ID: id, Message: c.Reason(), Retry: c.Retry()}
}

// TooSoon returns the error of what came too soon by wait.
func TooSoon(wait time.Duration) *Error {
	e := TooFast.Error("")
	e.Retry = max(wait, time.Millisecond)
	return e
}

func (e *Error) Error() string { return e.Code.String() + ": " + e.Message }

// Append appends the frame to dst.
func (e *Error) Append(dst []byte) []byte {
	return append(e.appendReason(beginID(dst, "error", e.ID)), '}')
}

// appendReason appends the fields that say why something was refused.
func (e *Error) appendReason(dst []byte) []byte {
	dst = appendField(dst, "code", e.Code.String())
	dst = appendOptional(dst, "field", e.Field)
	dst = appendField(dst, "message", e.Message)
	return appendRetry(e.appendUncertain(dst), e.Retry)
}

// appendUncertain appends nothing if the command was certainly not carried out.
func (e *Error) appendUncertain(dst []byte) []byte {
	if !e.Uncertain {
		return dst
	}
	return appendBool(dst, "uncertain", true)
}

// Bye is the last frame of a connection. The server then closes the connection
// with Code.Close().
type Bye struct {
	Code    Code
	Message string
	// Retry is how long to wait before connecting again. It has no effect if the
	// code does not let the client reconnect.
	Retry time.Duration
}

// Bye returns a goodbye with the code's default message and retry.
func (c Code) Bye() *Bye {
	return &Bye{Code: c, Message: c.Reason(), Retry: c.Retry()}
}

// Append appends the frame to dst.
func (b *Bye) Append(dst []byte) []byte {
	dst = begin(dst, "bye")
	dst = appendField(dst, "code", b.Code.String())
	dst = appendField(dst, "message", b.Message)
	retry := b.Retry
	if !b.Code.ComesBack() {
		retry = Never // it must not contradict the close code
	}
	return append(appendRetry(dst, retry), '}')
}

// IsUserID reports whether a user can have that id; some only the server gives.
func IsUserID(id string) bool {
	return id != "" && len(id) <= MaxUser && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}

var badUserID = fmt.Sprintf("must be an id of 1 to %d bytes without control characters", MaxUser)

// Malformed says what is wrong with something that is no frame.
type Malformed struct {
	Field string // the path, such as "entry.users[2].id"; empty: it is about the whole text
	What  string // such as "stands twice"
}

// Error implements error.
func (e *Malformed) Error() string { return cmp.Or(e.Field, "it") + " " + e.What }

// Text is what the texts of a field must be like, whatever brings them: a frame, a request or an
// import.
type Text struct {
	bytes, chars int  // at most; chars is 0 where only bytes count
	lines        bool // it may have several
	url          bool // of http or https: a page can show it without running what is in it
}

// The texts that users choose.
var (
	KeyText    = Text{bytes: MaxKey}
	DeviceText = Text{bytes: MaxDevice}
	NameText   = Text{bytes: MaxName * utf8.UTFMax, chars: MaxName} // as it is shown: that of a hello is made so
	AvatarText = Text{bytes: MaxAvatar, url: true}
	TitleText  = Text{bytes: MaxTitle * utf8.UTFMax, chars: MaxTitle}
	AboutText  = Text{bytes: MaxAbout * utf8.UTFMax, chars: MaxAbout, lines: true}
	TagText    = Text{bytes: MaxTag * utf8.UTFMax, chars: MaxTag}
)

// Wrong returns what is wrong with a text, to be told behind the name of the field; nothing, if
// it is right or empty.
func (t Text) Wrong(text string) string {
	switch {
	case len(text) > t.bytes && t.chars == 0:
		return fmt.Sprintf("must be a string of at most %d bytes", t.bytes)
	case t.chars > 0 && utf8.RuneCountInString(text) > t.chars:
		return fmt.Sprintf("must be at most %d characters long", t.chars)
	case strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) && !(t.lines && c == '\n') }):
		return "must not contain control characters" + map[bool]string{true: " but line feeds"}[t.lines]
	case t.url && text != "" && !weburl.Is(text):
		return "must be an http or https URL"
	}
	return ""
}

// CheckUser returns why a field cannot have that id of a user, or nil.
func CheckUser(field, id string) error {
	if IsUserID(id) {
		return nil
	}
	e := BadFrame.Error("")
	e.Field, e.Message = field, field+" "+badUserID
	return e
}

// CheckRoom returns why no room can have that name, or nil.
func CheckRoom(name string) error {
	if err := journal.CheckRoom(name); err != nil {
		e := BadRoom.Error("")
		e.Message = err.Error()
		return e
	}
	return nil
}

// CheckText returns why a body's text is too long, or nil.
func CheckText(body []byte, limit int) error {
	if TextSize(body) <= limit {
		return nil
	}
	e := TextTooLong.Error("")
	e.Message = "the text has more than " + strconv.Itoa(limit) + " characters"
	return e
}
