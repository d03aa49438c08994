package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestDecode_ValidFrame_IsCommand(t *testing.T) {
	for _, c := range []struct {
		frame string
		want  Command
	}{
		{`{"type":"hello"}`, &Hello{}},
		{`{"type":"hello","id":"1","token":"t","device":"d","name":"李","avatar":"https://x/y","rooms":[]}`,
			&Hello{ID: "1", Token: "t", Device: "d", Name: "李", Avatar: "https://x/y"}},
		{`{"type":"hello","rooms":[{"room":"a"},{"room":"b","epoch":"k3","after":0},{"room":"c","epoch":"k3"}]}`,
			&Hello{Rooms: []Place{{Room: "a"}, {Room: "b", Resume: true, Epoch: "k3"}, {Room: "c"}}}},
		{`{"type":"join","id":"2","room":"team","epoch":"k3","after":9007199254740991}`,
			&Join{"2", Place{"team", true, "k3", MaxSeq}}},
		{`{"type":"hello","token":""}`, &Hello{Token: EmptyToken}},
		{`{"type":"hello","token":null,"device":null,"name":null,"avatar":null,"rooms":null,"list":null}`, &Hello{}},
		{`{"type":"leave","room":"team"}`, &Leave{Room: "team"}},
		{`{"type":"send","room":"team","body":null}`, &Send{Room: "team", Body: []byte(`null`)}},
		{`{"type":"send","id":"3","room":"team","key":"k","body":{"text":"hi"}}`,
			&Send{ID: "3", Room: "team", Key: "k", Body: []byte(`{"text":"hi"}`)}},
		{`{"type":"history","room":"team"}`, &History{Room: "team"}},
		{`{"type":"history","room":"team","before":42,"limit":50}`, &History{Room: "team", Before: 42, Limit: 50}},
		{`{"type":"history","room":"team","after":0}`, &History{Room: "team", Forward: true}},
		{`{"type":"recall","room":"team","seq":45}`, &Recall{Room: "team", Seq: 45}},
		{`{"type":"typing","room":"team"}`, &Typing{Room: "team"}},
		{`{"type":"read","room":"team","seq":45}`, &Read{Room: "team", Seq: 45}},
		{`{"type":"who","room":"team"}`, &Who{Room: "team"}},
		{`{"type":"ping"}`, &Ping{}},
		{`{"type":"ping","id":"p"}`, &Ping{"p"}},
		{`{"type":"renew","token":"t"}`, &Renew{Token: "t"}},
		{`{"type":"mute","room":"team","user":"u7","for":600000}`, &Mute{Room: "team", User: "u7", For: 10 * time.Minute}},
		{`{"type":"mute","user":"u7"}`, &Mute{User: "u7", For: Forever}},
		{`{"type":"kick","room":"team","user":"u7"}`, &Kick{Room: "team", User: "u7"}},
		{`{"type":"ban","room":"team","user":"u7","for":0}`, &Ban{Room: "team", User: "u7"}},
	} {
		got, err := Decode([]byte(c.frame))
		if err != nil {
			t.Errorf("%s: %v", c.frame, err)
		} else if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.frame, got, c.want)
		}
	}
}

// What is only shown of a user refuses no hello, whatever it is: who lets the user in cleans it.
func TestDecode_Hello_IsNotRefusedForWhatIsOnlyShown(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{`"李"`, "李"}, {`""`, ""}, {`"a\u001b"`, "a\x1b"}, {`"javascript:x"`, "javascript:x"},
		{`"` + strings.Repeat("x", 9000) + `"`, strings.Repeat("x", 9000)},
		{`null`, ""}, {`7`, ""}, {`true`, ""}, {`{"name":"x"}`, ""}, {`["x"]`, ""},
	} {
		frame := fmt.Sprintf(`{"type":"hello","name":%s,"avatar":%[1]s}`, c.value)
		if got, err := Decode([]byte(frame)); err != nil || !reflect.DeepEqual(got, &Hello{Name: c.want, Avatar: c.want}) {
			t.Errorf("%s: got %+v, %v", frame, got, err)
		}
	}
}

func TestDecode_UnknownFieldsAndWhiteSpace_AreIgnored(t *testing.T) {
	want := &Join{ID: "2", Place: Place{Room: "team"}}
	for _, frame := range []string{
		"\t{ \"type\" : \"join\" ,\r\n\"id\":\"2\",\"room\":\"team\" } \n",
		`{"type":"join","id":"2","room":"team","future":{"a":[1,2,{}]},"future":3}`,
		`{"type":"join","id":"2","room":"team","body":7,"seq":"not a join's"}`,
		`{"type":"join","id":"2","room":"team","epoch":null,"after":null}`,
		`{"\u0074ype":"\u006aoin","id":"\u0032","room":"te\u0061m"}`,
		`{"type":"join","id":"2","room":"team","Room":"another field"}`,
	} {
		got, err := Decode([]byte(frame))
		if err != nil {
			t.Errorf("%s: %v", frame, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v", frame, got)
		}
	}
}

func TestDecode_InvalidFrame_IsRefused(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for _, c := range []struct {
		frame string
		code  Code
		id    string
		field string
	}{
		// Not one JSON object.
		{``, BadFrame, "", ""},
		{`null`, BadFrame, "", ""},
		{`[{"type":"ping"}]`, BadFrame, "", ""},
		{`"ping"`, BadFrame, "", ""},
		{`{"type":"ping","id":"1"`, BadFrame, "1", ""},
		{`{"type":"ping","id":"1",}`, BadFrame, "1", ""},
		{`{"type":"ping","id":"1"}{"type":"ping","id":"2"}`, BadFrame, "1", ""},
		{"{\"type\":\"ping\",\"id\":\"1\"}\n{\"type\":\"ping\"}", BadFrame, "1", ""},
		{"\uFEFF{\"type\":\"ping\"}", BadFrame, "", ""},
		{`{type:"ping"}`, BadFrame, "", ""},
		{`{"type" "ping"}`, BadFrame, "", ""},
		{"{\"type\":\"ping\",\"id\":\"\xff\"}", BadFrame, "", ""},

		// The envelope.
		{`{}`, BadFrame, "", "type"},
		{`{"id":"1"}`, BadFrame, "1", "type"},
		{`{"id":"1","type":7}`, BadFrame, "1", "type"},
		{`{"id":"1","type":"dance"}`, UnknownType, "1", ""},
		{`{"id":"1","type":"Ping"}`, UnknownType, "1", ""},
		{`{"id":7,"type":"ping"}`, BadFrame, "", "id"},
		{`{"id":"` + long[:65] + `","type":"ping"}`, BadFrame, "", "id"},
		{`{"type":"ping","id":"1","type":"who"}`, BadFrame, "1", ""},
		{`{"type":"ping","id":"1","\u0074ype":"who"}`, BadFrame, "1", ""},

		// What a message has beside its body.
		{`{"type":"send","id":"1","room":"a","body":1,"reply":0}`, BadFrame, "1", "reply"},
		{`{"type":"send","id":"1","room":"a","body":1,"reply":"3"}`, BadFrame, "1", "reply"},
		{`{"type":"send","id":"1","room":"a","body":1,"quiet":1}`, BadFrame, "1", "quiet"},
		{`{"type":"send","id":"1","room":"a","body":1,"mentions":"bo"}`, BadFrame, "1", "mentions"},
		{`{"type":"send","id":"1","room":"a","body":1,"mentions":["bo",""]}`, BadFrame, "1", "mentions[1]"},
		{`{"type":"send","id":"1","room":"a","body":1,"mentions":["bo","li","bo"]}`, BadFrame, "1", "mentions[2]"},
		{`{"type":"send","id":"1","room":"a","body":1,"mentions":["` + long[:129] + `"]}`, BadFrame, "1", "mentions[0]"},
		{`{"type":"send","id":"1","room":"a","body":1,"mentions":["*","bo"]}`, BadFrame, "1", "mentions"},
		{`{"type":"send","id":"1","room":"a","body":1,"mentions":[` + strings.Repeat(`"x",`, 50) + `"x"]}`, BadFrame, "1", "mentions"},

		// Tags.
		{`{"type":"tag","id":"1","room":"a","seq":1,"value":true}`, BadFrame, "1", "tag"},
		{`{"type":"tag","id":"1","room":"a","seq":1,"tag":"a\u0007","value":true}`, BadFrame, "1", "tag"},
		{`{"type":"tag","id":"1","room":"a","seq":1,"tag":"` + long[:33] + `","value":true}`, BadFrame, "1", "tag"},
		{`{"type":"tag","id":"1","room":"a","seq":1,"tag":"a"}`, BadFrame, "1", "value"},
		{`{"type":"tag","id":"1","room":"a","seq":1,"tag":"a","value":null}`, BadFrame, "1", "value"},
		{`{"type":"tag","id":"1","room":"a","seq":1,"tag":"a","value":1}`, BadFrame, "1", "value"},
		{`{"type":"tag","id":"1","room":"a","seq":1,"tag":"a","value":"` + long[:1023] + `","shared":true}`, BadFrame, "1", "value"},
		{`{"type":"tag","id":"1","room":"a","seq":0,"tag":"a","value":true}`, BadFrame, "1", "seq"},

		// Fields.
		{`{"type":"join","id":"1"}`, BadFrame, "1", "room"},
		{`{"type":"join","id":"1","room":null}`, BadFrame, "1", "room"},
		{`{"type":"join","id":"1","room":["team"]}`, BadFrame, "1", "room"},
		{`{"type":"join","id":"1","room":""}`, BadRoom, "1", "room"},
		{`{"type":"join","id":"1","room":"a\u0000b"}`, BadRoom, "1", "room"},
		{`{"type":"join","id":"1","room":"a\u0085b"}`, BadRoom, "1", "room"},
		{`{"type":"join","id":"1","room":"` + long[:129] + `"}`, BadRoom, "1", "room"},
		{`{"type":"join","id":"1","room":"a","after":3}`, BadFrame, "1", "epoch"},
		{`{"type":"join","id":"1","room":"a","after":-1,"epoch":"e"}`, BadFrame, "1", "after"},
		{`{"type":"join","id":"1","room":"a","after":"3","epoch":"e"}`, BadFrame, "1", "after"},
		{`{"type":"join","id":"1","room":"a","after":3.0,"epoch":"e"}`, BadFrame, "1", "after"},
		{`{"type":"join","id":"1","room":"a","after":3e1,"epoch":"e"}`, BadFrame, "1", "after"},
		{`{"type":"join","id":"1","room":"a","after":9007199254740992,"epoch":"e"}`, BadFrame, "1", "after"},
		{`{"type":"join","id":"1","room":"a","after":3,"epoch":"` + long[:65] + `"}`, BadFrame, "1", "epoch"},
		{`{"type":"send","id":"1","room":"a"}`, BadFrame, "1", "body"},
		{`{"type":"send","id":"1","room":"a","key":5,"body":1}`, BadFrame, "1", "key"},
		{`{"type":"send","id":"1","room":"a","key":"` + long[:65] + `","body":1}`, BadFrame, "1", "key"},
		{`{"type":"send","id":"1","room":"a","key":"a\nb","body":1}`, BadFrame, "1", "key"},
		{`{"type":"history","id":"1","room":"a","before":0}`, BadFrame, "1", "before"},
		{`{"type":"history","id":"1","room":"a","before":2,"after":1}`, BadFrame, "1", "before"},
		{`{"type":"history","id":"1","room":"a","limit":0}`, BadFrame, "1", "limit"},
		{`{"type":"recall","id":"1","room":"a"}`, BadFrame, "1", "seq"},
		{`{"type":"recall","id":"1","room":"a","seq":0}`, BadFrame, "1", "seq"},
		{`{"type":"read","id":"1","room":"a","seq":true}`, BadFrame, "1", "seq"},
		{`{"type":"renew","id":"1"}`, BadFrame, "1", "token"},
		{`{"type":"renew","id":"1","token":"` + long + `"}`, BadFrame, "1", "token"},
		{`{"type":"kick","id":"1","room":"a"}`, BadFrame, "1", "user"},
		{`{"type":"mute","id":"1","user":"u","room":""}`, BadRoom, "1", "room"},
		{`{"type":"ban","id":"1","user":"u","for":false}`, BadFrame, "1", "for"},
		{`{"type":"ban","id":"1","user":"u","for":315360000001}`, BadFrame, "1", "for"},
		{`{"type":"hello","id":"1","device":"` + long[:65] + `"}`, BadFrame, "1", "device"},
		{`{"type":"hello","id":"1","rooms":{}}`, BadFrame, "1", "rooms"},
		{`{"type":"hello","id":"1","rooms":["a"]}`, BadFrame, "1", "rooms[0]"},
		{`{"type":"hello","id":"1","rooms":[{"room":"a"},{"room":"b","room":"c"}]}`, BadFrame, "1", "rooms[1]"},
		{`{"type":"hello","id":"1","rooms":[{"room":"a"},{"room":7}]}`, BadFrame, "1", "rooms[1].room"},
		{`{"type":"hello","id":"1","rooms":[{"room":"a"},{"room":""}]}`, BadRoom, "1", "rooms[1].room"},
		{`{"type":"hello","id":"1","rooms":[{"room":"a","after":1}]}`, BadFrame, "1", "rooms[0].epoch"},
		{`{"type":"hello","id":"1","rooms":[{"room":"a"},{"room":"\u0061"}]}`, BadFrame, "1", "rooms[1]"},

		{`{"type":"hello","id":"1","device":7,"rooms":[{"room":7}]}`, BadFrame, "1", "device"},

		// What decoders in other languages do not accept.
		{`{"type":"send","id":"1","room":"a","body":"\ud800"}`, BadFrame, "1", ""},
		{`{"type":"send","id":"1","room":"a","body":"\ud800\u0041"}`, BadFrame, "1", ""},
		{`{"type":"send","id":"1","room":"a","body":"\udc00\ud800"}`, BadFrame, "1", ""},
		{`{"type":"send","id":"1","room":"a","body":1e309}`, BadFrame, "1", ""},
		{`{"type":"send","id":"1","room":"a","body":` + strings.Repeat("1", 33) + `}`, BadFrame, "1", ""},
		{`{"type":"send","id":"1","room":"a","body":NaN}`, BadFrame, "1", ""},
		{"{\"type\":\"send\",\"id\":\"1\",\"room\":\"a\",\"body\":\"\n\"}", BadFrame, "1", ""},
	} {
		cmd, err := Decode([]byte(c.frame))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.80s: got %+v, %v", c.frame, cmd, err)
			continue
		}
		if cmd != nil || e.Code != c.code || e.ID != c.id || e.Field != c.field {
			t.Errorf("%.80s:\n got %v, id %q, field %q (%s)\nwant %v, id %q, field %q",
				c.frame, e.Code, e.ID, e.Field, e.Message, c.code, c.id, c.field)
		}
	}
}

func TestDecode_NotJSON_IsRefused(t *testing.T) {
	for _, body := range []string{
		``, `x`, `tru`, `truer`, `nul`, `-`, `01`, `1.`, `.5`, `1e`, `1e+`, `+1`, `"`, `"\`, `"\x"`, `"\u12"`, `"\u12g4"`,
		`"\ud83d`, `[`, `[1`, `[1,`, `[1,]`, `[1 2]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{1:2}`, `{"a":1]`, `'a'`,
	} {
		frame := `{"type":"send","room":"a","body":` + body
		for _, end := range []string{"", "}"} {
			if cmd, err := Decode([]byte(frame + end)); err == nil {
				t.Errorf("%s is decoded as %+v", frame+end, cmd)
			}
		}
	}
}

func TestDecode_AcceptsLessThanEncodingJSON(t *testing.T) {
	for name, frame := range map[string]string{
		"a field twice":         `{"type":"ping","id":"1","id":"2"}`,
		"33 deep":               `{"type":"ping","x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
		"33 digits":             `{"type":"ping","x":` + strings.Repeat("1", 33) + `}`,
		"beyond a double":       `{"type":"ping","x":1e309}`,
		"half a surrogate pair": `{"type":"ping","x":"\ud800"}`,
	} {
		if !json.Valid([]byte(frame)) {
			t.Errorf("%s: encoding/json does not accept %s", name, frame)
		}
		if cmd, err := Decode([]byte(frame)); err == nil {
			t.Errorf("%s: decoded as %+v", name, cmd)
		}
	}
}

func TestDecode_Mistake_IsDescribedWithItsPlace(t *testing.T) {
	for frame, want := range map[string]string{
		`x`:                        "expected { at byte 0",
		`{x`:                       "expected the name of a member at byte 1",
		`{"a" 1}`:                  "expected a colon at byte 5",
		`{"a":}`:                   "expected a value at byte 5",
		`{"a":nil}`:                "unknown literal at byte 5",
		`{"a":[1 2]}`:              "expected a comma or ] at byte 8",
		`{"a":1.}`:                 "expected a digit after the decimal point at byte 7",
		`{"a":1e}`:                 "expected a digit in the exponent at byte 7",
		`{"a":1`:                   "expected a comma or } at byte 6",
		`{"a":`:                    "JSON ends too early at byte 5",
		`{"a":"\x"}`:               "unknown escape at byte 6",
		`{"id":"1","\u0069d":"2"}`: `second "id" at byte 23`,
		`{} {}`:                    "more than one value at byte 3",
	} {
		_, err := Decode([]byte(frame))
		if e := new(Error); !errors.As(err, &e) || e.Message != "a frame must be one JSON object: "+want {
			t.Errorf("%s: %v, want %s", frame, err, want)
		}
	}
}

func TestDecode_Body_KeepsItsBytes(t *testing.T) {
	for in, want := range map[string]string{
		`"\u4f60\ud83d\ude00\/"`:                          `"\u4f60\ud83d\ude00\/"`,
		`1.50e+3`:                                         `1.50e+3`,
		`-0.0000000000000000000000000001`:                 `-0.0000000000000000000000000001`,
		`{"a":1,"a":2}`:                                   `{"a":1,"a":2}`,
		"{ \"a b\\\" \" :\t[ 1 , 2 ,\n{ } ] } ":           `{"a b\" ":[1,2,{}]}`,
		`" spaces  \\" `:                                  `" spaces  \\"`,
		strings.Repeat("[", 31) + strings.Repeat("]", 31): strings.Repeat("[", 31) + strings.Repeat("]", 31),
	} {
		cmd, err := Decode([]byte(`{"body":` + in + `,"type":"send","room":"a"}`))
		if err != nil {
			t.Errorf("%s: %v", in, err)
		} else if got := string(cmd.(*Send).Body); got != want {
			t.Errorf("%s: got %s", in, got)
		}
	}
}

func TestDecode_Body_IsACopy(t *testing.T) {
	p := []byte(`{"type":"send","room":"a","body":"lent"}`)
	cmd, err := Decode(p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p {
		p[i] = 'x'
	}
	if got := cmd.(*Send); got.Room != "a" || string(got.Body) != `"lent"` {
		t.Errorf("the command changed with the frame: %+v", got)
	}
}

func TestDecode_Depth_IsBounded(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		frame := `{"type":"send","id":"1","room":"a","body":` + strings.Repeat(open, 1<<20)
		_, err := Decode([]byte(frame))
		if e := new(Error); !errors.As(err, &e) || !strings.Contains(e.Message, "too deep") || e.ID != "1" {
			t.Errorf("a million times %s: %v", open, err)
		}
	}
	frame := `{"type":"send","room":"a","body":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`
	if _, err := Decode([]byte(frame)); err == nil {
		t.Errorf("33 deep is decoded")
	}
}

// helloRooms returns a hello that names n rooms.
func helloRooms(n int) []byte {
	var rooms []string
	for i := range n {
		rooms = append(rooms, fmt.Sprintf(`{"room":"r%d"}`, i))
	}
	return []byte(`{"type":"hello","rooms":[` + strings.Join(rooms, ",") + `]}`)
}

func TestDecode_HelloRooms_AreBounded(t *testing.T) {
	if cmd, err := Decode(helloRooms(MaxHelloRooms)); err != nil || len(cmd.(*Hello).Rooms) != MaxHelloRooms {
		t.Errorf("%d rooms: %v", MaxHelloRooms, err)
	}
	_, err := Decode(helloRooms(MaxHelloRooms + 1))
	if e := new(Error); !errors.As(err, &e) || e.Field != "rooms" {
		t.Errorf("%d rooms: %v", MaxHelloRooms+1, err)
	}
}

func TestDecode_AllocatesAtMostTwiceTheFrame(t *testing.T) {
	frames := map[string]string{
		"unknown fields":      `{"type":"ping"` + strings.Repeat(`,"a":{"b":[1,2,3]}`, 3000) + `}`,
		"escaped name":        `{"type":"ping","` + strings.Repeat(`\n`, 60000) + `":1}`,
		"escaped names":       `{"type":"ping"` + strings.Repeat(`,"\u0061":1`, 3000) + `}`,
		"token of quotes":     `{"type":"renew","token":"` + strings.Repeat(`\"`, 9000) + `"}`,
		"deep":                strings.Repeat(`{"a":`, 12000),
		"many elements":       `{"type":"hello","rooms":[` + strings.Repeat(`0,`, 30000) + `0]}`,
		"digits":              `{"type":"read","room":"a","seq":` + strings.Repeat("9", 60000) + `}`,
		"long body":           `{"type":"send","room":"a","body":"` + strings.Repeat("a", 60000) + `"}`,
		"body of white space": `{"type":"send","room":"a","body":[` + strings.Repeat(" ", 60000) + `]}`,
	}
	for _, c := range clientFrames {
		frames[c.want] = c.want
	}
	for _, n := range []int{10, 100, MaxHelloRooms} {
		frames[fmt.Sprintf("%d rooms", n)] = string(helloRooms(n))
	}
	for name, frame := range frames {
		p := []byte(frame)
		most := 2*len(p) + 256*(1+strings.Count(frame, `"room":`))
		if got := bytesPerRun(func() { _, _ = Decode(p) }); got > most {
			t.Errorf("%s: %d bytes cost %d, want at most %d", name, len(p), got, most)
		}
	}
}

// bytesPerRun returns how much f allocates.
func bytesPerRun(f func()) int {
	const runs = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc-before.TotalAlloc) / runs
}

func TestDecodePost(t *testing.T) {
	got, err := DecodePost([]byte(` {"body": {"text": "hi"}, "future": 1, "reply": 7, "mentions": ["bo"], "quiet": true}`))
	want := &Send{Reply: 7, Mentions: []string{"bo"}, Quiet: true, Body: []byte(`{"text":"hi"}`)}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, p := range []string{``, `{}`, `{"body":1,"reply":0}`, `"hi"`, `{"body":}`, `{"body":1}{"body":2}`} {
		if _, err := DecodePost([]byte(p)); err == nil {
			t.Errorf("%s is decoded", p)
		}
	}
}

func TestFieldOf_EveryName_IsFound(t *testing.T) {
	for f, name := range fieldNames {
		var escaped strings.Builder
		for _, c := range name {
			fmt.Fprintf(&escaped, `\u%04x`, c)
		}
		for _, text := range []string{name, escaped.String()} {
			if got, ok := fieldOf([]byte(`"` + text + `"`)); !ok || got != field(f) {
				t.Errorf("%s: got %v, %v", text, got, ok)
			}
		}
	}
}
