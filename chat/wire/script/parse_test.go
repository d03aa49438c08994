package script

import (
	"reflect"
	"strings"
	"testing"
)

const document = "# Title\n\ntext\n\n" +
	"```json\n{\"not\": \"ours\"}\n```\n\n" +
	"## A part ##\n\n" +
	"```chat.v1 given $moderator $code\n" +
	"# a comment\n" +
	"> {\"type\":\"ping\"}\n" +
	"\n" +
	"< {\"type\":\"pong\",\n" +
	"    \"id\":1}\n" +
	"B open raw ?room=$room\n" +
	"B< plain text\n" +
	"B>x 00 ff\n" +
	"A<| 1\n" +
	"A close\n" +
	"closed 4503\n" +
	"```\n" +
	"```raw\n" +
	"A>\n" +
	"A< a < b\n" +
	"A<x 0a\n" +
	"A closed\n" +
	"```\n"

func TestParse(t *testing.T) {
	got, err := Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	want := []Conversation{
		{Title: "A part", Line: 11, Given: []string{"moderator", "code"}, Steps: []Step{
			{Line: 13, Dialect: "chat.v1", Action: Say, Text: `{"type":"ping"}`},
			{Line: 15, Dialect: "chat.v1", Action: Hear, Text: `{"type":"pong","id":1}`},
			{Line: 17, Dialect: "raw", Conn: "B", Action: Open, Text: "?room=$room"},
			{Line: 18, Dialect: "raw", Conn: "B", Action: Hear, Text: "plain text"},
			{Line: 19, Dialect: "raw", Conn: "B", Action: SayBinary, Text: "00 ff", Bytes: []byte{0, 255}},
			{Line: 20, Dialect: "chat.v1", Conn: "A", Action: HearAnyOrder, Text: "1"},
			{Line: 21, Dialect: "chat.v1", Conn: "A", Action: Close},
			{Line: 22, Dialect: "chat.v1", Action: Closed, Text: "4503", Code: 4503},
		}},
		{Title: "A part", Line: 24, Steps: []Step{
			{Line: 25, Dialect: "raw", Conn: "A", Action: Say},
			{Line: 26, Dialect: "raw", Conn: "A", Action: Hear, Text: "a < b"},
			{Line: 27, Dialect: "raw", Conn: "A", Action: HearBinary, Text: "0a", Bytes: []byte{10}},
			{Line: 28, Dialect: "raw", Conn: "A", Action: Closed},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestParse_Mistake_IsNamedWithItsLine(t *testing.T) {
	for block, want := range map[string]string{
		"```chat.v1\n> x":                          "line 1: block has no end",
		"```chat.v1 give $x\n```":                  `line 1: unknown word "give" after chat.v1`,
		"```chat.v1\n\nsay hello\n```":             `line 3: "say hello" is not in the notation`,
		"```chat.v1\n< {\"type\":\n```":            "line 2: {\"type\": is not JSON",
		"```chat.v1\n>x 0\n```":                    "line 2: encoding/hex",
		"```chat.v1\nclosed soon\n```":             "line 2: strconv",
		"```chat.v1\nAB> 1\n```":                   `line 2: "AB> 1" is not in the notation`,
		"```chat.v1\n< 1\n  2\nA open\n< 3 x\n```": "line 5: 3 x is not JSON",
	} {
		_, err := Parse([]byte(block))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", block, err, want)
		}
	}
}
