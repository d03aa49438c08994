//go:build unix

package journals_test

import (
	"testing"

	_ "github.com/caddychat/caddy-chat"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

var postgres *testpostgres.Server

func TestMain(m *testing.M) {
	testcaddy.Main(running{m})
}

// running runs the tests beside a PostgreSQL. Neither a Caddy of its own nor a command needs another one.
type running struct{ *testing.M }

func (r running) Run() int {
	postgres = testpostgres.New()
	defer postgres.Remove()
	return r.M.Run()
}
