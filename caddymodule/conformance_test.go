package caddymodule_test

import (
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/conformance"
)

// The conformance tests of the raw dialect, bad input included, over ws, wss and streams
// of HTTP/2 and HTTP/3 through a real Caddy. None of it may write an error to the log.
func TestConformance(t *testing.T) {
	const options = `
		max_connections_per_ip 3000
		limits {
			session_rate  100000 100000
			session_bytes 1GiB 1GiB
			connect_rate  100000 100000
			new_rooms     100000 100000
		}`
	s := testcaddy.Start(t, "chat {"+options+"\n}")
	t.Run("ws", func(t *testing.T) {
		conformance.Run(t, conformance.Target{Addr: s.Plain, Members: 300, Messages: 300, Timeout: time.Minute})
	})
	// From here on pings are frequent and there are fewer clients: on a busy machine
	// hundreds of clients in the server's own process may not answer in time.
	s.Load("chat {" + options + "\nping_interval 4s\n}")
	t.Run("wss", func(t *testing.T) {
		conformance.Run(t, conformance.Target{Addr: s.TLS, PingInterval: 4 * time.Second, TLS: s.Trust(), Members: 100, Messages: 200})
	})
	for name, c := range streamCarriers(s) {
		t.Run(name, func(t *testing.T) {
			conformance.Run(t, conformance.Target{Connect: c.connect, PingInterval: 4 * time.Second, Members: 100, Messages: 200})
		})
	}
	s.NoErrors()
}
