package main

import (
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// The root package, and so a Caddy that xcaddy builds with it, has all of the project.
func TestCaddy_HasEveryModule(t *testing.T) {
	for _, id := range []string{
		"admin.api.chat", "chat", "chat.auth.caddy", "chat.auth.guest", "chat.auth.jwt", "chat.auth.wechat",
		"chat.journals.memory", "chat.journals.pebble", "chat.journals.postgres", "http.handlers.chat",
	} {
		if _, err := caddy.GetModule(id); err != nil {
			t.Error(err)
		}
	}
	if _, ok := caddycmd.Commands()["chat"]; !ok {
		t.Error("there is no command chat")
	}
}
