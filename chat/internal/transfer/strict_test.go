package transfer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// soundLines is an import that has every field which a line may have.
var soundLines = []string{
	`{"epoch":"e","entry":{"type":"member","room":"g","seq":1,"at":1,"from":{"id":"a","name":"A","avatar":"https://x.example/a"},"users":[{"id":"b","name":"B","avatar":"https://x.example/b"},{"id":"guest-c","name":"","guest":true}],"role":"member","owner":{"id":"a","name":"A"},"title":"T","avatar":"https://x.example/g","about":"one\ntwo"}}`,
	`{"entry":{"type":"info","room":"g","seq":2,"at":2,"from":{"id":"bot-k","name":"k","bot":true},"title":"U","avatar":"https://x.example/h","about":"x","closed":true}}`,
	`{"epoch":"e","entry":{"type":"message","room":"g","seq":3,"at":3,"from":{"id":"b","name":"B"},"key":"k1","body":{"text":"x"}},"via":"shop","mentions":["a","guest-c"],"quiet":true,"reply":1,"edited":5}`,
	`{"entry":{"type":"tagged","room":"g","seq":4,"at":4,"from":{"id":"a","name":"A"},"target":3},"body":{"tag":"pin","value":{"by":1},"shared":true}}`,
	`{"entry":{"type":"edited","room":"g","seq":5,"at":5,"from":{"id":"b","name":"B"},"target":3},"body":{"text":"y"}}`,
	`{"entry":{"type":"message","room":"g","seq":6,"at":6,"from":{"id":"b","name":"B"},"recalled":true}}`,
	`{"entry":{"type":"recalled","room":"g","seq":7,"at":7,"from":{"id":"b","name":"B"},"target":6},"mentions":["a"]}`,
	`{"entry":{"type":"notice","room":"g","seq":8,"at":8,"key":"k2","body":1},"from":{"id":"bot-k","name":"k"},"quiet":true}`,
	`{"conversation":{"room":"g","version":2,"state":{"title":"U","avatar":"https://x.example/h","about":"x","closed":true,"size":2,"owner":"a"},"members":[{"id":"a","name":"A","avatar":"https://x.example/a","role":"owner","since":1,"count":1},{"id":"guest-c","guest":true,"role":"member","since":1,"read":3,"notify":false,"top":true,"hidden":true,"cleared":3,"block":true}]}}`,
	`{"marks":{"room":"g","tags":[{"seq":3,"tag":"pin","value":{"by":1},"by":4},{"seq":3,"user":"a","tag":"+","value":true,"by":4}],"mentions":[{"user":"a","seq":3},{"user":"*","seq":3}]}}`,
	`{"entry":{"type":"member","room":{"direct":["d","e"]},"seq":1,"at":1,"users":[{"id":"d"},{"id":"e"}],"role":"member"}}`,
	`{"conversation":{"room":{"direct":["d","e"]},"version":1,"state":{"size":2,"direct":["d","e"]},"members":[{"id":"d","role":"member","since":1},{"id":"e","role":"member","since":1}]}}`,
	`{"entry":{"type":"notice","room":"@a","seq":1,"at":1,"body":1}}`,
	`{"conversation":{"room":"@a","state":{"size":1},"members":[{"id":"a","name":"A","role":"member","read":1,"notify":false}]}}`,
}

func importOf(t *testing.T, lines ...string) error {
	t.Helper()
	into := Into{Journal: stores["memory"](t), Await: nobody, Direct: func(user, other string) (string, error) { return "d-" + user + "-" + other, nil }}
	_, err := Import(t.Context(), into, strings.NewReader(strings.Join(lines, "\n")+"\n"))
	return err
}

// value is a part of a line.
type value struct {
	names  []string // of an object's members; nil: it is none
	parts  []value  // of an object or an array
	scalar string   // of anything else, and of what is not looked into
	free   bool     // it may be any JSON
}

func parseValue(t *testing.T, text []byte, name string) (v value) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	open, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	if _, nests := open.(json.Delim); !nests || name == "body" || name == "value" {
		return value{scalar: string(text), free: name == "body" || name == "value"}
	}
	if open == json.Delim('{') {
		v.names = []string{}
	}
	for d.More() {
		name := ""
		if v.names != nil {
			token, _ := d.Token()
			name, _ = token.(string)
			v.names = append(v.names, name)
		}
		var part json.RawMessage
		if err := d.Decode(&part); err != nil {
			t.Fatal(err)
		}
		v.parts = append(v.parts, parseValue(t, part, name))
	}
	return v
}

// text returns the JSON, in which the i-th part of an object or array is another text, and more
// stands at its end.
func (v value) text(i int, part, more string) string {
	if v.scalar != "" {
		return v.scalar
	}
	var list []string
	for n, p := range v.parts {
		text := p.text(-1, "", "")
		if v.names != nil {
			text = fmt.Sprintf("%q:%s", v.names[n], text)
		}
		if n == i {
			text = part
		}
		list = append(list, text)
	}
	if more != "" {
		list = append(list, more)
	}
	text := strings.Join(list, ",")
	if v.names != nil {
		return "{" + text + "}"
	}
	return "[" + text + "]"
}

// malformed calls each for the value with one thing in it that is malformed.
func (v value) malformed(path string, each func(path, form, text string)) {
	if v.scalar != "" {
		wrong := map[string]string{"half a surrogate pair": `"\ud800"`, "no UTF-8": "\"\xff\"", "no JSON": "nul", "another type": "[[]]"}
		switch c := v.scalar[0]; {
		case v.free:
			wrong = map[string]string{"half a surrogate pair": `{"text":"\ud800"}`, "half of the other side": `{"\udc00":1}`, "no UTF-8": "\"\xff\"", "too deep": strings.Repeat("[", 40) + strings.Repeat("]", 40)}
		case c == '"':
			wrong["a number"] = "7"
		case c == 't' || c == 'f':
			wrong["a number"], wrong["a text"] = "1", `"true"`
		case '0' <= c && c <= '9':
			for _, n := range []string{"-1", "1e0", "1.0", "18446744073709551616", "9007199254740993", `"1"`, "01"} {
				wrong["the number "+n] = n
			}
		}
		for form, text := range wrong {
			each(path, form, text)
		}
		return
	}
	if v.names != nil {
		each(path, "an unknown field", v.text(-1, "", `"zz":1`))
		each(path, "an unknown field that is null", v.text(-1, "", `"zz":null`))
	}
	for i, p := range v.parts {
		if v.names == nil {
			p.malformed(path+"[]", func(path, form, text string) { each(path, form, v.text(i, text, "")) })
			continue
		}
		name, text := v.names[i], p.text(-1, "", "")
		path := path + "." + name
		each(path, "twice", v.text(-1, "", fmt.Sprintf("%q:%s", name, text)))
		each(path, "twice, once with an escape", v.text(-1, "", fmt.Sprintf("\"\\u%04x%s\":%s", name[0], name[1:], text)))
		each(path, "another letter case", v.text(i, fmt.Sprintf("%q:%s", strings.ToUpper(name[:1])+name[1:], text), ""))
		each(path, "another letter case beside it", v.text(-1, "", fmt.Sprintf("%q:%s", strings.ToUpper(name), text)))
		p.malformed(path, func(path, form, text string) { each(path, form, v.text(i, fmt.Sprintf("%q:", name)+text, "")) })
	}
}

// Each field of each line, in each form that is malformed: the line is refused by its number, and
// nothing is taken for absent.
func TestImport_MalformedFields_AreRefused(t *testing.T) {
	if err := importOf(t, soundLines...); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, line := range soundLines {
		parseValue(t, []byte(line), "").malformed("", func(path, form, text string) {
			n++
			lines := append(soundLines[:i:i], text)
			if err := importOf(t, lines...); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d: ", i+1)) {
				if form == "the number 9007199254740993" && strings.HasSuffix(path, ".count") {
					return // nothing follows from it
				}
				t.Errorf("line %d, %s, %s: %v\n%s", i+1, path, form, err, text)
			}
		})
	}
	if n < 1000 {
		t.Errorf("only %d forms", n)
	}
}

// What no door of a hub lets in, no import does: each text is checked as the door's is.
func TestImport_TextsThatNoDoorLetsIn_AreRefused(t *testing.T) {
	long := func(n int) string { return strings.Repeat("ü", n) }
	manyTags := ""
	for i := range 39 { // and two
		manyTags += fmt.Sprintf(`{"seq":3,"user":"a","tag":"t%d","value":true,"by":4},`, i)
	}
	for _, c := range []struct {
		line       int // of soundLines
		old, wrong string
		why        string
	}{
		{1, `"room":"g"`, `"room":"` + long(65) + `"`, "room name has 130 bytes"},
		{1, `"room":"g"`, `"room":"a\u0007"`, "control character"},
		{1, `"room":"g"`, `"room":"@hub-1"`, "belong to the server"},
		{1, `"room":"g"`, `"room":"@a"`, "a user's own room has no entries"},
		{1, `"epoch":"e"`, `"epoch":"` + long(33) + `"`, "epoch must"},
		{1, `{"id":"a","name":"A","avatar"`, `{"id":"` + long(65) + `","name":"A","avatar"`, "entry.from: id must"},
		{1, `{"id":"a","name":"A","avatar"`, `{"id":"a\n","name":"A","avatar"`, "entry.from: id must"},
		{1, `{"id":"a","name":"A","avatar"`, `{"id":"a","name":"` + long(65) + `","avatar"`, "entry.from.name must be at most 64"},
		{1, `{"id":"a","name":"A","avatar"`, `{"id":"a","name":"\u0001","avatar"`, "entry.from.name must not contain control"},
		{1, `https://x.example/a`, `javascript:alert(1)`, "entry.from.avatar must be an http"},
		{1, `https://x.example/a`, `https://` + long(256), "entry.from.avatar must be a string of at most 512"},
		{1, `"id":"b"`, `"id":""`, "entry.users[0]: id must"},
		{1, `"name":"B"`, `"name":"` + long(65) + `"`, "entry.users[0].name must"},
		{1, `"guest":true`, `"bot":true`, "entry.users[1].bot belongs"},
		{1, `https://x.example/b`, `ftp://x`, "entry.users[0].avatar must"},
		{1, `"owner":{"id":"a"`, `"owner":{"id":""`, "entry.owner: id must"},
		{1, `"role":"member"`, `"role":"king"`, "entry.role"},
		{1, `"role":"member",`, ``, "entry.role"},
		{1, `"title":"T"`, `"title":"` + long(65) + `"`, "entry.title must be at most 64"},
		{1, `"title":"T"`, `"title":"a\nb"`, "entry.title must not contain control"},
		{1, `https://x.example/g`, `x`, "entry.avatar must be"},
		{1, `one\ntwo`, long(501), "entry.about must be at most 500"},
		{1, `one\ntwo`, `one\ttwo`, "entry.about must not contain control"},
		{1, `"title":"T"`, `"closed":true`, "closed to the type info"},
		{2, `"title":"U"`, `"role":"member"`, "belong to the type member"},
		{2, `"title":"U"`, `"users":[]`, "belong to the type member"},
		{3, `"key":"k1"`, `"key":"` + long(33) + `"`, "entry.key must be a string of at most 64"},
		{3, `"key":"k1"`, `"key":"k\u0000"`, "entry.key must not contain control"},
		{3, `"via":"shop"`, `"via":"a shop"`, "via: "},
		{3, `"mentions":["a"`, `"mentions":["a","a"`, "mentions[1] stands twice"},
		{3, `"mentions":["a"`, `"mentions":["*"`, "mentions must have * alone"},
		{3, `"mentions":["a"`, `"mentions":[null`, "mentions[0] must be an id"},
		{3, `"reply":1`, `"reply":3`, "earlier message"},
		{3, `"edited":5`, `"edited":3`, "later entry"},
		{3, `"quiet":true`, `"quiet":true,"conversation":{}`, "stands beside"},
		{4, `"tag":"pin"`, `"tag":"` + long(33) + `"`, "body: tag must be at most 32"},
		{4, `"tag":"pin"`, `"tag":"a\n"`, "body: tag must not contain control"},
		{4, `"tag":"pin",`, ``, "body: tag is missing"},
		{4, `"tag":"pin"`, `"tag":"pin","zz":1`, "body: there is no field"},
		{4, `{"by":1}`, `"` + long(600) + `"`, "body: value must be at most"},
		{4, `"target":3`, `"target":3,"key":"k"`, "key and quiet belong"},
		{7, `"mentions":["a"]`, `"quiet":true`, "key and quiet belong"},
		{8, `"quiet":true`, `"reply":1`, "reply belongs"},
		{8, `"quiet":true`, `"mentions":["a"]`, "mentions belong"},
		{8, `"id":"bot-k"`, `"id":"k\u0001"`, "from: id must"},
		{9, `"title":"U"`, `"title":"` + long(65) + `"`, "conversation.state.title must"},
		{9, `https://x.example/h`, `x`, "conversation.state.avatar must"},
		{9, `"about":"x"`, `"about":"` + long(501) + `"`, "conversation.state.about must"},
		{9, `"name":"A"`, `"name":"a\u0001"`, "conversation.members[0].name must"},
		{9, `https://x.example/a`, `data:x`, "conversation.members[0].avatar must"},
		{9, `"id":"guest-c"`, `"id":"\t"`, "conversation.members[1]: id must"},
		{9, `"members"`, `"epoch":"e","members"`, "conversation.epoch is not known"},
		{9, `{"conversation"`, `{"epoch":"e","conversation"`, "stands beside"},
		{9, `"version":2`, `"version":99`, "no entry of the room"},
		{9, `"version":2`, `"version":3`, "entry 3 is none of the types member and info"},
		{9, `"guest":true,"role":"member"`, `"guest":true,"role":"owner"`, `member "guest-c" cannot be the owner`},
		{9, `"size":2,"owner":"a"`, `"size":2`, `member "a" cannot be the owner`},
		{9, `"owner":"a"},"members":[{"id":"a","name":"A","avatar":"https://x.example/a","role":"owner"`,
			`"owner":""},"members":[{"id":"a","name":"A","avatar":"https://x.example/a","role":"admin"`, "with members has an owner"},
		{10, `"tags":[`, `"tags":[{"seq":3,"user":"a","tag":"+","value":true,"by":4},`, `has the tag "+" of "a" twice`},
		{10, `"tags":[`, `"tags":[` + manyTags, "far more than 20 different tags"},
		{10, `"tag":"+"`, `"tag":"` + long(33) + `"`, "a tag must have"},
		{10, `"tag":"+"`, `"tag":"\u0001"`, "a tag must have"},
		{10, `"user":"a","tag"`, `"user":"\u0001","tag"`, "a tag must have"},
		{10, `"value":{"by":1}`, `"value":"` + long(600) + `"`, "a tag must have"},
		{10, `"by":4`, `"by":9`, "the last one of the room is 8"},
		{10, `{"user":"a","seq":3}`, `{"user":"a","seq":9}`, "the last one of the room is 8"},
		{10, `{"user":"a","seq":3}`, `{"user":"\u0001","seq":3}`, "a mention must have"},
		{12, `"state":{`, `"state":{"title":"x",`, "a conversation of two has"},
		{12, `"size":2,"direct":["d","e"]`, `"size":2,"direct":["e","d"]`, "must be those of the room"},
		{12, `"size":2,"direct":["d","e"]`, `"size":2,"direct":["d"]`, "must be those of the room"},
		{9, `"size":2`, `"size":2,"direct":["guest-c","a"]`, "in byte order"},
		{9, `"size":2`, `"size":2,"direct":["a","guest-c"]`, "a conversation of two has"},
		{12, `"size":2,"direct":["d","e"]`, `"size":2,"direct":["d","f"]`, "must be those of the room"},
		{12, `{"id":"e"`, `{"id":"f"`, "these two as its members"},
		{12, `{"direct":["d","e"]}`, `{"direct":["d"]}`, "room.direct must be"},
		{12, `{"direct":["d","e"]}`, `{"direct":["d","\u0001"]}`, "room.direct must be"},
		{14, `"id":"a"`, `"id":"b"`, "a user's own room has"},
		{14, `"role":"member"`, `"role":"owner"`, "a user's own room has"},
		{14, `"role":"member"`, `"role":"member","since":1`, "a user's own room has"},
		{14, `"size":1`, `"size":1,"title":"x"`, "a user's own room has"},
		{14, `"read":1`, `"read":2`, "whose last one is 1"},
		{14, `"name":"A"`, `"name":"\u0001"`, "conversation.members[0].name must"},
		{14, `"@a"`, `"@hub-0"`, "room of users"},
	} {
		sound := soundLines[c.line-1]
		line := strings.Replace(sound, c.old, c.wrong, 1)
		if line == sound {
			t.Errorf("line %d has no %s", c.line, c.old)
		}
		err := importOf(t, append(soundLines[:c.line-1:c.line-1], line)...)
		if err == nil || !strings.Contains(err.Error(), c.why) || !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d: ", c.line)) {
			t.Errorf("%.200s: %v, want %q", line, err, c.why)
		}
	}
}
