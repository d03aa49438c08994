// Package testcaddy runs a real Caddy with the chat for tests of caddymodule and of the
// packages below it: Site in the process of the test, Process in one of its own, and
// Command for `caddy chat`. It also has clients for them.
package testcaddy
