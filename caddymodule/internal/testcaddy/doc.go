// Package testcaddy runs a real Caddy with the chat for tests of caddymodule and of the
// packages below it: Site in the process of the test, Process in one of its own, and
// Command for `caddy chat`. It also has clients for them.
//
// # Files
//
// A file refers only to files above it in this list:
//
//	address.go    free addresses
//	files.go      files of the project, and waiting
//	handshake.go  TLS handshakes that wait for the end of a load
//	listeners.go  what listens at an address, and the end of that
//	site.go       Caddy in the process of the test
//	client.go     WebSocket and HTTP clients of a site, its users and limits
//	receiver.go   the receiver of a webhook, in a process of its own
//	process.go    Caddy and `caddy chat` in processes of their own
//	hubs.go       two hubs, for export and import
package testcaddy
