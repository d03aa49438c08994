package wire

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Login is the answer to a login over HTTP. The client puts the token in its hello.
type Login struct {
	Token   string
	Expires int64 // Unix milliseconds
	User    User
}

// Append appends the body of the HTTP response to dst.
func (l *Login) Append(dst []byte) []byte {
	dst = append(dst, `{"token":`...)
	dst = AppendString(dst, l.Token)
	dst = appendInt(dst, "expires", l.Expires)
	return append(appendUser(dst, "user", &l.User), '}')
}

// AppendBody appends the history as the body of an HTTP response.
func (f *Page) AppendBody(dst []byte) []byte {
	return f.appendRest(beginBody(dst, f.Room))
}

// AppendBody appends the answer to a send as the body of an HTTP response.
func (f *Sent) AppendBody(dst []byte) []byte {
	return f.appendRest(beginBody(dst, f.Room))
}

func beginBody(dst []byte, room string) []byte {
	dst = append(dst, `{"room":`...)
	return AppendString(dst, room)
}

// AppendProblem appends the error as problem details (RFC 9457) of an HTTP
// response with this status.
func (e *Error) AppendProblem(dst []byte, status int) []byte {
	dst = append(dst, `{"title":`...)
	dst = AppendString(dst, http.StatusText(status))
	dst = appendInt(dst, "status", status)
	dst = appendField(dst, "detail", e.Message)
	dst = appendField(dst, "code", e.Code.String())
	dst = appendOptional(dst, "field", e.Field)
	return append(appendRetry(e.appendUncertain(dst), e.Retry), '}')
}

// RetryAfter returns Retry for the HTTP header Retry-After: whole seconds, rounded
// up. It is empty for [Never].
func (e *Error) RetryAfter() string {
	if e.Retry < 0 {
		return ""
	}
	return strconv.FormatFloat(math.Ceil(float64(e.Retry)/float64(time.Second)), 'f', 0, 64)
}

// Fields are those of a command that a request has beside its body: in its path, its query
// or its headers.
type Fields struct{ text []byte }

// Text adds a field that is a string.
func (f *Fields) Text(name, value string) { f.text = appendField(f.text, name, value) }

// Number adds a field that is a number, as digits. It returns false if it is none.
func (f *Fields) Number(name, digits string) bool {
	if len(digits) == 0 || len(digits) > 20 || bytes.ContainsFunc([]byte(digits), func(c rune) bool { return c < '0' || c > '9' }) ||
		digits[0] == '0' && len(digits) > 1 {
		return false
	}
	f.text = append(appendName(f.text, name), digits...)
	return true
}

// Texts adds a field that is an array of strings.
func (f *Fields) Texts(name string, values []string) {
	f.text = appendList(f.text, name, values, appendID)
}

// DecodeRequest decodes a command that came as an HTTP request: fixed are the fields that
// stand elsewhere, and body, if it is not nil, is an object with the others. known says which
// fields the body may have. The error is always an [*Error]. Neither is kept.
func DecodeRequest(typ string, fixed Fields, body []byte, known func(name string) bool) (Command, error) {
	frame := append(begin(nil, typ), fixed.text...)
	if body != nil {
		members, err := membersOf(body, known)
		if err != nil {
			return nil, err
		}
		if len(members) > 0 {
			frame = append(append(frame, ','), members...)
		}
	}
	return Decode(append(frame, '}'))
}

// CheckBody returns an [*Error] unless a frame may have a text as its body.
func CheckBody(body []byte) error {
	frame := append(append([]byte(`{"body":`), body...), '}')
	_, err := membersOf(frame, func(name string) bool { return name == "body" })
	return err
}

// membersOf returns what is between the braces of an object, which has only known members.
func membersOf(body []byte, known func(name string) bool) ([]byte, error) {
	r := reader{object: object{p: body}, element: -1}
	if r.frame(); r.err != nil {
		return nil, r.err
	}
	s := scanner{p: body}
	s.spaces()
	start, some, unknown := s.i+1, false, ""
	s.object(1, func(name []byte) bool {
		some = true
		if text := unquote(name); !known(text) && unknown == "" {
			unknown = text
		}
		return s.value(2)
	})
	if unknown != "" {
		e := BadFrame.Error("")
		e.Message = "there is no field " + string(AppendString(nil, firstChars(unknown))) + " here"
		return nil, e
	}
	if !some {
		return nil, nil
	}
	return body[start : s.i-1], nil
}

// AppendBody appends a frame as the body of an HTTP response: without its type.
func AppendBody(dst []byte, f Frame) []byte {
	start := len(dst)
	dst = f.Append(dst)
	rest := dst[start+len(`{"type":"`):]
	rest = rest[bytes.IndexByte(rest, '"')+1:] // behind the type
	rest = bytes.TrimPrefix(rest, []byte(","))
	return append(append(dst[:start], '{'), rest...)
}

// Summary, in a response over HTTP, is the state of a room without its entries.
type Summary struct{ Room Room }

// Append appends the frame to dst.
func (f *Summary) Append(dst []byte) []byte {
	r := &f.Room
	dst = appendField(appendField(begin(dst, "room"), "room", r.Name), "epoch", r.Epoch)
	dst = appendInt(dst, "last", r.Last)
	dst = appendInt(appendInt(dst, "read", r.Read), "unread", r.Unread)
	return append(r.appendRights(dst), '}')
}

// Tagged, in a response over HTTP, are the tags of one message.
type Tagged struct {
	Room string
	Seq  uint64
	Tags []Tag
}

// Append appends the frame to dst.
func (f *Tagged) Append(dst []byte) []byte {
	dst = appendInt(appendField(begin(dst, "tags"), "room", f.Room), "seq", f.Seq)
	return append(appendList(dst, "tags", f.Tags, (*Tag).append), '}')
}
