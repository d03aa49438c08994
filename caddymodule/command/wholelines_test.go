package command

import (
	"bytes"
	"strings"
	"testing"

	"github.com/schollz/progressbar/v3"
)

// An export that breaks off within a line ends with the line before it.
func TestWholeLines(t *testing.T) {
	for _, text := range []string{"", "one\n", "one\ntwo\nthr", "a line without an end", "\n\n"} {
		for _, piecewise := range []bool{true, false} {
			var out bytes.Buffer
			w := &wholeLines{to: &out, bar: progressbar.DefaultSilent(-1)}
			if piecewise {
				for i := range len(text) {
					if n, err := w.Write([]byte(text[i : i+1])); n != 1 || err != nil {
						t.Fatal(n, err)
					}
				}
			} else if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
				t.Fatal(n, err)
			}
			if want := text[:strings.LastIndexByte(text, '\n')+1]; out.String() != want || w.n != strings.Count(want, "\n") {
				t.Errorf("%q: %q is written, and %d lines are counted", text, out.String(), w.n)
			}
		}
	}
}
