// Package inspect looks at a Pebble store before Pebble may change it.
//
// Pebble trusts what it can read. A manifest ends where its first unreadable record
// is, and the tables that only later records name are deleted as obsolete. A log ends
// likewise, unless it is certain that more was synced, in which case nothing is
// opened. Neither is said. So Look reads the files first, writes nothing, and tells
// what is missing, what can be made again, and how much of the logs can be believed.
// View then shows the store to Pebble accordingly.
//
// # What it relies on
//
// The tests fail when a release of Pebble changes one of these.
//
//   - A log and a manifest consist of chunks within blocks of 32 KiB: a checksum of 4
//     bytes, a length of 2, a type of 1. The types 5 to 8 have the number of the log
//     behind that, the types 9 to 12 also how much of the log was synced before.
//   - A log is closed with a chunk that has the number of the next log.
//   - The first batch of a log follows the last one of the log before it without a gap
//     in their sequence numbers.
//   - Read-only, Pebble opens the logs that it would replay, and writes nothing.
//   - A table that was finished ends with a number of 8 bytes.
//
// # Files, lowest first
//
//	chunk.go     chunks of logs and manifests: what lies behind the last readable one
//	found.go     Found: what Look tells; names of files
//	view.go      View: a file system that shows the store as it can be believed
//	logs.go      reading the logs
//	manifest.go  reading the manifest; markers and options
//	look.go      Look
package inspect
