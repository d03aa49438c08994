// Package script reads the conversations in PROTOCOL.md and plays them to a
// server, so that no example says what is not so. It is for tests.
//
// A conversation is a fenced block whose info string begins with chat.v1 or raw,
// the dialect of its connections. An appendix of PROTOCOL.md describes the notation. In
// short, with A and B for names of connections, which may be left out:
//
//	A open ?room=$room    A connects with this query; without the line, when it first speaks
//	A open raw ?room=$r   the same, in another dialect than the rest
//	A> {"type":"ping"}    the client says this text
//	A>x 00ff              the client says these bytes, as binary
//	A< {"type":"pong"}    the server says something that matches, next
//	A<| {"type":"pong"}   the same, in any order with the lines like it around it
//	A<x 00ff              the server says these bytes, as binary
//	A close               the client closes
//	A closed 4503         the server has closed, with this code
//	  {"a":1}             a line that begins with white space continues the one above
//	# …                   a comment
//
// The string "$name" stands for any value, the same throughout the conversation.
// One that the client says before it has met it becomes a fresh string, so that
// no conversation meets the rooms of another. The string "…" stands for any
// value and is forgotten; as the name of a member, for any further members; as
// the last element of an array, for any further elements.
package script
