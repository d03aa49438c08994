package wire

import "bytes"

// field is a member of a frame that some command has.
type field uint8

const (
	fieldType field = iota
	fieldID
	fieldRoom
	fieldKey
	fieldBody
	fieldSeq
	fieldEpoch
	fieldAfter
	fieldBefore
	fieldLimit
	fieldToken
	fieldDevice
	fieldName
	fieldAvatar
	fieldRooms
	fieldUser
	fieldFor
	fields
)

var fieldNames = [fields]string{
	"type", "id", "room", "key", "body", "seq", "epoch", "after", "before", "limit",
	"token", "device", "name", "avatar", "rooms", "user", "for",
}

func (f field) String() string { return fieldNames[f] }

// frame is where the known members of an object are.
type frame struct {
	p    []byte
	at   [fields]span
	bulk bool // the body has white space between its tokens
}

// span is where a value begins and ends. The zero span is no value.
type span struct{ start, end int }

// note takes a member down. It reports false if a known one comes twice.
func (f *frame) note(quoted []byte, start, end int, space bool) bool {
	i, ok := fieldOf(quoted)
	if !ok {
		return true
	}
	if f.at[i].end > 0 {
		return false
	}
	f.at[i] = span{start, end}
	if i == fieldBody {
		f.bulk = space
	}
	return true
}

// fieldOf returns the field of a member's name as it is written in JSON.
func fieldOf(quoted []byte) (field, bool) {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name = appendUnquoted(nil, quoted)
	}
	for i := range fieldNames {
		if string(name) == fieldNames[i] {
			return field(i), true
		}
	}
	return 0, false
}

// raw returns a member's value as it stands in the frame, or nil.
func (f *frame) raw(i field) []byte {
	if f.at[i].end == 0 {
		return nil
	}
	return f.p[f.at[i].start:f.at[i].end]
}

// value is like raw, but takes null for nothing.
func (f *frame) value(i field) []byte {
	if v := f.raw(i); len(v) > 0 && v[0] != 'n' {
		return v
	}
	return nil
}

// body returns a copy of the body without white space between its tokens.
func (f *frame) body() []byte {
	v := f.raw(fieldBody)
	dst := make([]byte, 0, len(v))
	if f.bulk {
		return compact(dst, v)
	}
	return append(dst, v...)
}
