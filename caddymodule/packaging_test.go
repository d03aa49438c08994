package caddymodule_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestListModules_ShowsOurs(t *testing.T) {
	cmd := exec.Command(os.Args[0], "list-modules")
	cmd.Env = append(os.Environ(), commandVariable+"=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(out))
	for _, want := range []string{
		"admin.api.chat", "chat", "chat.auth.caddy", "chat.auth.guest", "chat.auth.jwt", "chat.auth.wechat",
		"chat.journals.memory", "chat.journals.pebble", "http.handlers.chat",
	} {
		if !slices.Contains(modules, want) {
			t.Errorf("%s is not in the list", want)
		}
	}
}
