// Package format is the form of what a Pebble journal keeps: the keys of its tables,
// and their values. The first byte of a key is the letter of its table:
//
//	m name                    the format, the epoch and the totals of the store
//	h room                    the state of a room when its first entry last changed
//	e room seq                entries
//	f position                the feed: which entries a commit has recorded
//	k room hash(user, key)    idempotency keys: seq and time of their entry
//	x time room hash          idempotency keys whose entry is deleted, by its time
//	t bytes                   a timeline: when the store had taken in so many bytes
//	s key                     records with their stamps
//	r key                     records of format 1, without stamps
//
// The length of a room's name stands before it, so no name is a prefix of another.
// Numbers in keys are big-endian, numbers in values are varints.
//
// # Files, lowest first
//
//	values.go  how values are read, field by field
//	tables.go  the tables, and what their keys are made of
//	entry.go   entries
//	room.go    states of rooms, idempotency keys
//	store.go   totals, the timeline, the feed
//	record.go  records
package format

// Version names the form of the keys and values. A store of another version is not
// opened, except of version 1, which becomes this one. testdata has a store of every
// version.
const Version = "2"

// FirstVersion is the form of stores that have no feed, no counts and no stamps.
const FirstVersion = "1"
