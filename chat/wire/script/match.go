package script

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Vars are the values of names, as encoding/json decodes them with UseNumber.
type Vars map[string]any

// anything stands for any value, or for any further members or elements.
const anything = "…"

// Match compares a frame with a pattern; both are JSON. If they match it returns
// nil and adds to vars the values of names that were new. Otherwise it returns the
// difference and leaves vars as it was.
func Match(pattern, frame []byte, vars Vars) error {
	want, err := decode(pattern)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	got, err := decode(frame)
	if err != nil {
		return err
	}
	m := matcher{vars: maps.Clone(vars)}
	if m.vars == nil {
		m.vars = Vars{}
	}
	if err := m.value("", want, got); err != nil {
		return err
	}
	maps.Copy(vars, m.vars)
	return nil
}

func decode(p []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(p))
	d.UseNumber() // a double would round a large seq
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", p, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%s is more than one JSON value", p)
	}
	return v, nil
}

type matcher struct {
	vars Vars
}

// value compares the values at path.
func (m matcher) value(path string, want, got any) error {
	switch want := want.(type) {
	case string:
		return m.text(path, want, got)
	case []any:
		return m.array(path, want, got)
	case map[string]any:
		return m.object(path, want, got)
	}
	return same(path, want, got)
}

func (m matcher) text(path, want string, got any) error {
	if want == anything {
		return nil
	}
	name, ok := strings.CutPrefix(want, "$")
	if !ok {
		return same(path, want, got)
	}
	if known, ok := m.vars[name]; ok {
		return same(path, known, got)
	}
	m.vars[name] = got
	return nil
}

func (m matcher) array(path string, want []any, got any) error {
	list, ok := got.([]any)
	if !ok {
		return same(path, want, got)
	}
	if n := len(want); n > 0 && want[n-1] == anything && len(list) >= n-1 {
		want, list = want[:n-1], list[:n-1]
	}
	if len(want) != len(list) {
		return fmt.Errorf("%s has %d elements, want %d", at(path), len(list), len(want))
	}
	for i := range want {
		if err := m.value(fmt.Sprintf("%s[%d]", path, i), want[i], list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m matcher) object(path string, want map[string]any, got any) error {
	members, ok := got.(map[string]any)
	if !ok {
		return same(path, want, got)
	}
	_, open := want[anything]
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if _, ok := want[name]; !ok && !open {
			return fmt.Errorf("%s.%s is not expected: %s", path, name, show(members[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if name == anything {
			continue
		}
		value, ok := members[name]
		if !ok {
			return fmt.Errorf("%s.%s is missing", path, name)
		}
		if err := m.value(path+"."+name, want[name], value); err != nil {
			return err
		}
	}
	return nil
}

func same(path string, want, got any) error {
	if reflect.DeepEqual(want, got) {
		return nil
	}
	return fmt.Errorf("%s is %s, want %s", at(path), show(got), show(want))
}

func at(path string) string {
	if path == "" {
		return "the frame"
	}
	return path
}

func show(v any) string {
	p, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(p)
}
