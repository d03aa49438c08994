// Package commit puts what a Pebble journal records into groups: it decides the order,
// gives entries their numbers and positions, and makes one batch of each group, which
// one fsync makes durable. It also keeps the rooms that are in use in memory.
//
// A Group belongs to the committer, then to the dispatcher, then to the committer
// again. The fields of a room that belong to the committer need no lock.
//
// # Files, lowest first
//
//	rooms.go      the state of rooms, and the cache of busy rooms
//	window.go     what the cache shows to readers: pages and heads
//	group.go      items, the group, and how it looks things up
//	fill.go       the batch of a group
//	bound.go      records as they are so far, and whether they may grow
//	numbering.go  how a group takes an item: numbers, keys, targets, restoring
//	changes.go    other changes: records, removed entries and rooms, expired keys
//	successor.go  taking the place of another journal
package commit
