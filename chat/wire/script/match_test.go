package script

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	known := Vars{"room": "team", "seq": json.Number("9007199254740993")}
	for _, c := range []struct {
		pattern, frame string
		difference     string // empty: they match
	}{
		{`{"type":"pong"}`, ` { "type" : "pong" } `, ""},
		{`{"a":[1,true,null,"x"]}`, `{"a":[1,true,null,"\u0078"]}`, ""},
		{`{"a":1}`, `{"a":2}`, ".a is 2, want 1"},
		{`{"a":1}`, `{"a":"1"}`, `.a is "1", want 1`},
		{`{"a":1}`, `{}`, ".a is missing"},
		{`{"a":1}`, `{"a":1,"b":2}`, ".b is not expected: 2"},
		{`{"a":{"b":[{}]}}`, `{"a":{"b":[1]}}`, ".a.b[0] is 1, want {}"},
		{`[1,2]`, `[1]`, "the frame has 1 elements, want 2"},
		{`{"a":[1]}`, `{"a":{"0":1}}`, `.a is {"0":1}, want [1]`},

		{`{"a":"…"}`, `{"a":{"b":1}}`, ""},
		{`{"a":"…"}`, `{}`, ".a is missing"},
		{`{"a":1,"…":"…"}`, `{"a":1,"b":2,"c":3}`, ""},
		{`{"a":1,"…":"…"}`, `{"b":2}`, ".a is missing"},
		{`[1,"…"]`, `[1]`, ""},
		{`[1,"…"]`, `[1,2,3]`, ""},
		{`[1,"…"]`, `[]`, "the frame has 0 elements, want 2"},

		{`{"room":"$room"}`, `{"room":"team"}`, ""},
		{`{"room":"$room"}`, `{"room":"lobby"}`, `.room is "lobby", want "team"`},
		{`{"seq":"$seq"}`, `{"seq":9007199254740993}`, ""},
		{`{"seq":"$seq"}`, `{"seq":9007199254740992}`, ".seq is 9007199254740992, want 9007199254740993"},
		{`{"a":"$new","b":"$new"}`, `{"a":{"x":1},"b":{"x":1}}`, ""},
		{`{"a":"$new","b":"$new"}`, `{"a":1,"b":2}`, ".b is 2, want 1"},
		{`{"a":"$"}`, `{"a":1}`, ""},

		{`{"a":1}`, `{"a":1}{"a":1}`, "more than one JSON value"},
		{`{"a":1}`, `a`, "not JSON"},
	} {
		err := Match([]byte(c.pattern), []byte(c.frame), known)
		switch {
		case err == nil && c.difference != "":
			t.Errorf("%s matches %s", c.pattern, c.frame)
		case err != nil && (c.difference == "" || !strings.Contains(err.Error(), c.difference)):
			t.Errorf("%s with %s: got %v, want %s", c.pattern, c.frame, err, c.difference)
		}
		delete(known, "new")
		delete(known, "")
	}
}

func TestMatch_Failure_TeachesNothing(t *testing.T) {
	vars := Vars{}
	if Match([]byte(`{"a":"$a","b":1}`), []byte(`{"a":7,"b":2}`), vars) == nil {
		t.Fatal("they match")
	}
	if len(vars) > 0 {
		t.Errorf("learnt %v", vars)
	}
	if err := Match([]byte(`{"a":"$a","b":1}`), []byte(`{"a":7,"b":1}`), vars); err != nil {
		t.Fatal(err)
	}
	if want := (Vars{"a": json.Number("7")}); !reflect.DeepEqual(vars, want) {
		t.Errorf("learnt %v, want %v", vars, want)
	}
}
