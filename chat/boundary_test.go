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
