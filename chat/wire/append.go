package wire

import (
	"strconv"
	"time"
)

// The functions here append parts of an object. begin opens it; every other
// member begins with its comma; the caller closes it.

func begin(dst []byte, typ string) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, typ...)
	return append(dst, '"')
}

// beginID opens an object with an id, unless that is empty.
func beginID(dst []byte, typ, id string) []byte {
	return appendOptional(begin(dst, typ), "id", id)
}

// appendName appends a comma and a member's name, which needs no escapes.
func appendName(dst []byte, name string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

func appendMember(dst []byte, name, value string) []byte {
	return AppendString(appendName(dst, name), value)
}

// appendOptional appends nothing where value is empty.
func appendOptional(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return appendMember(dst, name, value)
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

// appendFor appends the length of a mute or ban: nothing where it has no end.
func appendFor(dst []byte, d time.Duration) []byte {
	if d < 0 {
		return dst
	}
	return appendMillis(dst, "for", d)
}
