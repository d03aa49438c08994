package wire

import (
	"cmp"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Unmarshal is json.Unmarshal for JSON that is no frame, and as strict as [Decode]: encoding/json
// by itself takes names in another letter case, the last of two fields with one name, and half of
// a surrogate pair. Here such a text is refused, and so is a field that to does not have. The text
// may nest twice as deep as a frame, since a part of a frame may stand deeper in it. What json.RawMessage,
// an interface or a json.Unmarshaler takes may have any names. The error is always a [*Malformed]; then to is meaningless.
func Unmarshal(p []byte, to any) error { return unmarshal(p, to, false) }

// UnmarshalOpen is Unmarshal for a text in which fields that to does not have are ignored. But
// one that differs from a field of to in the letter case only is refused.
func UnmarshalOpen(p []byte, to any) error { return unmarshal(p, to, true) }

func unmarshal(p []byte, to any, open bool) error {
	if !utf8.Valid(p) {
		return &Malformed{What: "is not UTF-8"}
	}
	s, of := strict{scanner: scanner{p: p}, open: open}, reflect.TypeOf(to).Elem()
	s.spaces()
	start := s.i
	ok := s.into(of, -MaxDepth)
	if s.spaces(); ok && s.i < len(p) {
		ok = s.fail("more than one value")
	}
	switch {
	case s.err != nil:
		return s.err
	case !ok:
		return &Malformed{What: "is not valid JSON: " + s.fault}
	case isObject(of) && p[start] != '{':
		return &Malformed{What: "must be a JSON object"}
	}
	err := json.Unmarshal(p, to)
	if told, is := errors.AsType[*Malformed](err); is {
		return told
	}
	if mistyped, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		return &Malformed{mistyped.Field, "must be no " + mistyped.Value}
	}
	if err != nil {
		return &Malformed{What: "has a value that makes no sense: " + err.Error()}
	}
	return nil
}

func isObject(t reflect.Type) bool { return t.Kind() == reflect.Struct || t.Kind() == reflect.Map }

// strict compares the names of a text with those of a type.
type strict struct {
	scanner
	open bool
	err  *Malformed // the first name that is wrong; otherwise fault says what is
}

// into reads a value that belongs into a type.
func (s *strict) into(t reflect.Type, depth int) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	next := string(s.p[s.i:min(s.i+1, len(s.p))])
	switch {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
	case isObject(t) && next == "{":
		return s.members(t, depth)
	case t.Kind() == reflect.Slice && next == "[":
		n := -1
		return s.array(depth, func() bool {
			n++
			return s.into(t.Elem(), depth+1) || s.in("["+strconv.Itoa(n)+"]")
		})
	}
	return s.value(depth)
}

// members reads the members of an object that belongs into a struct or a map.
func (s *strict) members(t reflect.Type, depth int) bool {
	seen := map[string]bool{}
	return s.object(depth, func(quoted []byte) bool {
		name := unquote(quoted)
		if seen[name] {
			return s.wrong(name, "stands twice")
		}
		seen[name] = true
		if t.Kind() == reflect.Map {
			return s.into(t.Elem(), depth+1) || s.in(name)
		}
		fields := fieldsOf(t)
		of, known := fields[name]
		switch {
		case known:
			return s.into(of, depth+1) || s.in(name)
		case !s.open:
			return s.wrong(name, "is not known here")
		}
		for field := range fields {
			if strings.EqualFold(name, field) {
				return s.wrong(name, "is not known here")
			}
		}
		return s.value(depth + 1)
	})
}

// wrong refuses a name. It is shown in quotes unless it is plain: whoever sent it has chosen it.
func (s *strict) wrong(name, what string) bool {
	if name = firstChars(name); name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		name = string(AppendString(nil, name))
	}
	s.err = &Malformed{name, what}
	return false
}

// in adds the name of what the first mistake is in.
func (s *strict) in(name string) bool {
	if s.err != nil {
		if s.err.Field[0] != '[' {
			name += "."
		}
		s.err.Field = name + s.err.Field
	}
	return false
}

// fieldTypes has the results of fieldsOf.
var fieldTypes sync.Map

// fieldsOf returns the types of the fields of a struct by their names in JSON.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if known, ok := fieldTypes.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() || f.Anonymous && name == "" { // the fields of an embedded one come by themselves
			continue
		}
		fields[cmp.Or(name, f.Name)] = f.Type
	}
	fieldTypes.Store(t, fields)
	return fields
}
