package command_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

const cliIntro = `# caddy chat

All commands, as they describe themselves with ` + "`--help`" + `. A test compares this document with
them; after a change, ` + "`make references`" + ` writes it again.

How commands are used is in [Operations](operations.md). ` + "`caddy completion --help`" + ` says how a
shell completes them.
`

// docs/cli.md is what the commands say of themselves. With WRITE_REFERENCES in the environment
// the test writes it.
func TestDocuments_CLI_IsTheHelp(t *testing.T) {
	help := func(args ...string) string {
		t.Helper()
		got := run(t, "", append(args, "--help")...)
		if got.code != 0 || got.err != "" {
			t.Fatalf("%v: %+v", args, got)
		}
		text, _, _ := strings.Cut(got.out, "\nGlobal Flags:")
		text, _, _ = strings.Cut(text, "\nFull documentation is available")
		text, _, _ = strings.Cut(text, "\nUse \"caddy chat [command] --help\"")
		return "\n```\n" + strings.Trim(text, "\n") + "\n```\n"
	}
	root := help()
	want := cliIntro + root
	commands := regexp.MustCompile(`(?m)^  ([a-z-]+)  +[A-Z]`).FindAllStringSubmatch(root, -1)
	if len(commands) < 20 {
		t.Fatalf("only %d commands in\n%s", len(commands), root)
	}
	for _, m := range commands {
		want += "\n## " + m[1] + "\n" + help(m[1])
	}
	file := testcaddy.Root(t) + "/docs/cli.md"
	if os.Getenv("WRITE_REFERENCES") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := testcaddy.Read(t, file); got != want {
		t.Errorf("%s is not what the commands say: make references", file)
	}
}
