package wire

import (
	"bytes"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/internal/jsonbytes"
)

// field is a field that some command has.
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
	fieldUsers
	fieldRole
	fieldTitle
	fieldAbout
	fieldClosed
	fieldDirect
	fieldPattern
	fieldList
	fieldNext
	fieldSince
	fieldNotify
	fieldTop
	fieldHide
	fieldClear
	fieldBlock
	fieldReply
	fieldMentions
	fieldQuiet
	fieldTag
	fieldValue
	fieldShared
	fieldOwner
	fieldNotice
	fieldCount
)

var fieldNames = [fieldCount]string{
	"type", "id", "room", "key", "body", "seq", "epoch", "after", "before", "limit",
	"token", "device", "name", "avatar", "rooms", "user", "for",
	"users", "role", "title", "about", "closed", "direct", "pattern",
	"list", "next", "since", "notify", "top", "hide", "clear", "block",
	"reply", "mentions", "quiet", "tag", "value", "shared", "owner", "notice",
}

func (f field) String() string { return fieldNames[f] }

// maxFieldName is the length of the longest field name.
const maxFieldName = 8

// fieldOf returns the field with this name, which is a JSON string.
func fieldOf(quoted []byte) (field, bool) {
	name := quoted[1 : len(quoted)-1]
	var text [6 * maxFieldName]byte // an escape is at most six bytes long
	if len(name) > len(text) {
		return 0, false
	}
	if bytes.IndexByte(name, '\\') >= 0 {
		name = appendUnquoted(text[:0], quoted)
	}
	for f := range fieldNames {
		if string(name) == fieldNames[f] {
			return field(f), true
		}
	}
	return 0, false
}

// object records where the values of fields are in a JSON object: in a frame, or
// in one of the rooms of a hello.
type object struct {
	p         []byte
	at        [fieldCount]span
	bodySpace bool // the body contains white space between its tokens
}

// span is where a value begins and ends in the object's bytes. The zero span is
// no value.
type span struct{ start, end int }

// scan reads the object that s is at, which may contain other members too, but no
// field twice. If it returns false, o still has the fields before the mistake.
func (o *object) scan(s *scanner, depth int) bool {
	return s.object(depth, func(name []byte) bool {
		start := s.i
		s.space = false
		if !s.value(depth + 1) {
			return false
		}
		f, ok := fieldOf(name)
		if !ok {
			return true
		}
		if o.at[f].end > 0 {
			return s.fail(fmt.Sprintf("second %q", f))
		}
		o.at[f] = span{start, s.i}
		if f == fieldBody {
			o.bodySpace = s.space
		}
		return true
	})
}

// raw returns a field's value as the object has it, or nil.
func (o *object) raw(f field) []byte {
	if o.at[f].end == 0 {
		return nil
	}
	return o.p[o.at[f].start:o.at[f].end]
}

// value is like raw, but returns nil for null too.
func (o *object) value(f field) []byte {
	if v := o.raw(f); len(v) > 0 && v[0] != 'n' {
		return v
	}
	return nil
}

// copyBody returns a copy of the body without white space between its tokens.
func (o *object) copyBody() []byte {
	v := o.raw(fieldBody)
	dst := make([]byte, 0, len(v))
	if o.bodySpace {
		return jsonbytes.AppendCompact(dst, v)
	}
	return append(dst, v...)
}
