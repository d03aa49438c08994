//go:build linux

// Command run measures broadcast servers side by side and writes the results to
// bench/results.
//
//	go run ./bench/run
//
// It builds the servers, starts one at a time on one core, and the generator on
// another core. Each round measures all servers one after the other, so that
// figures that are compared were taken within minutes of each other. bench/README.md
// describes the scenarios and the servers.
//
// # Files
//
// The lowest is first. A file uses only those above it.
//
//	benchmark.go   one run of the command
//	machine.go     what figures depend on: processor, kernel, commit
//	servers.go     all servers, and which scenarios they can run
//	build.go       building servers and generator
//	process.go     starting and stopping a server
//	goals.go       figures, and the goals for them
//	report.go      the results of a run, as JSON
//	markdown.go    the results as tables
//	chart.go       the results as a picture
//	measure.go     running scenarios
//	main.go        flags
package main
