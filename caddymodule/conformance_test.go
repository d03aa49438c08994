package caddymodule_test

import (
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/conformance"
)

// The whole raw dialect and what bad input gets, over ws and wss through a real
// Caddy. None of it may write an error to the log.
func TestConformance(t *testing.T) {
	s := startCaddy(t, `chat {
		max_connections_per_ip 3000
		ping_interval 2s
		limits {
			session_rate  100000 100000
			session_bytes 1GiB 1GiB
			connect_rate  100000 100000
		}
	}`)
	t.Run("ws", func(t *testing.T) {
		conformance.Run(t, conformance.Target{Addr: s.plain, PingInterval: 2 * time.Second})
	})
	t.Run("wss", func(t *testing.T) {
		conformance.Run(t, conformance.Target{Addr: s.tls, PingInterval: 2 * time.Second, TLS: s.trust(), Members: 200, Messages: 200})
	})
	s.noErrors()
}
