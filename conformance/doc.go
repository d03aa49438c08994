// Package conformance says what a chat server of this project owes to a client
// that speaks the raw dialect, as cases that any running server can be put
// through: RFC 6455, and the relaying of messages from member to member.
//
// It drives the server over real sockets with a client of its own, written by
// hand so that it can also say what no client should. It knows nothing of the
// server's inside, so the same cases prove the hub alone, the hub inside Caddy,
// and every transport that carries WebSocket.
//
// # How a case looks
//
// Each case has a room of its own. Nothing sleeps: a case that must show that
// something does NOT arrive has somebody say something behind it, and looks at
// what the others hear next. Every wait has a deadline, [Target.Patience].
//
// Where only data differ, a case is an exchange: frames that one member sends,
// what the other two then hear, and the code with which the server closes. Those
// tables are framing.go, unicode.go, closing.go and violations.go; their numbers
// of the kind 5.9 are those of the Autobahn test suite's cases.
package conformance
