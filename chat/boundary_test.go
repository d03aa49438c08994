package chat_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Nothing under chat may depend on Caddy, so that a Go program can embed it
// without.
func TestImports_ChatKnowsNoCaddy(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	seen := false
	for pkg := range strings.Lines(string(out)) {
		seen = seen || strings.TrimSpace(pkg) == "github.com/caddychat/caddy-chat/chat"
		if strings.HasPrefix(pkg, "github.com/caddyserver/") || strings.HasPrefix(pkg, "github.com/caddychat/caddy-chat/caddymodule") {
			t.Errorf("chat depends on %s", pkg)
		}
	}
	if !seen {
		t.Error("go list did not list chat itself")
	}
}

// Of the whole project caddymodule alone knows Caddy, and cmd what it is built
// into.
func TestImports_OnlyCaddymoduleKnowsCaddy(t *testing.T) {
	cmd := exec.Command("go", "list", "-test", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	knows := 0
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.Contains(imports, "github.com/caddyserver/") {
			continue
		}
		knows++
		rest := strings.TrimPrefix(pkg, "github.com/caddychat/caddy-chat/")
		if !strings.HasPrefix(rest, "caddymodule") && !strings.HasPrefix(rest, "cmd/") {
			t.Errorf("%s imports Caddy", pkg)
		}
	}
	if knows < 2 {
		t.Errorf("only %d packages import Caddy: go list was misread", knows)
	}
}
