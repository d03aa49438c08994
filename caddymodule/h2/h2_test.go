package h2

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestExtended_KeepsWhatTheOperatorHasSet(t *testing.T) {
	for before, want := range map[string]string{
		"":                             "http2xconnect=1",
		"http2debug=1":                 "http2debug=1,http2xconnect=1",
		"http2xconnect=0":              "http2xconnect=0",
		"a=b,http2xconnect=1":          "a=b,http2xconnect=1",
		"http2xconnect=0,http2debug=1": "http2xconnect=0,http2debug=1",
	} {
		if got := extended(before); got != want {
			t.Errorf("%q becomes %q, want %q", before, got, want)
		}
	}
}

func TestInit_ChangesGODEBUG(t *testing.T) {
	if got := os.Getenv("GODEBUG"); !strings.Contains(got, setting+"=") {
		t.Errorf("GODEBUG is %q", got)
	}
}

// With more imports this package might be initialized too late.
func TestImports_AreFew(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{join .Imports " "}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); !slices.Equal(got, []string{"os", "strings"}) {
		t.Errorf("imports %q", got)
	}
}
