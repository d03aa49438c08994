// Package load is a load generator for WebSocket servers that broadcast: a
// message from one client goes to all others in its room.
//
// One goroutine serves all connections with one epoll, TLS connections too, so
// that the generator costs little beside the server on the same machine. Every
// payload that arrives is compared with what was sent, byte for byte. Missing,
// doubled, reordered, corrupted and stray deliveries are counted. The server's CPU
// time and memory are read from /proc, so the server must run on this machine.
//
// Run runs one Scenario against one Target. The package is for Linux only.
//
// # Files
//
// The lowest is first. A file uses only those above it.
//
//	dialect.go      how servers wrap messages
//	target.go       the server, and the limits of a run
//	result.go       what a run finds, as JSON and as text
//	histogram.go    latencies
//	payload.go      the bytes of a message, so that faults are seen
//	proc.go         CPU time and memory of processes
//	frame.go        WebSocket frames
//	socket.go       one connection, under package net and then under epoll
//	dial.go         opening connections and their handshakes
//	client.go       clients, rooms, senders and messages in flight
//	loop.go         epoll; what it reads goes to a frameHandler
//	generator.go    all clients of a run: sending, and checking deliveries
//	phases.go       the phases of a run, and schedules of messages
//	throughput.go   scenarios with a closed or an open loop
//	idle.go, stall.go, storm.go, connects.go   the other scenarios
//	scenario.go     all scenarios, and Run
package load
