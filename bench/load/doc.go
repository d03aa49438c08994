// Package load is a WebSocket load generator for servers that broadcast: what
// one client says, all others in its room hear.
//
// One goroutine serves all connections from one epoll, TLS ones too, so that
// the generator costs little beside the server that it measures. Every payload
// that arrives is compared with what was sent, byte for byte, and missing,
// doubled, reordered, corrupted and stray deliveries are counted. The server's
// CPU time and memory are read from /proc, so it must run on this machine.
//
// Run plays one Scenario against one Target. It is for Linux only.
package load
