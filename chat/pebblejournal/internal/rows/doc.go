// Package rows reads what the store of a Pebble journal has: states of rooms, entries,
// receipts and records. It changes nothing and keeps nothing.
//
// # Files, lowest first
//
//	timeline.go  when the store had taken in how many bytes
//	entries.go   states of rooms and entries
//	salvage.go   the same, where something is damaged
//	unlisted.go  rooms whose states are damaged
//	records.go   records, of both formats
package rows
