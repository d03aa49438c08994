// Package wire is the protocol chat.v1 as data: the frames of clients and servers,
// the codes of errors, and the JSON of both. It does no I/O and keeps no state.
// PROTOCOL.md says what the frames mean and when they are sent; tests compare it
// with this package. The package is public so that Go clients can use it, but it
// promises no compatibility: only the protocol is stable.
//
// # Decoding
//
// [Decode] turns a frame of a client into a [Command], or into an [*Error] that
// can be sent as the answer. It checks the whole frame, also the parts that it does
// not use, and accepts less than encoding/json does: no field of the protocol may
// come twice, nothing may nest deeper than [MaxDepth], no number may be longer than
// [MaxNumber] or beyond a double's range, and no string may contain half of a
// surrogate pair. Some clients could not read those. It allocates at most twice the
// size of the frame, plus 256 bytes for the command and for each room of a hello.
//
// # Encoding
//
// Each frame appends itself to a slice. So a message for a thousand users is
// encoded once, into bytes that the caller owns and shares:
//
//	frame = entry.Append(frame[:0])
//
// The body of a message is a JSON value. It keeps the bytes that the client sent,
// without the white space between its tokens; numbers are never encoded again.
//
// # Why the JSON code is our own
//
// A library could replace most of scan.go and quote.go, but it costs more, and the
// limits above would remain our code. On 2026-11-28 jsontext of
// github.com/go-json-experiment/json v1.27.2, with its decoders pooled, needed for a
// send of 200 bytes 2.0 times as long as our decoder, for a hello with two rooms
// 1.7, for a history 1.9, for a ping 2.3, and to quote a text of 200 bytes 2.7; to
// encode a whole message with that text it needed 1.16 times as long. These are the
// minimums of 120 runs of
//
//	go test -run '^$' -bench . -benchtime 2ms -cpu 1 ./chat/wire
//
// # Files
//
// In this order each file uses only those before it:
//
//   - limits.go: the limits of the protocol, and those that a server sets
//   - quote.go: JSON strings
//   - scan.go: checking JSON
//   - text.go: the text of a message's body
//   - errorcodes.go: the table of codes: name, retry, close code, HTTP status, text
//   - encode.go: appending parts of a frame
//   - errorframes.go: the frames error and bye
//   - clientframes.go: the frames of clients
//   - encodeclient.go: their JSON
//   - serverframes.go: the other frames of servers, and entries of a journal as these show them
//   - encodeserver.go: their JSON
//   - conversationframes.go: the frames of conversations and their list
//   - encodeconversation.go: their JSON
//   - fields.go: where the fields are in a frame
//   - readfields.go: checking fields, and the texts that say what is wrong with one
//   - decodeconversation.go: commands of conversations
//   - decode.go: from a frame to a command
//   - strict.go: JSON that is no frame, read as strictly
//   - http.go: requests and responses over HTTP
package wire
