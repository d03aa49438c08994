// Package wire is protocol chat.v1 as data: the frames that clients and servers
// say, the closed list of codes, and the JSON of both. It does no I/O and keeps
// no state. PROTOCOL.md says what the frames mean and when they are said; a test
// holds the two together.
//
// # Reading
//
// [Decode] turns what a client said into a [Command], or into an [*Error] that
// can be sent back as it is. It reads the frame once, byte by byte, and accepts
// less than encoding/json does: nothing may come twice, nest deeper than
// [MaxDepth], or be a number or a string that clients in other languages choke
// on. A frame costs at most twice its own size in memory.
//
// # Writing
//
// Every frame appends itself to a slice, so that a message for a thousand
// members is encoded once, into bytes that its caller owns and shares:
//
//	frame = entry.Append(frame[:0])
//
// A message's body is a JSON value and is passed on as the bytes that came, but
// for white space; numbers are never re-encoded.
package wire
