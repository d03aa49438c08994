// Package journal is the contract between a hub and the ordered record of its
// rooms: what an entry is, what each kind of entry means, and what an
// implementation promises. It imports nothing of this project.
//
// Package memjournal implements it in memory, package pebblejournal on a disk.
// Package journaltest proves every promise of an implementation.
//
// # Files, lowest first
//
//	kinds.go     the table of kinds of entries
//	number.go    numbers, positions and stamps
//	record.go    Records: small values that are not entries
//	entry.go     Entry and what it consists of, and the receipt for it
//	limits.go    what a journal takes: names of rooms, sizes
//	read.go      Reader: pages, heads, unread counts
//	node.go      Nodes: the processes that use a store
//	follow.go    following a room, and how that ends
//	feed.go      Feeder: the entries of all rooms in one order
//	journal.go   Journal: Append, Follow, the errors
//	eventroom.go the rooms of Events, and how much of them is kept
//	optional.go  what a journal may offer beside that
//	restore.go   Restorer: recording what another journal has recorded
//	successor.go Successor: taking the place of another journal
package journal
