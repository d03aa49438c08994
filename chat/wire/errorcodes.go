package wire

import (
	"iter"
	"time"
)

// Code is why a command was refused or a connection ended. PROTOCOL.md has the
// same list, and clients rely on it being complete: a new code is a change of the
// protocol.
type Code uint8

// The codes. The table below has their names, which are what clients see.
const (
	BadFrame Code = iota + 1
	UnknownType
	NoHello
	AlreadyHello
	BadRoom
	NotJoined
	Forbidden
	Refused
	NotFound
	TooLate
	TextTooLong
	TooLarge
	TooFast
	TooManyRooms
	TooMany
	RoomFull
	Muted
	Banned
	Kicked
	BadToken
	Expired
	BadCode
	TooManySessions
	HelloTimeout
	Replaced
	Slow
	Idle
	Unavailable
	Internal
	Shutdown
)

// codeInfo is what a code stands for.
type codeInfo struct {
	name   string
	retry  time.Duration // default; see Code.Retry
	close  uint16        // WebSocket close code of the bye; 0 if no connection ends with it
	status int           // HTTP status; 0 if no HTTP request is answered with it
	reason string        // the text for people, unless the place of the error has a better one
}

// codes is the only table of errors and goodbyes, and has the text of each. After
// a close code from 4000 to 4499, or 1001, the client reconnects; after one from
// 4500 to 4999 it does not.
var codes = [...]codeInfo{
	BadFrame:        {"bad_frame", Never, 0, 400, "the frame is not valid"},
	UnknownType:     {"unknown_type", Never, 0, 0, "unknown type of frame"},
	NoHello:         {"no_hello", Never, 0, 0, "say hello first"},
	AlreadyHello:    {"already_hello", Never, 0, 0, "you have sent hello before"},
	BadRoom:         {"bad_room", Never, 0, 400, "a room's name has 1 to 128 bytes and no control characters"},
	NotJoined:       {"not_joined", Never, 0, 0, "join the room first"},
	Forbidden:       {"forbidden", Never, 4500, 403, "you may not do this"},
	Refused:         {"refused", Never, 4507, 422, "this was not accepted"},
	NotFound:        {"not_found", Never, 0, 404, "there is no such message or user"},
	TooLate:         {"too_late", Never, 0, 409, "it is too late to change this message"},
	TextTooLong:     {"text_too_long", Never, 0, 413, "the text is too long"},
	TooLarge:        {"too_large", Never, 0, 413, "the request is too large"},
	TooFast:         {"too_fast", time.Second, 4003, 429, "you are sending too fast"},
	TooManyRooms:    {"too_many_rooms", Never, 0, 0, "you are in too many rooms: leave one first"},
	TooMany:         {"too_many", Never, 0, 409, "the largest number is reached"},
	RoomFull:        {"room_full", 30 * time.Second, 0, 409, "the room is full"},
	Muted:           {"muted", Never, 4506, 403, "you are muted"},
	Banned:          {"banned", Never, 4505, 403, "you are banned"},
	Kicked:          {"kicked", Never, 4504, 0, "you were removed"},
	BadToken:        {"bad_token", Never, 4501, 401, "the token is not accepted"},
	Expired:         {"expired", Never, 4502, 401, "the token has expired"},
	BadCode:         {"bad_code", Never, 0, 400, "the login code is not accepted"},
	TooManySessions: {"too_many_sessions", 30 * time.Second, 4007, 0, "you have too many connections"},
	HelloTimeout:    {"hello_timeout", time.Second, 4004, 0, "hello did not arrive in time"},
	Replaced:        {"replaced", Never, 4503, 0, "this device has connected again"},
	Slow:            {"slow", time.Second, 4001, 0, "your connection is too slow for the messages of your rooms"},
	Idle:            {"idle", time.Second, 4005, 0, "your connection was silent for too long"},
	Unavailable:     {"unavailable", 2 * time.Second, 4002, 503, "the server can't do this just now"},
	Internal:        {"internal", 5 * time.Second, 4006, 500, "the server made a mistake"},
	Shutdown:        {"shutdown", time.Second, 1001, 503, "the server is shutting down"},
}

// Codes yields every code.
func Codes() iter.Seq[Code] {
	return func(yield func(Code) bool) {
		for c := BadFrame; int(c) < len(codes) && yield(c); c++ {
		}
	}
}

// String returns the name of the code, as clients see it.
func (c Code) String() string { return codes[c].name }

// Retry returns how long a client should wait before it tries again, or [Never].
// It is the default: an [Error] or a [Bye] may have another.
func (c Code) Retry() time.Duration { return codes[c].retry }

// Close returns the WebSocket close code of a connection that ends with this code,
// or 0 if none does.
func (c Code) Close() uint16 { return codes[c].close }

// Status returns the HTTP status of an answer with this code, or 0 if there is
// none.
func (c Code) Status() int { return codes[c].status }

// Reason returns the code's text for people: at most 123 bytes, so that it fits in
// a close frame.
func (c Code) Reason() string { return codes[c].reason }

// ComesBack reports whether a client whose connection ended with this code should
// reconnect without asking the user.
func (c Code) ComesBack() bool { return codes[c].close < 4500 }
