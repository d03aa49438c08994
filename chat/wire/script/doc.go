// Package script reads the examples in PROTOCOL.md and plays them to a server, so
// that each example is tested. It is for tests.
//
// A [Conversation] is one example: a fenced block whose info string begins with
// chat.v1 or raw, the dialect of its connections. An appendix of PROTOCOL.md
// describes the notation. In short, with A and B as names of connections, which
// may be omitted:
//
//	A open ?room=$room    A connects with this query; without this line, A connects when it is first used
//	A open raw ?room=$r   the same in another dialect than the block's
//	A> {"type":"ping"}    the client sends this text
//	A>x 00ff              the client sends these bytes as a binary frame
//	A< {"type":"pong"}    the next frame from the server matches this
//	A<| {"type":"pong"}   the same, in any order with the adjacent lines of this kind
//	A<x 00ff              the server sends these bytes as a binary frame
//	A close               the client closes
//	A closed 4503         the server has closed, with this code
//	  {"a":1}             a line that begins with white space continues the one above
//	# …                   a comment
//
// The string "$name" stands for any value, the same in the whole conversation. If
// the client sends it before the server has sent it, it becomes a fresh string, so
// that no two conversations use the same room. The string "…" stands for any value
// and is not remembered; as the name of a member it stands for any further members,
// as the last element of an array for any further elements.
//
// # Files
//
// In this order each file uses only those before it:
//
//   - match.go: comparing a frame with a pattern
//   - parse.go: from Markdown to steps
//   - run.go: playing the steps to a server
package script
