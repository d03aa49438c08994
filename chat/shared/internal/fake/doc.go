// Package fake is a database in memory for the tests of package shared. Each node has an
// Engine of its own on a Store. An Engine can be told to fail as a network and a server
// do: to refuse, to lose a commit or its answer, to be slow, to lose, double and reorder
// hints, and to die. A Store can move to another server, and lose its newest commits.
//
// # Files, lowest first
//
//	store.go   Store: rooms, the feed, records, nodes
//	rollback.go the store moves or is rolled back
//	append.go  a batch is recorded
//	read.go    pages, heads, ranges
//	forget.go  retention; a room is forgotten
//	restore.go entries and records of another journal
//	faults.go  Faults: what goes wrong, and how often
//	engine.go  Engine: one node's way to a Store
package fake
