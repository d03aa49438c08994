package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":                       `""`,
		"plain":                  `"plain"`,
		"你好 <b>&</b> /":          `"你好 <b>&</b> /"`,
		"\"\\\b\t\n\f\r\x00\x1f": `"\"\\\b\t\n\f\r\u0000\u001f"`,
		"\x7f\u2028\u2029":       "\"\x7f\u2028\u2029\"",
		"a\xffb":                 `"a` + "\uFFFD" + `b"`,
		"\xe4\xbd":               `"` + "\uFFFD" + `"`,
		"😀":                      `"😀"`,
	} {
		if got := string(AppendString(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
		if got := string(AppendString([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("%q as bytes: got %s, want x%s", in, got, want)
		}
	}
}

func TestTextOf(t *testing.T) {
	for body, want := range map[string]string{
		`""`:                            "",
		`"hi"`:                          "hi",
		`"\"\\\/\b\f\n\r\t"`:            "\"\\/\b\f\n\r\t",
		`"\u4f60\u597D \ud83d\ude00 x"`: "你好 😀 x",
		`"a\u0000"`:                     "a\x00",
	} {
		got, ok := TextOf([]byte(body))
		if !ok || got != want {
			t.Errorf("%s: got %q, %v", body, got, ok)
		}
		appended, ok := AppendText([]byte(">"), []byte(body))
		if !ok || string(appended) != ">"+want {
			t.Errorf("%s: appended %q, %v", body, appended, ok)
		}
	}
	for _, body := range []string{`{"text":"hi"}`, `1`, `null`, `["hi"]`} {
		if got, ok := TextOf([]byte(body)); ok {
			t.Errorf("%s is text %q", body, got)
		}
		if got, ok := AppendText([]byte(">"), []byte(body)); ok || string(got) != ">" {
			t.Errorf("%s is text: %q", body, got)
		}
	}
}

func TestTextSize_CountsCharacters(t *testing.T) {
	for body, want := range map[string]int{
		`""`:                                   0,
		`"hi"`:                                 2,
		`"你好"`:                                 2,
		`"😀"`:                                  1,
		`"\ud83d\ude00\n\u4f60"`:               3,
		`{"text":"你好"}`:                        2,
		`{"t\u0065xt":"你好"}`:                   2,
		`{"text":"a","text":"abc","text":"b"}`: 3,
		`{"a":[1,"x"],"text":"abc","b":{"text":"abcdef"}}`: 3,
		`{"Text":"abc"}`:   0,
		`{"text":["abc"]}`: 0,
		`{}`:               0,
		`["abc"]`:          0,
		`12345`:            0,
	} {
		if got := TextSize([]byte(body)); got != want {
			t.Errorf("%s: got %d, want %d", body, got, want)
		}
	}
}

func TestAppendString_Growth_IsBounded(t *testing.T) {
	worst := strings.Repeat("\x00", 1000)
	if got := len(AppendString(nil, worst)); got != 6*1000+2 {
		t.Errorf("1000 bytes became %d", got)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "hi", "\x00\"\\", "你好", "\xff", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := AppendString(nil, s)
		var want string
		if err := json.Unmarshal(quoted, &want); err != nil {
			t.Fatalf("%q became %s: %v", s, quoted, err)
		}
		if valid := strings.ToValidUTF8(s, "\uFFFD"); want != valid {
			t.Fatalf("%q came back as %q", s, want)
		}
		if got, ok := TextOf(quoted); !ok || got != want {
			t.Fatalf("%s: got %q, want %q", quoted, got, want)
		}
		if got := TextSize(quoted); got != len([]rune(want)) {
			t.Fatalf("%s: %d characters, want %d", quoted, got, len([]rune(want)))
		}
	})
}
