package caddymodule_test

import (
	"fmt"
	"os"
	"testing"

	_ "github.com/caddychat/caddy-chat/caddymodule/admin" // some tests inspect the hub through it
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestMain(m *testing.M) {
	if to := os.Getenv(receiverVariable); to != "" {
		fmt.Fprintln(os.Stderr, receive(to))
		os.Exit(1)
	}
	testcaddy.Main(m)
}
