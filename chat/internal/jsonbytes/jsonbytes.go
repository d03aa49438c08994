// Package jsonbytes has what is done with valid JSON without decoding it.
package jsonbytes

import (
	"bytes"
	"hash/maphash"
)

var seed = maphash.MakeSeed()

// HashName returns what two names, in their quotes, have in common only if they are the same: the
// hash has 64 bits, and a seed that nobody knows. unquote undoes the escapes of one.
func HashName(quoted []byte, unquote func([]byte) string) uint64 {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return maphash.Bytes(seed, quoted[1:len(quoted)-1])
	}
	return maphash.String(seed, unquote(quoted))
}

// AppendCompact appends a value, which is valid JSON, without the white space
// between its tokens.
func AppendCompact(dst, value []byte) []byte {
	inString := false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case !inString && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		case c == '"':
			inString = !inString
		case c == '\\': // only in strings; the next byte may be a quote
			dst = append(dst, c)
			i++
			c = value[i]
		}
		dst = append(dst, c)
	}
	return dst
}
