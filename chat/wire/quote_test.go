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
