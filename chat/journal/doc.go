// Package journal is the contract between a hub and the ordered record of its
// rooms: what an entry is, what each kind of entry means, and what an
// implementation promises. It imports nothing of this project.
//
// Package memjournal implements it in memory, package pebblejournal on a disk.
// Package journaltest proves every promise of an implementation.
//
// # Files, lowest first
//
//	kinds.go    the table of kinds of entries
//	entry.go    Entry and what it consists of, names of rooms
//	record.go   Records: small values that are not entries
//	journal.go  Journal: Append, Read, Follow
//	restore.go  Restorer: recording what another journal has recorded
package journal
