package wire

import (
	"iter"
	"time"
)

// Code says why something was refused or ended. The list is closed: PROTOCOL.md
// has it too.
type Code uint8

// The codes. Their names, which are what clients see, are in the table below.
const (
	BadFrame Code = iota + 1
	UnknownType
	NoHello
	AlreadyHello
	BadRoom
	NotJoined
	Forbidden
	NotFound
	TooLate
	TextTooLong
	TooLarge
	TooFast
	TooManyRooms
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

// meaning is what there is to know of a code.
type meaning struct {
	name   string
	retry  time.Duration // default
	close  uint16        // WebSocket close code of the bye; 0 where there is none
	status int           // HTTP status; 0 where HTTP has no use for it
	reason string        // default message, for people
}

// codes is the one table of errors and goodbyes. Close codes from 4000 to 4499
// invite the client to come back, those above don't; so does shutdown's, which
// is RFC 6455's own.
var codes = [...]meaning{
	BadFrame:        {"bad_frame", Never, 0, 400, "this frame is not understood"},
	UnknownType:     {"unknown_type", Never, 0, 0, "this type of frame is not known"},
	NoHello:         {"no_hello", Never, 0, 0, "say hello first"},
	AlreadyHello:    {"already_hello", Never, 0, 0, "you have said hello before"},
	BadRoom:         {"bad_room", Never, 0, 400, "a room's name has 1 to 128 bytes and no control characters"},
	NotJoined:       {"not_joined", Never, 0, 0, "join the room first"},
	Forbidden:       {"forbidden", Never, 4500, 403, "you may not do this"},
	NotFound:        {"not_found", Never, 0, 404, "there is no such thing"},
	TooLate:         {"too_late", Never, 0, 0, "it is too late to recall this message"},
	TextTooLong:     {"text_too_long", Never, 0, 413, "the text is too long"},
	TooLarge:        {"too_large", Never, 0, 413, "the request is too large"},
	TooFast:         {"too_fast", time.Second, 4003, 429, "you are sending too fast"},
	TooManyRooms:    {"too_many_rooms", Never, 0, 0, "you are in as many rooms as are allowed"},
	RoomFull:        {"room_full", 30 * time.Second, 0, 0, "the room is full"},
	Muted:           {"muted", Never, 4506, 403, "you are muted"},
	Banned:          {"banned", Never, 4505, 403, "you are banned"},
	Kicked:          {"kicked", Never, 4504, 0, "you were removed"},
	BadToken:        {"bad_token", Never, 4501, 401, "the token is not accepted"},
	Expired:         {"expired", Never, 4502, 401, "the token has expired"},
	BadCode:         {"bad_code", Never, 0, 400, "the login code is not accepted"},
	TooManySessions: {"too_many_sessions", 30 * time.Second, 4007, 0, "you have too many connections"},
	HelloTimeout:    {"hello_timeout", time.Second, 4004, 0, "no hello came in time"},
	Replaced:        {"replaced", Never, 4503, 0, "this device has connected again"},
	Slow:            {"slow", time.Second, 4001, 0, "you read more slowly than the room speaks"},
	Idle:            {"idle", time.Second, 4005, 0, "nothing was heard from you"},
	Unavailable:     {"unavailable", 2 * time.Second, 4002, 503, "the server can't do this just now"},
	Internal:        {"internal", 5 * time.Second, 4006, 500, "the server made a mistake"},
	Shutdown:        {"shutdown", time.Second, 1001, 503, "the server is shutting down"},
}

// Codes yields every code there is.
func Codes() iter.Seq[Code] {
	return func(yield func(Code) bool) {
		for c := BadFrame; int(c) < len(codes) && yield(c); c++ {
		}
	}
}

// String returns the name of the code, as clients see it.
func (c Code) String() string { return codes[c].name }

// Retry is how long a client should wait before it tries again, unless the
// occasion knows better, or [Never].
func (c Code) Retry() time.Duration { return codes[c].retry }

// Close is the WebSocket close code that ends a connection for this reason, or 0
// where no connection ends for it.
func (c Code) Close() uint16 { return codes[c].close }

// Status is the HTTP status that goes with the code, or 0 where HTTP has no use
// for it.
func (c Code) Status() int { return codes[c].status }

// Reason says the code in words for people, in at most 123 bytes so that it fits
// into a close frame.
func (c Code) Reason() string { return codes[c].reason }

// ComesBack reports whether a client whose connection ended for this reason
// should connect again by itself.
func (c Code) ComesBack() bool { return codes[c].close < 4500 }
