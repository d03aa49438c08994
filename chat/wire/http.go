package wire

import (
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
