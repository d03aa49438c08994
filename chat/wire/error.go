package wire

import "time"

// Error is the frame that refuses a command, and a Go error.
type Error struct {
	Code Code
	// ID is the refused command's, or empty where it has none or it could not
	// be read.
	ID string
	// Field names the field that is wrong, such as "rooms[2].after"; for
	// [BadFrame] and [BadRoom], else empty.
	Field string
	// Message says it in words for developers and logs. It holds nothing that
	// is secret.
	Message string
	// Retry is how long to wait before trying again, or [Never].
	Retry time.Duration
}

// Error returns a frame that refuses the command of this id, with the code's
// usual message and retry.
func (c Code) Error(id string) *Error {
	return &Error{Code: c, ID: id, Message: c.Reason(), Retry: c.Retry()}
}

func (e *Error) Error() string { return e.Code.String() + ": " + e.Message }

// Append appends the frame to dst.
func (e *Error) Append(dst []byte) []byte {
	dst = e.appendWhy(beginID(dst, "error", e.ID))
	return append(dst, '}')
}

// appendWhy appends the members that every refusal has.
func (e *Error) appendWhy(dst []byte) []byte {
	dst = appendMember(dst, "code", e.Code.String())
	dst = appendOptional(dst, "field", e.Field)
	dst = appendMember(dst, "message", e.Message)
	return appendRetry(dst, e.Retry)
}

// Bye is the last frame of a connection. The server closes it with
// Code.Close() right behind.
type Bye struct {
	Code    Code
	Message string
	// Retry is how long to wait before connecting again. It has no say where
	// the code does not let the client come back.
	Retry time.Duration
}

// Bye returns a goodbye with the code's usual message and retry.
func (c Code) Bye() *Bye {
	return &Bye{Code: c, Message: c.Reason(), Retry: c.Retry()}
}

// Append appends the frame to dst.
func (b *Bye) Append(dst []byte) []byte {
	dst = begin(dst, "bye")
	dst = appendMember(dst, "code", b.Code.String())
	dst = appendMember(dst, "message", b.Message)
	retry := b.Retry
	if !b.Code.ComesBack() {
		retry = Never // the close code says the same
	}
	dst = appendRetry(dst, retry)
	return append(dst, '}')
}
