package wire

import (
	"strconv"
	"time"
)

// The functions of this file append parts of a JSON object: begin and beginID its
// start, the others a comma and a field. The caller appends the end.

// begin appends the start of a frame of this type.
func begin(dst []byte, typ string) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, typ...)
	return append(dst, '"')
}

// beginID appends the start of a frame, with its id unless that is empty.
func beginID(dst []byte, typ, id string) []byte {
	return appendOptional(begin(dst, typ), "id", id)
}

// appendName appends a comma and the name of a field, which must need no escapes.
func appendName(dst []byte, name string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

func appendField(dst []byte, name, value string) []byte {
	return AppendString(appendName(dst, name), value)
}

// appendOptional appends nothing if value is empty.
func appendOptional(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return appendField(dst, name, value)
}

func appendInt[N int | int64 | uint64](dst []byte, name string, n N) []byte {
	return strconv.AppendInt(appendName(dst, name), int64(n), 10)
}

func appendBool(dst []byte, name string, b bool) []byte {
	return strconv.AppendBool(appendName(dst, name), b)
}

func appendMillis(dst []byte, name string, d time.Duration) []byte {
	return appendInt(dst, name, millis(d))
}

func appendRetry(dst []byte, d time.Duration) []byte {
	if d < 0 {
		return append(dst, `,"retry":false`...)
	}
	return appendMillis(dst, "retry", d)
}

// appendFor appends the duration of a mute or ban: nothing if it has no end.
func appendFor(dst []byte, d time.Duration) []byte {
	if d < 0 {
		return dst
	}
	return appendMillis(dst, "for", d)
}

// appendMarks appends what a message has beside its body; nothing for what it has not.
func appendMarks(dst []byte, reply uint64, mentions []string, quiet bool) []byte {
	if reply > 0 {
		dst = appendInt(dst, "reply", reply)
	}
	if len(mentions) > 0 {
		dst = append(appendName(dst, "mentions"), '[')
		for i, id := range mentions {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, id)
		}
		dst = append(dst, ']')
	}
	if quiet {
		dst = appendBool(dst, "quiet", true)
	}
	return dst
}

func appendID(id *string, dst []byte) []byte { return AppendString(dst, *id) }

// asObject makes an object of the fields that dst has from start on: the comma before
// the first one becomes the brace.
func asObject(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}
