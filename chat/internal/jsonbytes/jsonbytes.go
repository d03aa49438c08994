// Package jsonbytes has what is done with valid JSON without decoding it.
package jsonbytes

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
