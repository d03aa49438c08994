// Package conformance tests any running server for RFC 6455 and for the raw
// dialect: a text or binary message from one client reaches every other client
// in the room, and never its sender.
//
// It connects over real sockets (or whatever [Target.Dial] returns) with a
// WebSocket client of its own. That client is written by hand, because it must
// also send what no correct client sends. The package knows nothing of the
// server's code. The same cases therefore test the hub alone, the hub inside
// Caddy, and every transport that carries WebSocket.
//
// # How a case works
//
// Each case has a room of its own. No case sleeps. To show that something does
// NOT arrive, a case sends something else after it and checks what the others
// receive next. Every wait ends after [Target.Timeout].
//
// Where only the data differ, a case is a frameCase: frames that one client
// sends, what the two other clients receive, and the code with which the server
// closes. framing.go, unicode.go, control.go and violations.go hold those tables.
// Numbers such as 5.9 in their names are those of the Autobahn test suite.
//
// # Files
//
// The lowest is first. A file uses only those above it.
//
//	target.go      the server to test
//	case.go        a case, one run of it, and the rules that cases cite
//	frame.go       frames to the server, right and wrong, and frames from it
//	receive.go     messages from frames, and the queue of what has come
//	client.go      a connected client: what it sends and expects
//	request.go     the opening handshake of HTTP/1.1
//	join.go        clients that join the room of a case
//	framecase.go   cases of which only the frames differ
//	handshake.go, rooms.go, relay.go, history.go, broadcast.go, control.go,
//	framing.go, unicode.go, violations.go   the cases
//	suite.go       all cases, and running them
package conformance
