package wire

import "testing"

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
