package command_test

import (
	"testing"

	_ "github.com/caddychat/caddy-chat/caddymodule/command"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestMain(m *testing.M) { testcaddy.Main(m) }
