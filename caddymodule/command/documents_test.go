package command_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// Every command of `caddy chat` in the documents exists and has the flags used there.
func TestDocuments_Commands_Exist(t *testing.T) {
	line := regexp.MustCompile(`(?m)^ {4,7}caddy chat (.*?)(?:  +#.*)?$|` + "`caddy chat ([^`]*)`")
	flag := regexp.MustCompile(`--[\w-]+`)
	helps := map[string]string{}
	for _, file := range testcaddy.Documents(t) {
		for _, m := range line.FindAllStringSubmatch(testcaddy.Read(t, file), -1) {
			words := flag.ReplaceAllString(m[1]+m[2], " ")
			fields := strings.Fields(strings.ReplaceAll(words, "unix//run/caddy/admin.sock", ""))
			fields = slices.DeleteFunc(fields, func(w string) bool { return strings.Contains(w, ":") && !strings.HasPrefix(w, "'") })
			if len(fields) == 0 || fields[0] == "…" {
				continue
			}
			name := fields[0]
			if helps[name] == "" {
				out, err := testcaddy.Command(t, "", name, "--help")
				if err != nil || !strings.Contains(out, "caddy chat "+name) {
					t.Errorf("%s: there is no command %q", file, name)
					continue
				}
				helps[name] = out
			}
			for _, f := range flag.FindAllString(m[1]+m[2], -1) {
				if !strings.Contains(helps[name], f+" ") {
					t.Errorf("%s: caddy chat %s has no %s", file, name, f)
				}
			}
		}
	}
	if len(helps) < 15 {
		t.Errorf("only %d commands were found", len(helps))
	}
}
