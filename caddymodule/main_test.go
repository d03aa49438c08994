package caddymodule_test

import (
	"testing"

	_ "github.com/caddychat/caddy-chat/caddymodule/admin" // some tests inspect the hub through it
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestMain(m *testing.M) {
	testcaddy.Main(m)
}
